"""Holes told by boxes and colours."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image, ImageDraw

from rfr_core import HoleError
from rfr_core.command.marking import Marking
from rfr_core.holes.boxes import HoleBox, hole_from_boxes, parse_box
from rfr_core.holes.colour_key import hole_from_colour, parse_colour


def test_boxes_are_counted_from_the_nearer_corner() -> None:
    hole = hole_from_boxes([parse_box("1,2,3,2"), parse_box(" -4, -3, 10, 10")], (20, 30))[0, 0].numpy()
    expected = np.zeros((20, 30), dtype=bool)
    expected[2:4, 1:4] = expected[17:, 26:] = True
    np.testing.assert_array_equal(hole, expected)


@pytest.mark.parametrize("text", ["", "1,2,3", "1,2,0,4", "1,2,3,-4", "a,b,c,d", "1.5,2,3,4", "1,2,3,4,5"])
def test_what_is_no_box_is_refused(text: str) -> None:
    with pytest.raises(HoleError, match="expected x,y,width,height"):
        parse_box(text)


def test_a_box_outside_the_picture_is_refused() -> None:
    with pytest.raises(HoleError, match="outside the picture of 30×20"):
        hole_from_boxes([HoleBox(30, 0, 5, 5)], (20, 30))


def test_a_colour_is_found_within_its_tolerance() -> None:
    image = Image.new("RGB", (8, 6), (250, 5, 250))
    ImageDraw.Draw(image).rectangle((0, 0, 3, 5), fill=(200, 0, 255))
    assert int(hole_from_colour(image, parse_colour("#ff00ff")).sum()) == 24
    assert int(hole_from_colour(image, parse_colour("magenta"), 0).sum()) == 0
    assert int(hole_from_colour(image, parse_colour("rgb(200,0,255)"), 0).sum()) == 24
    assert bool(hole_from_colour(image, parse_colour("magenta"), 0.3).all())


def test_no_colour_and_no_tolerance_are_refused() -> None:
    with pytest.raises(HoleError, match='expected one such as "#ff00ff"'):
        parse_colour("#ff00f")
    with pytest.raises(HoleError, match="tolerance is 2; it must be a number from 0 to 1"):
        Marking.parse([], ["red"], 2)
