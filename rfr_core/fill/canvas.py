"""A picture or batch in the kind its owner gave it: crops out as tensors, fills pasted back in."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from rfr_core.errors import ImageError
from rfr_core.holes.masks import hole_from_alpha
from rfr_core.images.modes import to_supported_mode
from rfr_core.images.pixels import paste_fill, to_tensor
from rfr_core.ops.box import Box

_WHITES = {"uint8": 255.0, "uint16": 65535.0, "float16": 1.0, "bfloat16": 1.0, "float32": 1.0, "float64": 1.0}


class FilledBox(NamedTuple):
    """A fill (1, 3, h, w) in [0, 1] for ``box`` of picture ``item``, with its weight (1, 1, h, w) in [0, 1]."""

    item: int
    box: Box
    fill: Tensor
    weight: Tensor


class Canvas(ABC):
    """What is painted on; it is never changed itself.

    count: pictures in the batch. height, width: in pixels.
    """

    count: int
    height: int
    width: int

    @abstractmethod
    def crop(self, item: int, box: Box) -> Tensor:
        """The part of picture ``item`` in ``box`` as a new float32 tensor (1, 3, h, w) in [0, 1], on the CPU."""

    def hidden(self) -> Tensor:
        """Where colours cannot be seen, being transparent: bool, (N, 1, H, W) or of a shape that expands to it."""
        return torch.zeros(1, 1, 1, 1, dtype=torch.bool)

    @abstractmethod
    def pasted(self, filled: Sequence[FilledBox]) -> Any:
        """A copy, of the kind that was given, with the fills blended in; where their weight is 0 nothing changes."""

    def tensor(self, filled: Sequence[FilledBox], within: Box | None = None) -> Tensor:
        """As :meth:`pasted`, or the part of it in a box, as a new float32 tensor (N, 3, H, W) in [0, 1], on the CPU."""
        within = within or Box(0, 0, self.height, self.width)
        tensor = torch.cat([self.crop(item, within) for item in range(self.count)])
        for item, box, fill, weight in filled:
            common = box.common(within)
            if common is not None:
                place = (slice(None), *common.within(box).slices)
                _blend(tensor[(item, slice(None), *common.within(within).slices)], fill[0][place], weight[0][place])
        return tensor


def to_canvas(image: object) -> Canvas:
    """A canvas from a PIL image, an array or a tensor.

    image: a PIL image of any mode that `images.to_supported_mode` takes; an array (H, W), (H, W, 1 or 3) or
    (N, H, W, 1 or 3), uint8, uint16 or float in [0, 1]; a tensor (C, H, W) or (N, C, H, W), C = 1 or 3, uint8 or
    float in [0, 1]. Raises ImageError for anything else.
    """
    if isinstance(image, Image.Image):
        return _PILCanvas(image)
    if isinstance(image, np.ndarray):
        return _ArrayCanvas(image)
    if isinstance(image, Tensor):
        return _TensorCanvas(image)
    raise ImageError(f"the picture is a {type(image).__name__}; expected a PIL image, a NumPy array or a tensor.")


class _PILCanvas(Canvas):
    def __init__(self, image: Image.Image) -> None:
        bilevel = image.mode == "1" and "transparency" not in image.info
        self._image = image if bilevel else to_supported_mode(image)
        self.count = 1
        self.width, self.height = image.size
        if not self.width or not self.height:
            raise ImageError(f"the picture is {self.width}×{self.height} pixels; expected at least 1×1.")

    def crop(self, item: int, box: Box) -> Tensor:
        return to_tensor(self._cut(self._image, box))

    def hidden(self) -> Tensor:
        if self._image.mode not in ("LA", "RGBA"):
            return super().hidden()
        return hole_from_alpha(self._image) > 0

    def pasted(self, filled: Sequence[FilledBox]) -> Image.Image:
        image = self._image.copy()
        for _, box, fill, weight in filled:
            image.paste(paste_fill(self._cut(image, box), fill, weight), (box.left, box.top))
        return image

    @staticmethod
    def _cut(image: Image.Image, box: Box) -> Image.Image:
        return image.crop((box.left, box.top, box.right, box.bottom))


class _TensorCanvas(Canvas):
    def __init__(self, image: Tensor) -> None:
        image = image.detach()
        channels = image[None] if image.ndim == 3 else image
        if channels.ndim != 4 or channels.shape[1] not in (1, 3) or 0 in channels.shape:
            raise ImageError(
                f"the picture is a tensor of shape {tuple(image.shape)}; expected (3, H, W) or (N, 3, H, W)."
            )
        self._white = _white(str(image.dtype).removeprefix("torch."))
        self._image, self._batch = image, channels
        self.count, _, self.height, self.width = channels.shape

    def crop(self, item: int, box: Box) -> Tensor:
        part = self._batch[(slice(item, item + 1), slice(None), *box.slices)]
        return _as_colour(part.to("cpu", torch.float32, copy=True).div_(self._white))

    def pasted(self, filled: Sequence[FilledBox]) -> Tensor:
        image = self._image.clone(memory_format=torch.contiguous_format)
        _paste(image.view(self._batch.shape), filled, self._white)
        return image


class _ArrayCanvas(Canvas):
    def __init__(self, image: np.ndarray) -> None:
        colours = image[..., None] if image.ndim == 2 else image
        colours = colours if colours.ndim == 4 else colours[None]
        if colours.ndim != 4 or colours.shape[-1] not in (1, 3) or 0 in colours.shape:
            raise ImageError(f"the picture is an array of shape {image.shape}; expected (H, W, 3) or (N, H, W, 3).")
        self._white = _white(image.dtype.name)
        self._image, self._colours = image, colours
        self.count, self.height, self.width, _ = colours.shape

    def crop(self, item: int, box: Box) -> Tensor:
        part = self._colours[(item, *box.slices)].astype(np.float32)
        return _as_colour(torch.from_numpy(part).permute(2, 0, 1)[None].div_(self._white))

    def pasted(self, filled: Sequence[FilledBox]) -> np.ndarray:
        dtype = self._image.dtype.newbyteorder("=") if self._image.dtype != np.uint16 else np.int32  # for torch
        native = np.array(self._image, dtype=dtype, order="C")
        _paste(torch.from_numpy(native.reshape(self._colours.shape)).permute(0, 3, 1, 2), filled, self._white)
        return native.astype(self._image.dtype, copy=False)


def _white(dtype: str) -> float:
    """The value of white in a dtype; ImageError for one that holds no pictures."""
    if dtype not in _WHITES:
        raise ImageError(f"the picture holds values of type {dtype}; expected uint8, or float from 0 to 1.")
    return _WHITES[dtype]


def _as_colour(channels: Tensor) -> Tensor:
    """(1, 1 or 3, h, w) -> (1, 3, h, w)."""
    return channels.expand(1, 3, *channels.shape[-2:]).contiguous()


def _luma(colour: Tensor) -> Tensor:
    """(3, h, w) -> (1, h, w), ITU-R BT.601, as Pillow's gray."""
    return (colour * colour.new_tensor([0.299, 0.587, 0.114])[:, None, None]).sum(0, keepdim=True)


def _paste(channels: Tensor, filled: Sequence[FilledBox], white: float) -> None:
    """Pastes into (N, C, H, W) in place."""
    for item, box, fill, weight in filled:
        target = channels[(item, slice(None), *box.slices)]
        fill, weight = fill[0].to(target.device), weight[0].to(target.device)
        _blend(target, fill if len(target) == 3 else _luma(fill), weight, white)


def _blend(target: Tensor, fill: Tensor, weight: Tensor, white: float = 1.0) -> None:
    """Blends fill (C, h, w) in [0, 1] into a target of that shape, in place; where weight (1, h, w) is 0 not a bit."""
    fill = fill.float().clamp(0, 1) * white
    # Where the weight is 1 the old value does not count, whatever it is (it may be no number).
    mixed = torch.where(weight < 1, torch.lerp(target.float(), fill, weight.float()), fill)
    mixed = mixed if target.is_floating_point() else mixed.round()
    inside = (weight > 0).expand_as(target)
    target[inside] = mixed[inside].to(target.dtype)
