"""Holes that are told by boxes and colours or found as defects, beside or in place of a mask file.

Nothing here needs torch until a hole is made.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from PIL import Image

from rfr_core.defects.kinds import KINDS, check_kinds, check_sensitivity
from rfr_core.holes.boxes import HoleBox, hole_from_boxes, parse_box
from rfr_core.holes.colour_key import TOLERANCE, check_tolerance, hole_from_colour, parse_colour
from rfr_core.options import Options

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class DefectSearch:
    """What `find_defects` is asked for. Raises ConfigError for an unknown kind or a sensitivity out of range."""

    kinds: frozenset[str] = frozenset(KINDS)
    sensitivity: float = 0.5

    def __post_init__(self) -> None:
        check_kinds(self.kinds)
        check_sensitivity(self.sensitivity)

    def hole(self, image: Image.Image, path: Path) -> Tensor:
        """What is found in a picture, with the infrared channel of its file where there is one: (1, 1, H, W)."""
        from rfr_core.defects.finding import find_defects
        from rfr_core.defects.scans import read_infrared

        return find_defects(image, kinds=self.kinds, sensitivity=self.sensitivity, infrared=read_infrared(path))


@dataclass(frozen=True)
class Marking:
    """What is filled in every picture: boxes, colours (red, green, blue in [0, 1]) and defects."""

    boxes: tuple[HoleBox, ...] = ()
    colours: tuple[tuple[float, float, float], ...] = ()
    tolerance: float = TOLERANCE
    search: DefectSearch | None = None

    @classmethod
    def parse(cls, boxes: Sequence[str], colours: Sequence[str], tolerance: float) -> Marking | None:
        """From what was typed; None where nothing was. Raises HoleError for what cannot be read."""
        check_tolerance(tolerance)
        if not boxes and not colours:
            return None
        return cls(tuple(map(parse_box, boxes)), tuple(map(parse_colour, colours)), tolerance)

    def hole(self, image: Image.Image, path: Path, mask: Image.Image | None, options: Options) -> Tensor:
        """All that is marked in a picture, with its mask where there is one: (1, 1, H, W) bool."""
        import torch

        from rfr_core.holes.masks import to_hole

        size = (image.height, image.width)
        hole = hole_from_boxes(self.boxes, size)
        for colour in self.colours:
            hole |= hole_from_colour(image, colour, self.tolerance)
        if self.search is not None:
            hole |= self.search.hole(image, path) > 0
        if mask is not None:
            reading = {name: getattr(options, name) for name in ("threshold", "invert", "channel", "resize")}
            hole |= to_hole(mask, size=size, dtype=torch.bool, **reading)
        return hole
