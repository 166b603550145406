"""The host's IMAGE (B, H, W, C) and MASK (B, H, W) <-> pictures (N, 3, H, W) and holes (N, 1, H, W)."""

from __future__ import annotations

import torch
from PIL import Image
from torch import Tensor

from rfr_core.errors import HoleError, ImageError
from rfr_core.holes.masks import to_hole

# What the host's Load Image gives for a file without transparency.
_NO_MASK_SIZE = (64, 64)


def to_pictures(image: Tensor) -> Tensor:
    """IMAGE (B, H, W, 1, 3 or 4), float in [0, 1] -> (B, 3, H, W); an alpha channel is left out.

    Raises ImageError for another shape, or a value that a graph holds in place of a connection.
    """
    if not isinstance(image, Tensor):
        raise ImageError(f"The image is {image!r}; connect one, such as that of Load Image.")
    if image.ndim != 4 or image.shape[-1] not in (1, 3, 4) or 0 in image.shape:
        raise ImageError(f"The image has shape {tuple(image.shape)}; expected a batch of RGB pictures (B, H, W, 3).")
    colours = image[..., :3] if image.shape[-1] >= 3 else image.expand(*image.shape[:-1], 3)
    return colours.movedim(-1, 1)


def to_image(pictures: Tensor) -> Tensor:
    """Pictures (N, 3, H, W) -> IMAGE (N, H, W, 3), contiguous, float32 on the CPU."""
    return pictures.movedim(1, -1).to("cpu", torch.float32).contiguous()


def to_mask(hole: Tensor) -> Tensor:
    """A hole (N, 1, H, W) -> MASK (N, H, W), float32 on the CPU, 1 = hole."""
    return hole[:, 0].to("cpu", torch.float32).contiguous()


def hole_for(mask: Tensor, pictures: Tensor) -> tuple[Tensor, str | None]:
    """The hole (1 or N, 1, H, W) that a MASK describes for pictures (N, 3, H, W), and a note where it was resized.

    Raises HoleError: the mask is the placeholder of a file without transparency, there are neither one nor as many
    masks as pictures, or a graph holds a value in place of a connection.
    """
    if not isinstance(mask, Tensor):
        raise HoleError(f"The mask is {mask!r}; connect one, such as that of Load Mask (RFR).")
    count, _, height, width = pictures.shape
    masks = mask[None] if mask.ndim == 2 else mask
    size = tuple(masks.shape[-2:])
    if size == _NO_MASK_SIZE and size != (height, width) and not masks.any():
        raise HoleError(
            "There is no mask: the loaded file has no transparency; "
            "connect a mask, or paint one with the mask editor of the Load Image node."
        )
    if len(masks) not in (1, count):
        raise HoleError(f"There are {len(masks)} masks for {count} pictures; expected one, or one for each picture.")
    hole = to_hole(masks, size=(height, width), resize=True)
    if size == (height, width):
        return hole, None
    return hole, f"The mask of {size[1]}×{size[0]} pixels was resized to the picture's {width}×{height}."


def to_pil(picture: Tensor) -> Image.Image:
    """A picture (1, 3, H, W) in [0, 1] as an 8-bit PIL image."""
    values = picture[0].movedim(0, -1).clamp(0, 1).mul(255).round().to("cpu", torch.uint8)
    return Image.fromarray(values.contiguous().numpy())
