"""Sizes by which a fill is planned and put together, in pixels; shared by the fill without torch."""

from __future__ import annotations

MIN_CONTEXT = 64  # pixels; less shows the network too little of what surrounds a small hole
THIN_CONTEXT = 24  # pixels around spots and long thin holes
TILE_CONTEXT = 96  # pixels that a tile sees around itself; more costs time and shows it little of use
LARGEST_SIDE = 640  # pixels
LARGEST_CROP = LARGEST_SIDE**2
LEAST_TILE = 320  # pixels a side, at least, of the tiles that a larger crop is cut into, even if their crops are larger
DETAILED_CROP = 320**2  # pixels; where detail follows, larger ones are run at half the size, or a quarter, and so on
THIN_TILE = 128
BATCH_PIXELS = 2**18  # in one call of the network
SLACK = 1.15  # a hole that is deeper than the network reaches by less than this gets more recurrences, not a level
OVERLAP = 32  # pixels that neighbouring tiles share, over which one fades into the other
MARGIN = 2  # pixels around a region that the filter of an enlargement looks at
FRONT = 8  # pixels over which a finer fill fades in behind the front that the network has reached
MATCHED_MARGIN = 8  # pixels around a hole that a fill's colours are matched to, at least
