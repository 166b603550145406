"""The lines along which colours are interpolated; shared by the fill without torch."""

from __future__ import annotations

DIRECTIONS = ((0, 1), (1, 2), (1, 1), (2, 1), (1, 0), (2, -1), (1, -1), (1, -2))  # rows and columns of a step
REACH = 7  # doublings: lines are followed for 2^7 steps
STEP = 2  # rows or columns of the longest step
NOWHERE = 1e4  # pixels; the distance of what a line does not meet
CONTRAST = 0.12  # difference of a line's ends, mean over colours, that counts as one
FARTHER = 0.3  # what the farther end's distance counts beside the nearer one's
PULL_PUSH_TRUST = -3.5  # in what pull-push makes, where a line between two equal colours has 0 next to its end
