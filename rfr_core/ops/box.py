"""A rectangle of pixels."""

from __future__ import annotations

from typing import NamedTuple


class Box(NamedTuple):
    """Rows from ``top`` to before ``bottom``, columns from ``left`` to before ``right``; never empty."""

    top: int
    left: int
    bottom: int
    right: int

    @property
    def height(self) -> int:
        return self.bottom - self.top

    @property
    def width(self) -> int:
        return self.right - self.left

    @property
    def area(self) -> int:
        return self.height * self.width

    @property
    def slices(self) -> tuple[slice, slice]:
        """For indexing: ``array[box.slices]``, ``tensor[(..., *box.slices)]``."""
        return slice(self.top, self.bottom), slice(self.left, self.right)

    def contains(self, x: int, y: int) -> bool:
        return self.top <= y < self.bottom and self.left <= x < self.right

    def shifted(self, down: int, right: int) -> Box:
        return Box(self.top + down, self.left + right, self.bottom + down, self.right + right)

    def within(self, outer: Box) -> Box:
        """The same pixels, counted from the corner of ``outer``."""
        return self.shifted(-outer.top, -outer.left)

    def joined(self, other: Box) -> Box:
        """The least box around both."""
        return Box(
            min(self.top, other.top),
            min(self.left, other.left),
            max(self.bottom, other.bottom),
            max(self.right, other.right),
        )

    def common(self, other: Box) -> Box | None:
        """The pixels in both, ``None`` where there are none."""
        top, left = max(self.top, other.top), max(self.left, other.left)
        bottom, right = min(self.bottom, other.bottom), min(self.right, other.right)
        return Box(top, left, bottom, right) if top < bottom and left < right else None

    def reduced(self, factor: int) -> Box:
        """The pixels of a picture ``factor`` times smaller that this box touches."""
        return Box(self.top // factor, self.left // factor, -(-self.bottom // factor), -(-self.right // factor))

    def enlarged(self, factor: int) -> Box:
        """The same part of a picture ``factor`` times larger."""
        return Box(*(edge * factor for edge in self))

    def grown(self, margin: int, height: int, width: int, multiple: int = 1) -> Box:
        """With ``margin`` pixels more on every side, within a picture, and the sides multiples where it has room."""
        top, bottom = _span(self.top - margin, self.bottom + margin, multiple, height)
        left, right = _span(self.left - margin, self.right + margin, multiple, width)
        return Box(top, left, bottom, right)


def _span(start: int, end: int, multiple: int, length: int) -> tuple[int, int]:
    """The part of a span within 0 to ``length``, lengthened evenly on both sides to a multiple where that fits."""
    start, end = max(0, start), min(length, end)
    size = min(length, end - start + -(end - start) % multiple)
    start = min(max(0, start - (size - (end - start)) // 2), length - size)
    return start, start + size
