"""Thin or small places that stand out from what surrounds them, and what can be measured of each.

A defect covers the picture: where it has opacity a, a pixel of colour c becomes (1 - a) * c + a * white (or black). The
opacity, contrast over the room there is up to white, is therefore the same wherever a defect goes, while the contrast
is not.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from torch import Tensor

from rfr_core.defects.morphology import dilated, top_hat, windowed_mean
from rfr_core.holes.components import label_components
from rfr_core.images.values import luminance

RADII = (2, 4)  # pixels; a scale finds what is narrower than twice that and 1
WINDOW = 24  # pixels around one within which the texture is measured
LEAST_OPACITY = 0.12
OVER_TEXTURE = 4.0  # how far beyond the texture's mean opacity a candidate lies
_RING = 3  # pixels around a candidate that tell what it lies on


@dataclass(frozen=True)
class Candidates:
    """The candidates of one polarity at one scale.

    labels: (H, W) int32, 0 = none, 1 to ``count``. opacity: (H, W) float32, of gray. channels: (3, H, W), of each
    channel. gray: (H, W), the brightness, reversed for dark candidates. texture: (H, W), the mean opacity nearby.
    """

    labels: np.ndarray
    count: int
    opacity: np.ndarray
    channels: np.ndarray
    gray: np.ndarray
    texture: np.ndarray

    @cached_property
    def area(self) -> np.ndarray:
        return np.bincount(self._owners, minlength=self.count)

    def mean(self, values: np.ndarray) -> np.ndarray:
        """The mean of values (H, W) over each candidate: (count,)."""
        return np.bincount(self._owners, values[self.labels > 0], self.count) / self.area

    def spread(self, values: np.ndarray) -> np.ndarray:
        """The standard deviation of values (H, W) within each candidate."""
        return np.sqrt(np.maximum(self.mean(values**2) - self.mean(values) ** 2, 0))

    @cached_property
    def thickness(self) -> np.ndarray:
        """Pixels: of a long line its width, of a disk its radius."""
        return 2 * self.area / self._perimeter

    @cached_property
    def length(self) -> np.ndarray:
        return self.area / self.thickness

    @cached_property
    def straightness(self) -> np.ndarray:
        """1 for a straight line, 0 for what is as long as it is wide."""
        height, width = self.labels.shape
        rows = np.repeat(np.arange(height, dtype=np.float64)[:, None], width, 1)
        columns = np.repeat(np.arange(width, dtype=np.float64)[None], height, 0)
        yy = self.mean(rows**2) - self.mean(rows) ** 2 + 1 / 12
        xx = self.mean(columns**2) - self.mean(columns) ** 2 + 1 / 12
        xy = self.mean(rows * columns) - self.mean(rows) * self.mean(columns)
        half, root = (xx + yy) / 2, np.sqrt(((xx - yy) / 2) ** 2 + xy**2)
        return 1 - np.sqrt(np.maximum(half - root, 0) / (half + root))

    @cached_property
    def _owners(self) -> np.ndarray:
        """Of each candidate's pixels, row by row, whose they are, from 0."""
        return self.labels[self.labels > 0] - 1

    @cached_property
    def _perimeter(self) -> np.ndarray:
        """The number of sides of pixels that a candidate has towards what is not candidate."""
        marked = np.pad(self.labels > 0, 1)
        inside = marked[1:-1, 1:-1]
        sides = sum(
            (inside & ~marked[1 + dy : marked.shape[0] - 1 + dy, 1 + dx : marked.shape[1] - 1 + dx]).astype(np.float64)
            for dy, dx in ((0, 1), (0, -1), (1, 0), (-1, 0))
        )
        return np.bincount(self._owners, np.asarray(sides)[inside], self.count)

    def features(self) -> np.ndarray:
        """What tells defects from the picture's own detail: (count, 12), in the order of `FEATURES`."""
        opacity = self.mean(self.opacity)
        by_channel = np.stack([self.mean(channel) for channel in self.channels])
        crowd = windowed_mean(torch.from_numpy((self.labels > 0).astype(np.float32))[None, None], WINDOW)[0, 0].numpy()
        own = self.area / (2 * WINDOW + 1) ** 2
        columns = [
            np.log(self.area),
            np.log(self.thickness),
            np.log(self.length),
            self.straightness,
            opacity,
            np.log(opacity / np.maximum(self.mean(self.texture), 0.004)),
            by_channel.std(0) / opacity,
            self.spread(self.opacity) / opacity,
            self._ring_spread() / opacity,
            np.log(np.maximum(self.mean(crowd) - own, 0) + 0.003),
            np.log(self.mean(self.texture) + 0.004),
            self.mean(self.gray),
        ]
        return np.stack(columns, 1)

    def _ring_spread(self) -> np.ndarray:
        """How much the brightness varies around each candidate."""
        labels = torch.from_numpy(self.labels.astype(np.float32))[None, None]
        ring = torch.where(labels > 0, 0, dilated(labels, _RING))[0, 0].numpy().astype(np.int64).ravel()
        count = np.maximum(np.bincount(ring, minlength=self.count + 1)[1:], 1)
        mean, square = (np.bincount(ring, self.gray.ravel() ** p, self.count + 1)[1:] / count for p in (1, 2))
        return np.sqrt(np.maximum(square - mean**2, 0))


FEATURES = (
    "area", "thickness", "length", "straightness", "opacity", "over texture", "colour", "unevenness", "ring", "crowd",
    "texture", "brightness",
)  # fmt: skip


def find_candidates(picture: Tensor, radius: int, *, dark: bool) -> Candidates:
    """Everything in a picture (1, 3, H, W) that is narrower than 2 * ``radius`` + 1 pixels and stands out.

    dark: whether what is darker than its surroundings, not brighter.
    """
    picture = 1 - picture if dark else picture
    gray = luminance(picture)
    opacity, channels = _opacity(torch.cat((gray, picture), 1), radius).split((1, 3), 1)
    texture = _texture(opacity)
    marked = opacity > torch.clamp(OVER_TEXTURE * texture, min=LEAST_OPACITY)
    labels, count = label_components(marked[0, 0].numpy())
    return Candidates(
        labels, count, opacity[0, 0].numpy(), channels[0].numpy(), gray[0, 0].numpy(), texture[0, 0].numpy()
    )


def _opacity(values: Tensor, radius: int) -> Tensor:
    """The opacity of a white cover that would explain each pixel."""
    excess = top_hat(values, radius)
    return excess / (1 - (values - excess)).clamp(min=0.1)


def _texture(opacity: Tensor) -> Tensor:
    """The mean opacity around each pixel without what stands out itself."""
    usual = (opacity <= 3 * windowed_mean(opacity, WINDOW) + 0.05).float()
    return windowed_mean(opacity * usual, WINDOW) / windowed_mean(usual, WINDOW).clamp(min=1e-3)
