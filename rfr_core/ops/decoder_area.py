"""What the decoder of residual blocks looks at for the pixels of a box; shared by the fill without torch."""

from __future__ import annotations

from rfr_core.ops.box import Box

_BLOCK_REACH = 2  # positions around one that count, in a block of two 3x3 convolutions
_TAIL_REACH = 8  # pixels around one that count, in four convolutions one after another at half the size


def decoder_area(box: Box, scale: int, rows: int, columns: int, multiple: int = 1) -> Box:
    """The positions of a feature map of so many rows and columns, for a box of the picture's pixels.

    scale: pixels a side that a position stands for. multiple: what the area's edges, and the map's, are multiples of.
    """
    area = box.reduced(scale).grown(-(-_TAIL_REACH // scale) + _BLOCK_REACH, rows, columns)
    return area.reduced(multiple).enlarged(multiple)
