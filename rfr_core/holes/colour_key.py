"""Holes given as a colour that was painted over the picture."""

from __future__ import annotations

from numbers import Real
from typing import TYPE_CHECKING

from PIL import Image, ImageColor

from rfr_core.errors import HoleError

if TYPE_CHECKING:
    from torch import Tensor

TOLERANCE = 0.1


def parse_colour(text: str) -> tuple[float, float, float]:
    """Red, green and blue in [0, 1] from "#ff00ff" or a name such as "magenta". Raises HoleError for anything else."""
    try:
        red, green, blue = ImageColor.getrgb(text)[:3]
    except ValueError as error:
        raise HoleError(f'The colour is {text!r}; expected one such as "#ff00ff" or "magenta".') from error
    return red / 255, green / 255, blue / 255


def check_tolerance(tolerance: float) -> None:
    """Raises HoleError unless it is a number from 0 to 1."""
    if not isinstance(tolerance, Real) or not 0 <= tolerance <= 1:
        raise HoleError(f"The tolerance is {tolerance!r}; it must be a number from 0 to 1.")


def hole_from_colour(image: Image.Image, colour: tuple[float, float, float], tolerance: float = TOLERANCE) -> Tensor:
    """Where a picture has a colour: (1, 1, H, W) bool.

    tolerance: by how much each channel may differ, in [0, 1]; JPEG blurs what is painted, so that 0 misses its edge.
    """
    from rfr_core.images.pixels import to_tensor

    check_tolerance(tolerance)
    pixels = to_tensor(image)
    difference = (pixels - pixels.new_tensor(colour).view(1, 3, 1, 1)).abs().amax(1, keepdim=True)
    return difference <= tolerance + 1e-4  # the slack covers the rounding of a byte's value
