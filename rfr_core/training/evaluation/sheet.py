"""A picture sheet: rows of pictures under column titles, to look at what a table says."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor

from rfr_core.images.values import to_pil

_GAP, _TITLE = 6, 30
_HOLE_COLOUR = (255, 0, 255)  # found in no photograph


def picture_sheet(titles: Sequence[str], rows: Sequence[tuple[str, Sequence[Tensor]]]) -> Image.Image:
    """Rows of pictures as one RGB image.

    titles: one for each column. rows: a caption and one picture (1, 3, S, S) in [0, 1] per column, all of one size.
    """
    side = rows[0][1][0].shape[-1]
    font = ImageFont.load_default(16)
    width = len(titles) * (side + _GAP) + _GAP
    sheet = Image.new("RGB", (width, _TITLE + len(rows) * (side + _TITLE)), "white")
    draw = ImageDraw.Draw(sheet)
    for column, title in enumerate(titles):
        draw.text((_GAP + column * (side + _GAP), 6), title, fill="black", font=font)
    for index, (caption, pictures) in enumerate(rows):
        top = _TITLE + index * (side + _TITLE)
        for column, picture in enumerate(pictures):
            sheet.paste(to_pil(picture), (_GAP + column * (side + _GAP), top))
        draw.text((_GAP, top + side + 6), caption, fill="black", font=font)
    return sheet


def marked(image: Tensor, hole: Tensor) -> Tensor:
    """The picture (1, 3, S, S) with its hole (1, 1, S, S) painted over."""
    colour = torch.tensor(_HOLE_COLOUR).view(1, 3, 1, 1) / 255
    return torch.where(hole > 0, colour, image)
