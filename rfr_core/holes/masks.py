"""Masks as people have them -> a hole; shaping of holes; random holes.

A hole is a float32 tensor (N, 1, H, W) of 0 and 1; 1 = fill this. Polarity, channels and thresholds are
settled here and nowhere else.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterator

import numpy as np
import torch
from PIL import Image, ImageDraw

from rfr_core.errors import HoleError, ImageError
from rfr_core.images.picture_files import DEFAULT_MAX_PIXELS, read_mask, to_supported_mode
from rfr_core.options import Channel, check_reading

MaskLike = Image.Image | np.ndarray | torch.Tensor

RATIO_BUCKETS = ((0.0, 0.1), (0.1, 0.2), (0.2, 0.3), (0.3, 0.4), (0.4, 0.5), (0.5, 0.6))
MAX_REACH = 32_768  # pixels that a hole is grown or feathered by; its square must fit into 32 bits

_LUMA = (0.299, 0.587, 0.114)  # ITU-R BT.601
_MAX_STROKES = 200


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


def grow(hole: torch.Tensor, pixels: int) -> torch.Tensor:
    """Grow a hole (N, 1, H, W) by a disk of the given radius, or shrink it where `pixels` is negative.

    Exact: a pixel becomes hole when a hole pixel's centre lies within `pixels` of its own; shrinking is the
    same for the known pixels. What lies beyond the picture's border counts as neither. Raises HoleError for
    another shape, or more than `MAX_REACH` pixels.
    """
    _check_hole(hole)
    if abs(pixels) > MAX_REACH:
        raise HoleError(f"grow is {pixels} pixels; expected {-MAX_REACH} to {MAX_REACH}.")
    rows, columns = _box(hole > 0.5, max(1, pixels))
    inside = hole[:, 0, rows, columns] > 0.5
    result = torch.zeros_like(hole)
    changed = _dilated(inside, pixels) if pixels >= 0 else ~_dilated(~inside, -pixels)
    result[:, 0, rows, columns] = changed.to(hole.dtype)
    return result


def feather(hole: torch.Tensor, pixels: int) -> torch.Tensor:
    """Weights (N, 1, H, W) that rise from the border of a hole inwards, for pasting without a hard edge.

    weight = min(1, d / (pixels + 1)) inside the hole, d = Euclidean distance to the nearest known pixel's
    centre (at least 1); 0 outside; 0 pixels give the hole itself. The picture's border is no border of the
    hole. Raises HoleError for another shape, a negative number, or more than `MAX_REACH` pixels.
    """
    _check_hole(hole)
    if not 0 <= pixels <= MAX_REACH:
        raise HoleError(f"feather is {pixels} pixels; expected 0 or more, up to {MAX_REACH}.")
    weight = (hole > 0.5).to(torch.float32)
    rows, columns = _box(hole > 0.5, 1)  # 1: the known pixels next to the hole are the nearest there are
    inside = hole[:, 0, rows, columns] > 0.5
    if pixels and inside.any():
        squared = _squared_distance(~inside, pixels + 1)
        weight[:, 0, rows, columns] = (squared.sqrt() / (pixels + 1)).clamp(max=1.0)
    return weight


def area_ratio(hole: torch.Tensor) -> torch.Tensor:
    """The share of each picture that is hole: (N, 1, H, W) -> (N,) float32 in [0, 1]."""
    _check_hole(hole)
    return hole.to(torch.float32).flatten(1).mean(dim=1)


def random_irregular_hole(
    height: int,
    width: int,
    *,
    ratio: tuple[float, float] = (0.1, 0.6),
    generator: np.random.Generator | int | None = None,
) -> torch.Tensor:
    """A random irregular hole (1, 1, height, width): brush strokes and ellipses, as in Liu et al. 2018.

    ratio: (low, high); the share of hole is drawn evenly from [low, high) and met to the pixel: the last
    stroke ends where it is reached. At least one pixel is hole. generator: a NumPy generator or a seed; the
    same gives the same. Raises HoleError when no number of pixels lies in the ratio.
    """
    _check_size(height, width)
    rng = np.random.default_rng(generator)
    target = _target_pixels(height * width, ratio, rng)
    canvas = Image.new("L", (width, height))
    draw = ImageDraw.Draw(canvas)
    before = np.zeros((height, width), dtype=bool)
    for _ in range(_MAX_STROKES):
        start = _draw_shape(draw, height, width, target / (height * width), rng)
        after = np.asarray(canvas) > 0
        if np.count_nonzero(after) >= target:
            return _as_hole(_topped_up(before, after, target, start))
        before = after
    start = rng.uniform((0, 0), (width, height))
    return _as_hole(_topped_up(before, np.ones_like(before), target, start))


def random_object_hole(height: int, width: int, *, generator: np.random.Generator | int | None = None) -> torch.Tensor:
    """A random hole (1, 1, height, width) of an object's kind: one blob with a smooth closed outline.

    It takes a few per cent to 30 % of the picture (at least one pixel) and may be cut by the border.
    generator: a NumPy generator or a seed; the same gives the same. Raises HoleError for a size below 1.
    """
    _check_size(height, width)
    rng = np.random.default_rng(generator)
    outline = _blob(rng) * math.sqrt(rng.uniform(0.04, 0.28) * height * width)  # (n, 2), around 0
    centre = np.array([rng.uniform(0.25, 0.75) * (width - 1), rng.uniform(0.25, 0.75) * (height - 1)])
    canvas = Image.new("L", (width, height))
    ImageDraw.Draw(canvas).polygon((outline + centre).ravel().tolist(), fill=255)
    canvas.putpixel((round(centre[0]), round(centre[1])), 255)
    return _as_hole(np.asarray(canvas) > 0)


# Masks of every kind


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
    _check_size(*size)
    rows = (torch.arange(size[0], device=hole.device) * 2 + 1) * height // (2 * size[0])
    columns = (torch.arange(size[1], device=hole.device) * 2 + 1) * width // (2 * size[1])
    return hole[..., rows[:, None], columns]


# Distances


def _check_hole(hole: torch.Tensor) -> None:
    if hole.ndim != 4 or hole.shape[1] != 1:
        raise HoleError(f"the hole has shape {tuple(hole.shape)}; expected (N, 1, H, W): use to_hole first.")


def _box(hole: torch.Tensor, margin: int) -> tuple[slice, slice]:
    """Rows and columns of the box around all holes of a batch (N, 1, H, W) and `margin` pixels more."""
    marked = hole.any(dim=0)[0]  # (H, W)
    return _span(marked.any(dim=1), margin), _span(marked.any(dim=0), margin)


def _span(marked: torch.Tensor, margin: int) -> slice:
    places = marked.nonzero()
    if not len(places):
        return slice(0, 0)
    return slice(max(0, int(places[0]) - margin), int(places[-1]) + margin + 1)


def _row_distance(inside: torch.Tensor, limit: int) -> torch.Tensor:
    """Distance along the row to the nearest True of (N, h, w); beyond `limit`, any number above it."""
    dtype = torch.int16 if limit <= 126 else torch.int32  # twice the square still fits, and half the memory moves
    far = torch.full((), limit + 1, dtype=dtype, device=inside.device)
    distance = torch.where(inside, torch.zeros_like(far), far)
    step = 1
    # Steps of 1, 2, 4, … to either side add up to every distance there is.
    while step <= min(limit, inside.shape[-1] - 1):
        right = distance[..., step:] + step
        left = distance[..., :-step] + step
        distance[..., :-step] = torch.minimum(distance[..., :-step], right)
        distance[..., step:] = torch.minimum(distance[..., step:], left)
        step *= 2
    return distance


def _shifts(height: int, radius: int) -> list[tuple[int, slice, slice]]:
    """(offset, rows that look, rows looked at) for every vertical offset up to `radius`."""
    reach = min(radius, height - 1)
    return [
        (dy, slice(max(0, -dy), height - max(0, dy)), slice(max(0, dy), height + min(0, dy)))
        for dy in range(-reach, reach + 1)
    ]


def _bands(height: int, reach: int) -> Iterator[tuple[slice, slice, slice]]:
    """(rows of a band, the same with `reach` rows around, the band within those), to fit the cache."""
    band = max(64, 4 * reach)
    for first in range(0, height, band):
        last = min(height, first + band)
        above = min(first, reach)
        yield slice(first, last), slice(first - above, last + reach), slice(above, above + last - first)


def _dilated(inside: torch.Tensor, radius: int) -> torch.Tensor:
    """(N, h, w) bool -> True within `radius` of a True."""
    result = torch.empty_like(inside)
    for band, around, within in _bands(inside.shape[1], radius):
        along = _row_distance(inside[:, around], radius)
        grown = torch.zeros_like(inside[:, around])
        for dy, rows, others in _shifts(along.shape[1], radius):
            grown[:, rows] |= along[:, others] <= math.isqrt(radius * radius - dy * dy)
        result[:, band] = grown[:, within]
    return result


def _squared_distance(inside: torch.Tensor, limit: int) -> torch.Tensor:
    """Squared Euclidean distance to the nearest True of (N, h, w), at most limit², float32."""
    result = torch.empty(inside.shape, dtype=torch.float32, device=inside.device)
    for band, around, within in _bands(inside.shape[1], limit):
        along = _row_distance(inside[:, around], limit).square_()
        nearest = torch.full_like(along, limit * limit)
        for dy, rows, others in _shifts(along.shape[1], limit):
            nearest[:, rows] = torch.minimum(nearest[:, rows], along[:, others] + dy * dy)
        result[:, band] = nearest[:, within]
    return result


# Random holes


def _check_size(height: int, width: int) -> None:
    if height < 1 or width < 1:
        raise HoleError(f"the size is {width}×{height} pixels; expected at least 1×1.")


def _target_pixels(area: int, ratio: tuple[float, float], rng: np.random.Generator) -> int:
    low, high = ratio
    if not 0 <= low < high <= 1:
        raise HoleError(f"ratio is ({low}, {high}); expected 0 <= low < high <= 1.")
    # The slack keeps the rounding of 0.3 * 100 and its like from moving a limit by a pixel.
    least, end = max(1, math.ceil(low * area - 1e-6)), math.ceil(high * area - 1e-6)
    if least >= end:
        raise HoleError(f"no hole in {area} pixels has a ratio in [{low}, {high}); choose a wider ratio.")
    return int(rng.integers(least, end))


def _draw_shape(
    draw: ImageDraw.ImageDraw, height: int, width: int, share: float, rng: np.random.Generator
) -> np.ndarray:
    """Draw one ellipse or stroke, wider where more is to be covered; returns where it starts, (x, y)."""
    unit = min(height, width)
    start = rng.uniform((0, 0), (width, height))
    if rng.random() < 0.25:
        radii = unit * rng.uniform(0.02, 0.06 + 0.15 * share, 2)
        draw.ellipse((*(start - radii), *(start + radii)), fill=255)
        return start
    thickness = max(1, round(unit * rng.uniform(0.02, 0.06 + 0.12 * share)))
    corners = int(rng.integers(3, 10))
    angles = rng.uniform(0, 2 * math.pi) + rng.normal(0, 0.8, corners).cumsum()
    lengths = unit * rng.uniform(0.04, 0.2, corners)
    steps = np.stack((np.cos(angles), np.sin(angles)), axis=1) * lengths[:, None]
    points = np.concatenate((start[None], start + steps.cumsum(axis=0)))  # (corners + 1, 2)
    draw.line(points.ravel().tolist(), fill=255, width=thickness)
    for x, y in points.tolist() if thickness > 2 else ():
        radius = (thickness - 1) / 2
        draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=255)
    return start


def _topped_up(before: np.ndarray, after: np.ndarray, target: int, start: np.ndarray) -> np.ndarray:
    """`before` and as many pixels of `after`, those nearest to `start` first, as make `target` pixels."""
    added = np.flatnonzero(after & ~before)
    rows, columns = np.divmod(added, before.shape[1])
    distance = (columns - start[0]) ** 2 + (rows - start[1]) ** 2
    missing = target - np.count_nonzero(before)
    nearest = added[np.argpartition(distance, missing - 1)[:missing]]
    hole = before.copy()
    hole.reshape(-1)[nearest] = True
    return hole


def _blob(rng: np.random.Generator) -> np.ndarray:
    """A smooth closed outline of area 1 around the origin, (96, 2)."""
    angle = np.linspace(0, 2 * math.pi, 96, endpoint=False)
    waves = np.arange(2, 7)[:, None]
    heights = rng.uniform(0, 0.5, (5, 1)) / waves
    radius = np.exp((heights * np.cos(waves * angle + rng.uniform(0, 2 * math.pi, (5, 1)))).sum(axis=0))
    stretch, turn = math.exp(rng.uniform(-0.4, 0.4)), rng.uniform(0, math.pi)
    x, y = radius * np.cos(angle) * stretch, radius * np.sin(angle) / stretch
    area = 0.5 * abs(np.dot(x, np.roll(y, -1)) - np.dot(y, np.roll(x, -1)))
    cosine, sine = math.cos(turn), math.sin(turn)
    return np.stack((x * cosine - y * sine, x * sine + y * cosine), axis=1) / math.sqrt(area)


def _as_hole(inside: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(inside.astype(np.float32))[None, None]
