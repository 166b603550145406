"""Settings of detail; shared by the fill without torch."""

from __future__ import annotations

LARGEST = 2**22  # pixels around a region that are worked on at once; what is larger is worked on at a smaller scale
FAR_INSIDE, CROSSING = 18, 6  # pixels from the known part that are far inside, and around there to cross over within
COLOUR_BLUR = 8  # radius of the square over which colours are compared; less takes texture away, more leaves stains
MOST_SHIFT = 8 / 255  # that colours are moved by there; more would put a haze over what patches show
BROAD_BLUR = 3  # radius of the square over which colours are blurred, twice, that are no part of texture
GRAIN = 1.5  # times as strong as that of the patches, the finest detail may be; beyond, it is grain
FAINT = 3 / 255  # finest detail so strong is halved, stronger less so: what does not fit costs more than it gives
NOISE_RANK, NOISE_SAMPLE = 0.005, 2**16  # which of so many places, by strength of detail, is taken for noise alone
TILE = 512  # pixels a side of the parts that are refined at once, each with what counts around it
