"""Draws the pack's icon and banner for ComfyUI's registry: a hole that closes from its border inwards.

Run it from the repository's root: ``python docs/registry/draw.py``.
"""

from __future__ import annotations

from pathlib import Path

from PIL import Image, ImageDraw

_FOLDER = Path(__file__).parent
_DARK, _SKY, _HILL, _SUN, _AMBER = "#14121f", "#3c6e91", "#2e8b6f", "#ffd88a", "#ffb81a"
_OVERSAMPLING = 4


def draw_scene(size: tuple[int, int], frames: int) -> Image.Image:
    """A film strip of so many frames, each with a smaller hole than the one before, on a dark ground."""
    width, height = (side * _OVERSAMPLING for side in size)
    image = Image.new("RGB", (width, height), _DARK)
    margin = height // 12
    side = min(height - 2 * margin, (width - (frames + 1) * margin) // frames)
    left, top = (width - frames * side - (frames - 1) * margin) // 2, (height - side) // 2
    for frame in range(frames):
        open_share = 1 - frame / max(1, frames - 1) if frames > 1 else 0.62
        picture = _picture(side, open_share)
        image.paste(picture, (left + frame * (side + margin), top), _rounded(side))
    return image.resize(size, Image.Resampling.LANCZOS)


def _picture(side: int, open_share: float) -> Image.Image:
    picture = Image.new("RGB", (side, side), _SKY)
    draw = ImageDraw.Draw(picture)
    draw.ellipse((side * 0.62, side * 0.12, side * 0.84, side * 0.34), fill=_SUN)
    draw.ellipse((-side * 0.35, side * 0.56, side * 0.85, side * 1.6), fill=_HILL)
    draw.ellipse((side * 0.3, side * 0.68, side * 1.5, side * 1.7), fill="#236b57")
    centre, radius, line = side / 2, side * 0.3, max(1, side // 40)
    rings = [(1.0, _AMBER), (1.0 - 2.2 * line / radius, None)] if open_share else []
    for share, colour in rings:
        reach = radius * open_share * share
        box = (centre - reach, centre - reach, centre + reach, centre + reach)
        draw.ellipse(box, fill=colour or _DARK)
    return picture


def _rounded(side: int) -> Image.Image:
    mask = Image.new("L", (side, side))
    ImageDraw.Draw(mask).rounded_rectangle((0, 0, side - 1, side - 1), side // 8, fill=255)
    return mask


def main() -> None:
    """Draws both."""
    for name, size, frames in (("icon", (256, 256), 1), ("banner", (1260, 540), 4)):
        picture = draw_scene(size, frames).quantize(64, dither=Image.Dither.NONE)
        picture.save(_FOLDER / f"{name}.png", optimize=True)


if __name__ == "__main__":
    main()
