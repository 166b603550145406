"""Settings of the search for patches, and what its refinement sees; shared by the fill without torch."""

from __future__ import annotations

RADIUS = 2  # of a patch
GUIDE_RADIUS = 1  # of what is compared with the guide
TRIAL_RADII = (8, 2)  # pixels, within which sources are tried at random: one further away is hardly ever nearer
CHUNK = 2**13  # queries whose patches are compared at once: few enough for a processor's cache
GPU_CHUNK = 2**18  # the same on a GPU, where the beginning of an operation is what takes time
TABLE = 2**24  # distances that are held at once in a search of all sources
AT_ONCE = 2**16  # pixels whose votes are counted at once
MOST_PAIRS = 2**24  # of queries and sources in a search of all; beyond, every n-th source is looked at
FEW_PAIRS = 2**19  # of patches compared at first in a small hole: neighbours of what is found are looked at, too
COARSE_DEPTH = 8  # pixels that a hole may be deep at the coarsest scale, where all sources are looked at
SMALLEST = 16  # pixels a side of the smallest picture that is searched
MOST_QUERIES = 2**16  # patches that are searched for; a scale with more copies from where a coarser one has found
THIN, MOST_THIN_QUERIES = 12, 2**17  # pixels of depth up to which it may be more: near a border matches must be exact
KNOWN_SHARE = 0.2  # of a coarse pixel, with which it counts as known
FEWEST_SOURCES = 64  # patches, below which a scale has too little to choose from
CONFIDENCE = 0.3  # what a pixel of a query counts, to the power of its distance from a known one
FURTHEST = 8  # pixels, beyond which it counts the same
PEEL_TRUST = 0.7  # what a pixel filled from the border inwards counts, to the power of its ring's number
MOST_RINGS = 64  # of pixels that are filled so; a hole along a picture too narrow to be halved may be far deeper
GUIDE_SHARE = 0.05  # of the guide in the distance of two patches
FEATURE_RADIUS = 3  # of the square over which gradients make the texture feature
FEATURE_WEIGHT = 10  # of the feature against a colour in the distance of two patches
GUIDE_BLUR = 2  # radius of the square over which the guide is averaged
VOTES = (1, 4, 8)  # matchings and votes at each scale, the finest first; the last number holds for all that follow
CORE = 1  # radius of the middle of a patch that votes in the end: the whole would blur
SEAM = 2  # pixels outside the hole whose match tells by how much colours are off
FULL_MISMATCH = 0.25  # root of the mean squared difference of patches that match no better than any
EXACT = 1.01 / 255  # differences that 8 bits may bring about
FOUND = 0.9  # of patches that must be found exactly for a picture to go on as it does elsewhere
REACH = 72  # pixels around what a refinement makes; what is further away does not count
UNSHUFFLE = 2  # pixels a side that become a refinement's channels: it works at half the size
HALVINGS = 2  # from there on
MULTIPLE = UNSHUFFLE * 2**HALVINGS  # pixels; a crop that begins at a multiple of it is refined as in the whole
