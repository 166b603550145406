"""A picture or batch in the kind its owner gave it: crops out as tensors, fills pasted back in."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from rfr_core.errors import HoleError, ImageError
from rfr_core.holes.meaning import OPAQUE, cut_out
from rfr_core.images.modes import nearest_in_palette, to_supported_mode
from rfr_core.images.pasting import is_gray, is_gray_image
from rfr_core.images.pixels import paste_fill, to_tensor
from rfr_core.images.values import WHITE, luminance
from rfr_core.ops.box import Box
from rfr_core.ops.pyramid import pull_push

_ALPHA_CONTEXT = 32  # pixels around a fill whose alpha is continued into it
_TRACE = 0.05  # of alpha, which is as good as none


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

    _gray: Sequence[bool] = ()  # of each picture, whether fills have to be gray
    _known_alpha: Tensor | None = None  # (N, 1, H, W) bool, where alpha may be looked at, once it is to be kept

    @abstractmethod
    def crop(self, item: int, box: Box) -> Tensor:
        """The part of picture ``item`` in ``box`` as a new float32 tensor (1, 3, h, w) in [0, 1], on the CPU."""

    @property
    def alpha(self) -> Tensor | None:
        """(N, 1, H, W), 0 to white, or None where there is no transparency."""
        return None

    def is_gray(self, item: int, known: Tensor) -> bool:
        """Whether red, green and blue of a picture are the same wherever ``known`` (H, W) bool is."""
        return False

    def missing(self) -> Tensor:
        """What is transparent, as a hole (N, 1, H, W) bool; HoleError where no transparency is."""
        if self.alpha is None:
            raise HoleError("The picture has no transparency that says what to fill; give a mask.")
        return torch.stack([cut_out(alpha) for alpha in self.alpha])

    def hidden(self) -> Tensor:
        """Where colours cannot be seen, being transparent: bool, (N, 1, H, W) or of a shape that expands to it."""
        if self.alpha is None:
            return torch.zeros(1, 1, 1, 1, dtype=torch.bool)
        highest = self.alpha.flatten(1).amax(1).clamp(min=1e-6)[:, None, None, None]
        return self.alpha < highest / 2

    def check_values(self, known: Tensor) -> None:
        """Raises ImageError where known pixels, (N, 1, H, W) bool, have values that cannot be colours."""
        return  # whole numbers always can

    def keep(self, hole: Tensor, unknown: Tensor) -> None:
        """Lets fills of this hole keep what all of the known part shares: being gray, and alpha.

        hole, unknown: (N, 1, H, W) bool, what is filled, and what else is not to be looked at.
        """
        self._gray = [self.is_gray(item, ~mask) for item, mask in enumerate(unknown[:, 0])]
        self._known_alpha = None if self.alpha is None else ~hole

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
                target = tensor[(item, slice(None), *common.within(within).slices)]
                _blend(target, fill[0][place], weight[0][place], gray=self._is_gray(item))
        return tensor

    def _is_gray(self, item: int) -> bool:
        return bool(self._gray) and self._gray[item]

    def _fill_alpha(self, item: int, box: Box, white: float) -> Tensor | None:
        """The alpha (1, h, w) in [0, 1] that fills have in ``box``: the known alpha around, continued smoothly."""
        if self.alpha is None or self._known_alpha is None:
            return None
        around = box.grown(_ALPHA_CONTEXT, self.height, self.width)
        place = (slice(item, item + 1), slice(None), *around.slices)
        alpha, known = self.alpha[place].float() / white, self._known_alpha[place]
        if not bool(known.any()):
            return None
        if bool(alpha[known].min() >= alpha[known].max() * OPAQUE):
            return torch.full((1, box.height, box.width), float(alpha[known].max()))
        continued = pull_push(alpha, known.float())[0][(..., *box.within(around).slices)]
        # What is farther away has a small part in each average, which must not make the ground translucent.
        return torch.where(continued < _TRACE, 0, torch.where(continued > 1 - _TRACE, 1, continued))


def to_canvas(image: object) -> Canvas:
    """A canvas from a PIL image, an array or a tensor.

    image: a PIL image of any mode that `images.to_supported_mode` takes; an array (H, W), (H, W, 1 to 4) or
    (N, H, W, 1 to 4), the last of 2 or 4 channels being alpha, uint8, uint16 or float in [0, 1]; a tensor (C, H, W) or
    (N, C, H, W), C = 1 or 3, uint8 or float in [0, 1]. Raises ImageError for anything else.
    """
    if isinstance(image, Image.Image):
        return _PILCanvas(image)
    if isinstance(image, np.ndarray):
        return _ArrayCanvas(image)
    if isinstance(image, Tensor):
        return _TensorCanvas(image)
    raise ImageError(f"The picture is a {type(image).__name__}; expected a PIL image, a NumPy array or a tensor.")


class _PILCanvas(Canvas):
    def __init__(self, image: Image.Image) -> None:
        bilevel = image.mode == "1" and "transparency" not in image.info
        self._source = image
        self._image = image if bilevel else to_supported_mode(image)
        self.count = 1
        self.width, self.height = image.size
        if not self.width or not self.height:
            raise ImageError(f"The picture is {self.width}×{self.height} pixels; expected at least 1×1.")

    def crop(self, item: int, box: Box) -> Tensor:
        return to_tensor(self._cut(self._image, box))

    @cached_property
    def alpha(self) -> Tensor | None:  # type: ignore[override]
        if self._image.mode not in ("LA", "RGBA"):
            return None
        return torch.from_numpy(np.array(self._image.getchannel("A")))[None, None]

    def is_gray(self, item: int, known: Tensor) -> bool:
        return is_gray_image(self._image, known.numpy())

    def pasted(self, filled: Sequence[FilledBox]) -> Image.Image:
        image = self._image.copy()
        changed = np.zeros((self.height, self.width), dtype=bool)
        for _, box, fill, weight in filled:
            alpha = self._fill_alpha(0, box, 255)
            part = paste_fill(self._cut(image, box), fill, weight, alpha=alpha, gray=self._is_gray(0))
            image.paste(part, (box.left, box.top))
            changed[box.slices] |= weight[0, 0].cpu().numpy() > 0
        if self._source.mode == "P":
            return nearest_in_palette(image, self._source, changed)
        return image

    @staticmethod
    def _cut(image: Image.Image, box: Box) -> Image.Image:
        return image.crop((box.left, box.top, box.right, box.bottom))


class _TensorCanvas(Canvas):
    def __init__(self, image: Tensor) -> None:
        image = image.detach()
        colours = image[None] if image.ndim == 3 else image
        if colours.ndim != 4 or colours.shape[1] not in (1, 3) or 0 in colours.shape:
            raise ImageError(
                f"The picture is a tensor of shape {tuple(image.shape)}; expected (3, H, W) or (N, 3, H, W)."
            )
        self._white = _white(str(image.dtype).removeprefix("torch."))
        self._image, self._colours = image, colours
        self.count, _, self.height, self.width = colours.shape

    def crop(self, item: int, box: Box) -> Tensor:
        part = self._colours[(slice(item, item + 1), slice(None), *box.slices)]
        return _as_colour(part.to("cpu", torch.float32, copy=True).div_(self._white))

    def is_gray(self, item: int, known: Tensor) -> bool:
        return self._colours.shape[1] == 3 and is_gray(
            self._colours[item].movedim(0, -1).float().cpu().numpy(), known.numpy()
        )

    def check_values(self, known: Tensor) -> None:
        if self._image.is_floating_point():
            last = self._colours.movedim(1, -1)  # in the order that ComfyUI has them; out of it, seven times slower
            values = last if last.is_contiguous() else self._colours
            if in_range(*(bound.item() for bound in torch.aminmax(values))):
                return  # the hole's too, which takes less to find than those of the rest alone
            for colours, seen in zip(self._colours, known.to(self._image.device), strict=True):
                _check_range([channel[seen[0]].float().cpu().numpy() for channel in colours])

    def pasted(self, filled: Sequence[FilledBox]) -> Tensor:
        image = self._image.clone(memory_format=torch.contiguous_format)
        colours = image.view(self._colours.shape)
        for item, box, fill, weight in filled:
            target = colours[(item, slice(None), *box.slices)]
            fill, weight = fill[0].to(target.device), weight[0].to(target.device)
            _blend(target, fill, weight, self._white, gray=self._is_gray(item))
        return image


class _ArrayCanvas(Canvas):
    def __init__(self, image: np.ndarray) -> None:
        pixels = image[..., None] if image.ndim == 2 else image
        pixels = pixels if pixels.ndim == 4 else pixels[None]
        if pixels.ndim != 4 or not 1 <= pixels.shape[-1] <= 4 or 0 in pixels.shape:
            raise ImageError(f"The picture is an array of shape {image.shape}; expected (H, W, 3) or (N, H, W, 3).")
        self._white = _white(image.dtype.name)
        self._image, self._pixels = image, pixels
        self._colours = pixels[..., :-1] if pixels.shape[-1] in (2, 4) else pixels
        self.count, self.height, self.width, _ = pixels.shape

    def crop(self, item: int, box: Box) -> Tensor:
        part = self._colours[(item, *box.slices)].astype(np.float32)
        return _as_colour(torch.from_numpy(part).permute(2, 0, 1)[None].div_(self._white))

    @cached_property
    def alpha(self) -> Tensor | None:  # type: ignore[override]
        if self._colours is self._pixels:
            return None
        return torch.from_numpy(self._pixels[..., -1].astype(np.float32))[:, None]

    def is_gray(self, item: int, known: Tensor) -> bool:
        return self._colours.shape[-1] == 3 and is_gray(self._colours[item], known.numpy())

    def check_values(self, known: Tensor) -> None:
        if self._image.dtype.kind == "f" and not in_range(float(self._colours.min()), float(self._colours.max())):
            for pixels, seen in zip(self._colours, known[:, 0].numpy(), strict=True):
                _check_range([pixels[..., channel][seen] for channel in range(pixels.shape[-1])])

    def pasted(self, filled: Sequence[FilledBox]) -> np.ndarray:
        result = np.array(self._image, order="C")
        pixels = result.reshape(self._pixels.shape)
        # torch knows neither 16 bits without a sign nor the other order of bytes.
        kind = np.int32 if self._image.dtype.kind == "u" else self._image.dtype.newbyteorder("=")
        for item, box, fill, weight in filled:
            part = torch.from_numpy(pixels[(item, *box.slices)].astype(kind)).permute(2, 0, 1).contiguous()
            alpha = self._fill_alpha(item, box, self._white)
            _blend(part, fill[0].cpu(), weight[0].cpu(), self._white, alpha=alpha, gray=self._is_gray(item))
            pixels[(item, *box.slices)] = part.permute(1, 2, 0).numpy()
        return result


def _white(dtype: str) -> float:
    """The value of white in a dtype; ImageError for one that holds no pictures."""
    if dtype not in WHITE or dtype == "bool":
        raise ImageError(f"The picture holds values of type {dtype}; expected uint8, or float from 0 to 1.")
    return WHITE[dtype]


def in_range(low: float, high: float) -> bool:
    """Whether values from ``low`` to ``high`` can be those of a picture that is meant to lie in [0, 1]."""
    return -1 <= low <= high <= 2  # a little beyond is what other software's filters leave behind


def _check_range(channels: Sequence[np.ndarray]) -> None:
    low = min((float(values.min()) for values in channels if values.size), default=0.0)
    high = max((float(values.max()) for values in channels if values.size), default=0.0)
    if not in_range(low, high):
        raise ImageError(f"The picture holds values from {low:g} to {high:g}; expected 0 to 1: rescale it.")


def _as_colour(channels: Tensor) -> Tensor:
    """(1, 1 or 3, h, w) -> (1, 3, h, w)."""
    return channels.expand(1, 3, *channels.shape[-2:]).contiguous()


def _blend(
    target: Tensor,
    fill: Tensor,
    weight: Tensor,
    white: float = 1.0,
    *,
    alpha: Tensor | None = None,
    gray: bool = False,
) -> None:
    """Blends a fill (3, h, w) in [0, 1] into a target (C, h, w), in place; where weight (1, h, w) is 0 not a bit.

    alpha: (1, h, w) in [0, 1], what the last of 2 or 4 channels becomes, opaque where None is given. gray: whether the
    result has to be gray.
    """
    colours = target[:-1] if len(target) in (2, 4) else target
    if len(colours) == 1 or gray:
        fill = luminance(fill.float())
    fill = fill.float().clamp(0, 1) * white
    old, share = colours.float(), weight.float()
    if colours is not target:  # what was hidden does not show
        visible = (1 - share) * target[-1:].float() / white
        share = share / (visible + share).clamp(min=1e-6)
    if gray and len(colours) == 3:
        old = luminance(old)
    # Where the weight is 1 the old value does not count, whatever it is (it may be no number).
    mixed = torch.where(weight < 1, torch.lerp(old, fill, share), fill)
    new = mixed.expand_as(colours)
    if colours is not target:
        seen = torch.ones_like(weight) if alpha is None else alpha.to(weight.device)
        new = torch.cat([new, seen.float() * white])
    new = new if target.is_floating_point() else new.round()
    inside = (weight > 0).expand_as(target)
    target[inside] = new[inside].to(target.dtype)
