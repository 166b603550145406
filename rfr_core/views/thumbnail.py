"""A small copy of a large picture, on which a changing region is drawn anew without scaling the whole again."""

from __future__ import annotations

import math

import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from rfr_core.images.values import to_pil
from rfr_core.ops.box import Box

_FILTER = Image.Resampling.LANCZOS
_SUPPORT = 3  # pixels of the small picture that the filter reaches to each side
_LEFT = 1.5  # factor that the filter scales by at least; what is more is first averaged over blocks, which takes less


class Thumbnail:
    """A picture scaled down once to at most `max_side` pixels.

    picture: (1, 3, H, W) in [0, 1]. box: where it may change. size: (width, height) of the small one.
    """

    def __init__(self, picture: Tensor, box: Box | None, max_side: int) -> None:
        height, width = picture.shape[-2:]
        scale = min(1.0, max_side / max(height, width))
        self.size = (max(1, round(width * scale)), max(1, round(height * scale)))
        self._picture, self._box = picture, box
        self._block = max(1, int(1 / (scale * _LEFT)))
        within = (0, 0, width / self._block, height / self._block)
        whole = _averaged(picture, self._block)
        self._base = whole if self.size == whole.size else whole.resize(self.size, _FILTER, box=within)

    def image(self, region: Tensor | None = None) -> Image.Image:
        """The small picture, with what lies in the box replaced by `region` (1, 3, h, w), if it is given."""
        image = self._base.copy()
        if region is not None and self._box is not None:
            small, patch = self._scaled(region, self._box)
            image.paste(patch, (small.left, small.top))
        return image

    def _scaled(self, region: Tensor, box: Box) -> tuple[Box, Image.Image]:
        """The part of the small picture that a region in the box can change, and how it looks then."""
        height, width = self._picture.shape[-2:]
        x_step, y_step = width / self.size[0], height / self.size[1]
        small = _scaled_out(box, 1 / y_step, 1 / x_step, _SUPPORT, self.size[1], self.size[0])
        block = self._block
        x_step, y_step = x_step / block, y_step / block  # from here on in blocks
        margin = math.ceil(_SUPPORT * max(x_step, y_step))
        blocks = _scaled_out(small, y_step, x_step, margin, -(-height // block), -(-width // block))
        bottom, right = min(height, blocks.bottom * block), min(width, blocks.right * block)
        large = Box(blocks.top * block, blocks.left * block, bottom, right)
        source = self._picture[(..., *large.slices)].clone()
        source[(..., *box.within(large).slices)] = region
        left, top = small.left * x_step - blocks.left, small.top * y_step - blocks.top
        right, bottom = left + small.width * x_step, top + small.height * y_step
        within = (left, top, min(right, large.width / block), min(bottom, large.height / block))
        return small, _averaged(source, block).resize((small.width, small.height), _FILTER, box=within)


def _averaged(picture: Tensor, block: int) -> Image.Image:
    """A picture (1, 3, h, w), a pixel for each block of so many a side; those at its end may be cut."""
    return to_pil(picture if block == 1 else F.avg_pool2d(picture, block, ceil_mode=True, count_include_pad=False))


def _scaled_out(box: Box, down: float, right: float, margin: int, height: int, width: int) -> Box:
    """A box scaled and rounded outwards, with a margin, within height and width."""
    return Box(
        max(0, math.floor(box.top * down) - margin),
        max(0, math.floor(box.left * right) - margin),
        min(height, math.ceil(box.bottom * down) + margin),
        min(width, math.ceil(box.right * right) + margin),
    )
