"""What all pictures of a folder have at the same place: sensor dust, stuck pixels, a logo, a frame with a date."""

from __future__ import annotations

import torch
from torch import Tensor

from rfr_core.defects.morphology import dilated, eroded, top_hat
from rfr_core.errors import ImageError
from rfr_core.ops.pyramid import box_blur

LEAST_PICTURES = 6
_RADII = (2, 8)  # pixels; what is narrower than twice that stands out: stuck pixels and strokes, spots of dust
_LEAST_STEP = 0.012  # the least mean difference to what lies around
_LEAST_CERTAINTY = 6.0  # mean difference over its standard error
_LEAST_AGREEMENT = 0.9  # share of the pictures in which the difference has the same sign
_ALIKE = 0.12  # a pixel whose values differ this much less from picture to picture than usual shows the same thing


class SharedDefects:
    """Adds pictures up one by one; holds sums, not the pictures."""

    def __init__(self) -> None:
        self.count = 0
        self._sums: list[_Sums] = []
        self._values = _Sums()

    def add(self, picture: Tensor) -> None:
        """Takes one more picture (1, 3, H, W) in [0, 1]. Raises ImageError when its size is not that of the others."""
        if self.count and picture.shape != self._values.total.shape:
            raise ImageError(
                f"One picture is {picture.shape[-1]}×{picture.shape[-2]} pixels, the others "
                f"{self._values.total.shape[-1]}×{self._values.total.shape[-2]}; expected one size."
            )
        self._sums = self._sums or [_Sums() for _ in _RADII]
        for radius, sums in zip(_RADII, self._sums, strict=True):
            sums.add(top_hat(picture, radius) - top_hat(1 - picture, radius))
        self._values.add(picture)
        self.count += 1

    def hole(self, sensitivity: float = 0.5) -> Tensor:
        """What they share: (1, 1, H, W) bool.

        sensitivity: 0 to 1. Raises ImageError for fewer than `LEAST_PICTURES` pictures.
        """
        if self.count < LEAST_PICTURES:
            raise ImageError(
                f"There are {self.count} pictures of one size; at least {LEAST_PICTURES} are needed to tell what they "
                "share."
            )
        strictness = 2 ** (2 * (0.5 - sensitivity))
        found = [_steady(sums, self.count, strictness) for sums in self._sums]
        found.append(_same(self._values, self.count, strictness))
        marked = torch.stack(found).any(0).float()
        return eroded(dilated(marked, 3), 2) > 0  # gaps are closed, and one pixel is added around


class _Sums:
    """Per pixel: the sum, the sum of squares, and how often the sign was positive."""

    def __init__(self) -> None:
        self.total = self.squares = self.positive = torch.zeros(())

    def add(self, values: Tensor) -> None:
        self.total = self.total + values
        self.squares = self.squares + values**2
        self.positive = self.positive + (values > 0)


def _steady(sums: _Sums, count: int, strictness: float) -> Tensor:
    """Where a pixel differs from its surroundings in the same way in nearly all pictures."""
    mean = sums.total / count
    error = ((sums.squares / count - mean**2).clamp(min=0) / count).sqrt()
    error = torch.maximum(error, box_blur(error, 3))  # of few pictures, one pixel's own may be small by chance
    agreement = torch.maximum(sums.positive, count - sums.positive) / count
    steady = (mean.abs() >= strictness * _LEAST_STEP) & (mean.abs() >= strictness * _LEAST_CERTAINTY * error)
    return (steady & (agreement >= _LEAST_AGREEMENT)).any(1, keepdim=True)


def _same(sums: _Sums, count: int, strictness: float) -> Tensor:
    """Where pixels have the same value in all pictures: opaque logos and frames."""
    mean = sums.total / count
    spread = ((sums.squares / count - mean**2).clamp(min=0)).sqrt().mean(1, keepdim=True)
    usual = spread.median()
    return spread < _ALIKE / strictness * usual
