"""The host's IMAGE (B, H, W, C) and MASK (B, H, W) <-> pictures (N, 3, H, W) and holes (N, 1, H, W)."""

from __future__ import annotations

import torch
from torch import Tensor

from rfr_core.errors import HoleError, ImageError
from rfr_core.holes.masks import to_hole

# What the host's Load Image gives for a file without transparency.
_NO_MASK_SIZE = (64, 64)


def to_pictures(image: Tensor) -> Tensor:
    """IMAGE (B, H, W, 1, 3 or 4), float in [0, 1] -> (B, 3, H, W) on the CPU; an alpha channel is left out.

    The host keeps pictures and masks on the GPU where it is started with --gpu-only, or another node leaves them there.

    Raises ImageError for another shape, or a value that a graph holds in place of a connection.
    """
    if not isinstance(image, Tensor):
        raise ImageError(f"The image is {image!r}; connect one, such as that of Load Image.")
    if image.ndim != 4 or image.shape[-1] not in (1, 3, 4) or 0 in image.shape:
        raise ImageError(f"The image has shape {tuple(image.shape)}; expected a batch of RGB pictures (B, H, W, 3).")
    colours = image[..., :3] if image.shape[-1] >= 3 else image.expand(*image.shape[:-1], 3)
    return colours.movedim(-1, 1).cpu()


def to_image(pictures: Tensor) -> Tensor:
    """Pictures (N, 3, H, W) -> IMAGE (N, H, W, 3), contiguous, float32 on the CPU."""
    return pictures.movedim(1, -1).to("cpu", torch.float32).contiguous()


def to_mask(hole: Tensor) -> Tensor:
    """A hole (N, 1, H, W) -> MASK (N, H, W), float32 on the CPU, 1 = hole."""
    return hole[:, 0].to("cpu", torch.float32).contiguous()


def hole_for(mask: Tensor, pictures: Tensor, threshold: float = 0.5) -> tuple[Tensor, list[str]]:
    """The hole (1 or N, 1, H, W) bool, on the CPU, of a MASK for pictures (N, 3, H, W), and what a user should know.

    Values of at least `threshold` are hole. Several masks for one picture, as detectors give them, are united.
    Raises HoleError: the mask is the placeholder of a file without transparency, there are neither one nor as many
    masks as pictures, or a graph holds a value in place of a connection.
    """
    if not isinstance(mask, Tensor):
        raise HoleError(f"The mask is {mask!r}; connect one, such as that of Load Mask (RFR).")
    count, _, height, width = pictures.shape
    masks = (mask[None] if mask.ndim == 2 else mask).cpu()
    size = tuple(masks.shape[-2:])
    if size == _NO_MASK_SIZE and size != (height, width) and not masks.any():
        raise HoleError(
            "There is no mask: the loaded file has no transparency; "
            "connect a mask, or paint one with the mask editor of the Load Image node."
        )
    notes = []
    if count == 1 and len(masks) > 1:
        notes.append(f"All {len(masks)} masks are filled in the one picture.")
        masks = masks.amax(0, keepdim=True)
    if len(masks) not in (1, count):
        raise HoleError(f"There are {len(masks)} masks for {count} pictures; expected one, or one for each picture.")
    hole = to_hole(masks, size=(height, width), resize=True, threshold=threshold, dtype=torch.bool)
    if size != (height, width):
        notes.append(f"The mask of {size[1]}×{size[0]} pixels was resized to the picture's {width}×{height}.")
    return hole, notes


def nothing_to_fill(mask: Tensor, hole: Tensor, threshold: float, grow: int) -> list[str]:
    """Why there is nothing to fill in a hole (N, 1, H, W), made of a MASK; no sentence where each picture has some."""
    empty = int((~hole.flatten(1).any(1)).sum())
    if not empty:
        return []
    if empty < len(hole):
        return [f"There is nothing to fill in {empty} of {len(hole)} pictures."]
    highest = float(mask.max())
    if highest < threshold:
        reason = (
            f"the highest value in the mask is {highest:.2g}, and only values of at least {threshold:.2g} are filled"
        )
        help_ = "lower the threshold" if highest > 0 else "paint a mask, or connect another"
        return [f"Nothing to fill: {reason}; {help_}."]
    if grow < 0:
        return [f"Nothing to fill: the mask vanishes when it shrinks by {-grow} pixels; choose a higher grow."]
    return ["Nothing to fill: what is white in the mask is too small to be seen at the picture's size."]
