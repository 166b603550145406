"""Settings of the search for patterns that repeat themselves; shared by the fill without torch."""

from __future__ import annotations

REPEATING = 0.85  # correlation of a picture with itself, from which on a pattern repeats itself there
MOST_ASKED = 2**15  # pixels of a picture up to which it is asked for a pattern: a larger one at a coarser scale alone
STANDS_OUT = 0.5  # of correlation, that a peak must be above what lies on the way to it, to be a lattice's
SMALLEST_ALIKE = 48  # pixels a side of a picture in which anything less may be no chance
REPEAT_ERROR = 0.35  # of the variance next to a hole, that what a pattern tells of known pixels may be wrong by
REPEAT_RING = 6  # pixels that are next to a hole there
REPEAT_DEPTH = 2  # pixels of depth up to which a hole is filled without asking for a pattern
REPEAT_POWER = 8  # of a correlation, by which an offset counts
WEAKEST, MOST_OFFSETS = 0.3, 24  # correlation of an offset, and how many of them at most tell how a pattern goes on
NEAREST_OFFSET = 4  # pixels: at smaller offsets everything looks like itself
OVERLAP, DETAIL_OVERLAP = 0.25, 0.1  # of the known pixels, and of their detail, that must meet others at an offset
MOST_STEPS = 8  # times that a pattern goes on from where it has been continued to
COVERED = 0.5  # of the missing pixels, that a pattern must reach
LOCAL_BLUR = 8  # radius of the square over which colours are averaged, twice, that are no part of a pattern
FLAT = 2 / 255  # mean strength of detail up to which it is noise
