"""Masks as people have them -> a hole; shaping of holes; random holes.

A hole is a float32 tensor (N, 1, H, W) of 0 and 1; 1 = fill this. Polarity, channels and thresholds are
settled here and nowhere else.
"""

from __future__ import annotations

import math
import os

import numpy as np
import torch
from PIL import Image

from rfr_core.errors import HoleError, ImageError
from rfr_core.holes.shaping import check_size
from rfr_core.images.modes import to_supported_mode
from rfr_core.images.picture_files import DEFAULT_MAX_PIXELS, read_mask
from rfr_core.options import Channel, check_reading

MaskLike = Image.Image | np.ndarray | torch.Tensor
_LUMA = (0.299, 0.587, 0.114)  # ITU-R BT.601


def to_hole(
    mask: MaskLike,
    *,
    size: tuple[int, int] | None = None,
    threshold: float = 0.5,
    invert: bool = False,
    channel: Channel = "auto",
    resize: bool = False,
    dtype: torch.dtype = torch.float32,
) -> torch.Tensor:
    """A hole (N, 1, H, W) of 0 and 1 from a mask whose white part is to be filled.

    mask: a PIL image of any mode; an array (H, W), (H, W, C) or (N, H, W), where a last axis of 1 to 4 is
    taken for channels unless `size` says otherwise; a tensor (H, W), (N, H, W) or (N, C, H, W) (arrays may
    have that form too). Floats are 0 to 1, bools as they are, integers 0 to 255 (uint16: 65535) or, when none
    exceeds 1, 0 and 1. size: (H, W) the hole must have. threshold: values of at least this, in (0, 1], are
    hole. invert: swap hole and known afterwards. channel: "auto" is luminance, except where alpha varies
    while all visible pixels have one colour (a layer painted on): then it is alpha, opaque = hole. resize:
    scale to `size` by nearest neighbour. dtype: of the result, bool being the quickest.

    Raises HoleError: another type, shape or range, a missing channel, NaN, or a size that differs from
    `size`.
    """
    check_reading(channel, threshold)
    if isinstance(mask, Image.Image) and mask.mode != "F":
        plane, white = _picture_plane(mask, channel)
    else:
        layers = _layers(mask, size)
        white = _white(layers)
        plane = _array_plane(layers, channel)
    # The slack covers the rounding of a float32 luminance: white must pass a threshold of 1.
    least = (threshold - 1e-6) * white
    # Whole numbers are compared as such, which is several times as fast.
    hole = plane >= (least if plane.is_floating_point() else math.ceil(least))
    hole = (~hole if invert else hole).to(dtype)
    return hole if size is None else _fitted(hole, size, resize)


def hole_from_alpha(image: Image.Image) -> torch.Tensor:
    """The transparent part of a picture as a hole (1, 1, H, W): 1 where alpha is below half.

    Raises HoleError when the picture has no transparency.
    """
    image = _standard(image)
    if image.mode not in ("LA", "RGBA"):
        raise HoleError(f"the picture (mode {image.mode}) has no transparency to fill; give a mask.")
    return _plane_tensor(image.getchannel("A")).lt(128).to(torch.float32)


def read_hole(
    path: str | os.PathLike[str],
    *,
    size: tuple[int, int] | None = None,
    threshold: float = 0.5,
    invert: bool = False,
    channel: Channel = "auto",
    resize: bool = False,
    max_pixels: int = DEFAULT_MAX_PIXELS,
) -> torch.Tensor:
    """A hole (1, 1, H, W) from a mask file, its EXIF orientation applied; options as in `to_hole`.

    Raises HoleError: the file cannot be read, or whatever `to_hole` refuses.
    """
    image = read_mask(path, max_pixels=max_pixels)
    return to_hole(image, size=size, threshold=threshold, invert=invert, channel=channel, resize=resize)


def _standard(image: Image.Image) -> Image.Image:
    try:
        return to_supported_mode(image)
    except ImageError as error:
        raise HoleError(f"the mask cannot be used: {error}") from error


def _plane_tensor(image: Image.Image) -> torch.Tensor:
    """One-channel image -> (1, 1, H, W), uint8, or int32 for 16 bits (torch compares no uint16)."""
    values = np.array(image)
    return torch.from_numpy(values if values.dtype == np.uint8 else values.astype(np.int32))[None, None]


def _picture_plane(image: Image.Image, channel: Channel) -> tuple[torch.Tensor, int]:
    """The channel of a PIL image (1, 1, H, W), and its value for white."""
    image = _standard(image)
    has_alpha = image.mode in ("LA", "RGBA")
    if channel == "auto":
        painted = has_alpha and _is_painted_layer(torch.from_numpy(np.array(image)).permute(2, 0, 1)[None])
        channel = "alpha" if painted else "luminance"
    if channel == "alpha":
        if not has_alpha:
            raise HoleError(f"the mask (mode {image.mode}) has no alpha channel; choose luminance.")
        return _plane_tensor(image.getchannel("A")), 255
    if image.mode == "I;16":
        return _plane_tensor(image), 65535
    if channel == "luminance":
        return _plane_tensor((image.convert("RGB") if image.mode == "CMYK" else image).convert("L")), 255
    return _plane_tensor(image.convert("RGB").getchannel(channel[0].upper())), 255


def _is_painted_layer(layers: torch.Tensor) -> bool:
    """Whether (N, C, H, W) with alpha last is paint on a layer: alpha varies, visible colour does not."""
    alpha = layers[:, -1]
    if bool(alpha.min() == alpha.max()):
        return False
    hidden = alpha == 0
    first = int((~hidden).flatten().to(torch.uint8).argmax())
    colours = (layers[:, c] for c in range(layers.shape[1] - 1))
    # One channel at a time: a real picture fails on the first.
    return all(bool(((plane == plane.reshape(-1)[first]) | hidden).all()) for plane in colours)


def _layers(mask: object, size: tuple[int, int] | None) -> torch.Tensor:
    """Array, tensor or float image -> (N, C, H, W) with C from 1 to 4."""
    if isinstance(mask, Image.Image):
        mask = np.array(mask)
    if isinstance(mask, np.ndarray):
        layers = _array_layers(mask, size)
    elif isinstance(mask, torch.Tensor):
        layers = mask.detach()
        if layers.is_complex():
            raise HoleError(f"the mask holds values of type {layers.dtype}; expected bool, uint8 or float.")
        if layers.dtype in (torch.uint16, torch.uint32, torch.uint64):  # torch compares none of them
            layers = torch.from_numpy(_native(layers.cpu().numpy()))
    else:
        raise HoleError(f"the mask is a {type(mask).__name__}; expected a PIL image, a NumPy array or a tensor.")
    if layers.ndim in (2, 3):
        layers = layers[None, None] if layers.ndim == 2 else layers[:, None]
    if layers.ndim != 4 or not 1 <= layers.shape[1] <= 4 or 0 in layers.shape:
        raise HoleError(
            f"the mask has shape {tuple(mask.shape)}; "
            "expected (H, W), (N, H, W) or (N, 1, H, W), or an array (H, W, C) of at most 4 channels."
        )
    return layers


def _array_layers(mask: np.ndarray, size: tuple[int, int] | None) -> torch.Tensor:
    """A NumPy array as a tensor, channels moved to where torch has them."""
    if mask.dtype.kind not in "buif":
        raise HoleError(f"the mask holds values of type {mask.dtype}; expected bool, uint8 or float.")
    layers = torch.from_numpy(_native(mask))
    if mask.ndim != 3:
        return layers
    channels_last = mask.shape[2] <= 4
    if size is not None and tuple(size) in (mask.shape[:2], mask.shape[1:]):
        channels_last = tuple(size) != mask.shape[1:]
    return layers.permute(2, 0, 1)[None] if channels_last else layers


def _native(mask: np.ndarray) -> np.ndarray:
    """The values in a type that torch computes with; 16-bit gray as floats."""
    if mask.dtype.kind == "f":
        mask = mask.astype(np.float32, copy=False)
    elif mask.dtype == np.uint16 and mask.size and mask.max() > 1:
        mask = np.asarray(mask.astype(np.float32) / np.float32(65535))  # of a single number NumPy makes no array
    elif mask.dtype not in (np.bool_, np.uint8):
        mask = mask.astype(np.int64)
    # torch takes neither negative strides nor read-only memory without a warning
    return mask if mask.flags.c_contiguous and mask.flags.writeable else mask.copy(order="C")


def _white(layers: torch.Tensor) -> int:
    """The value that stands for white; HoleError where the values fit no convention."""
    if layers.dtype == torch.bool:
        return 1
    low, high = (bound.item() for bound in torch.aminmax(layers))  # NaN comes through
    top = 1 if layers.is_floating_point() or high <= 1 else 255
    if not 0 <= low <= high <= top:
        expected = "0 to 1" if layers.is_floating_point() else "0 to 255"
        raise HoleError(f"the mask holds values from {low:g} to {high:g}; expected {expected}: rescale it.")
    return top


def _array_plane(layers: torch.Tensor, channel: Channel) -> torch.Tensor:
    """(N, C, H, W) -> the chosen channel (N, 1, H, W)."""
    has_alpha = layers.shape[1] in (2, 4)
    if channel == "auto":
        channel = "alpha" if has_alpha and _is_painted_layer(layers) else "luminance"
    if channel == "alpha":
        if not has_alpha:
            raise HoleError(f"the mask has {layers.shape[1]} channel(s), no alpha; choose luminance.")
        return layers[:, -1:]
    if layers.shape[1] < 3:
        return layers[:, :1]
    if channel == "luminance":
        red, green, blue = (layers[:, c : c + 1].to(torch.float32) * share for c, share in enumerate(_LUMA))
        return red + green + blue
    index = ("red", "green", "blue").index(channel)
    return layers[:, index : index + 1]


def _fitted(hole: torch.Tensor, size: tuple[int, int], resize: bool) -> torch.Tensor:
    """The hole at (H, W) = size, by nearest neighbour, where that is allowed or nothing is to be done."""
    height, width = hole.shape[-2:]
    if (height, width) == tuple(size):
        return hole
    if not resize:
        raise HoleError(
            f"the mask is {width}×{height} pixels, the picture {size[1]}×{size[0]}; "
            "expected the same size: scale the mask, or ask for it with resize."
        )
    check_size(*size)
    rows = (torch.arange(size[0], device=hole.device) * 2 + 1) * height // (2 * size[0])
    columns = (torch.arange(size[1], device=hole.device) * 2 + 1) * width // (2 * size[1])
    return hole[..., rows[:, None], columns]
