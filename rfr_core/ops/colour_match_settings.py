"""Settings of the colour match; shared by the fill without torch."""

from __future__ import annotations

LEAST_CELL = 32  # pixels a side of squares matched by themselves: colours come from farther than a smaller one is wide
