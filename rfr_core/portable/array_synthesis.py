"""What `rfr_core.texture.exemplar` does, on the arrays of one picture: texture in place of a blurry fill."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from rfr_core.portable.array_patches import (
    PatchSearch,
    SeededDraws,
    Squares,
    doubled_field,
    sources_within,
    voted_pixels,
    wanted_patches,
)
from rfr_core.portable.array_pyramid import average_2x2, box_blur, halve, lerp, pull_push, share_within, spread
from rfr_core.portable.array_repetition import ArrayRepetition, repeated
from rfr_core.portable.array_texture_feature import texture_feature
from rfr_core.texture.repetition_settings import MOST_ASKED
from rfr_core.texture.settings import (
    CHUNK,
    COARSE_DEPTH,
    CONFIDENCE,
    CORE,
    EXACT,
    FEW_PAIRS,
    FEWEST_SOURCES,
    FOUND,
    FULL_MISMATCH,
    FURTHEST,
    GUIDE_BLUR,
    GUIDE_SHARE,
    KNOWN_SHARE,
    MOST_PAIRS,
    MOST_QUERIES,
    MOST_RINGS,
    MOST_THIN_QUERIES,
    PEEL_TRUST,
    RADIUS,
    SEAM,
    SMALLEST,
    THIN,
    VOTES,
)

SearchArray = Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray]  # see `PatchSearch.full_search`


@dataclass(frozen=True)
class _Scale:
    """colour: (C, h, w), right where known: (h, w) bool. fill: (C, h, w), with a blurry fill.

    C is 3, or 4 with the texture feature.
    """

    colour: np.ndarray
    known: np.ndarray
    fill: np.ndarray

    def with_feature(self, feature: np.ndarray) -> _Scale:
        """The same with a texture feature (1, h, w), right where known, and interpolated in the fill."""
        soft = pull_push(np.where(self.known, feature, np.float32(0)), self.known[None].astype(np.float32))
        return _Scale(np.concatenate([self.colour, feature]), self.known, np.concatenate([self.fill, soft]))

    def without_feature(self) -> _Scale:
        """The same with a texture feature of 0, if it has any."""
        colour, fill = self.colour.copy(), self.fill.copy()
        colour[3:], fill[3:] = 0, 0
        return _Scale(colour, self.known, fill)

    @property
    def size(self) -> tuple[int, int]:
        return self.known.shape[0], self.known.shape[1]

    @cached_property
    def is_searched(self) -> bool:
        queries = int(np.count_nonzero(wanted_patches(self.known)))
        return queries <= MOST_QUERIES or (queries <= MOST_THIN_QUERIES and bool(spread(self.known, THIN).all()))


@dataclass(frozen=True)
class _Match:
    """dense: (h * w,) as `PatchSearch.dense` gives it. distance: (h * w,), that of each query's match. size: h, w.

    repeats: whether a pattern clearly repeats itself in the picture; patterned: whether one was found at all.
    """

    dense: np.ndarray
    distance: np.ndarray
    size: tuple[int, int]
    repeats: bool
    patterned: bool

    @cached_property
    def weight(self) -> np.ndarray:
        """How far each match counts, (h * w,), never nothing at all."""
        typical = quantile(self.distance[self.dense >= 0], 0.75)
        share = np.exp(-self.distance / max(2 * typical, np.float32(1e-6)))
        return np.maximum(share, np.float32(1e-3))

    def enlarged(self, size: tuple[int, int]) -> _Match:
        """The same for a picture of twice the size."""
        rows, columns = (np.arange(length) // 2 for length in size)
        distance = self.distance.reshape(self.size)[rows[:, None], columns].reshape(-1)
        return _Match(doubled_field(self.dense, self.size, size), distance, size, self.repeats, self.patterned)


def synthesized(
    fill: np.ndarray, known: np.ndarray, *, exact: bool = False
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A picture with all that is not known put together from patches of what is.

    fill: (3, H, W) float32 in [0, 1]: the picture and, where not known, a fill without fine detail. known: (H, W) bool.
    exact: patches are chosen by colour alone. Returns picture, copies and mismatch, as
    `rfr_core.texture.exemplar.Synthesis` has them: (3, H, W), (3, H, W) and (1, H, W).
    """
    scales = _scales(fill, known)
    if not exact:
        scales = _with_features(scales)
    draws = SeededDraws()
    match: _Match | None = None
    for number, scale in reversed(list(enumerate(scales))):
        start = match.enlarged(scale.size) if match else None
        pairs = FEW_PAIRS if len(scales) == 1 else MOST_PAIRS
        votes = VOTES[min(number, len(VOTES) - 1)]
        match = _search(scale, start, votes, pairs, draws) if scale.is_searched else start
    if match is None:
        return fill, fill, (~known)[None].astype(np.float32)
    finest = next(2**number for number, scale in enumerate(scales) if scale.is_searched)
    share = np.ones((), dtype=np.float32) if finest == 1 else 1 - share_within(spread(known, finest), finest)
    picture, copies = (lerp(fill, _assembled(scales[0], match, radius), share) for radius in (CORE, 0))
    mismatch = np.minimum(np.sqrt(match.distance) / np.float32(FULL_MISMATCH), 1)
    if match.repeats or (finest == 1 and _found_as_it_is(picture, match.dense)):
        mismatch = np.zeros_like(mismatch)
    mismatch = np.where(match.dense >= 0, mismatch, np.float32(1)).reshape(known.shape)
    return picture, copies, np.where(known, np.float32(0), mismatch)[None]


def quantile(values: np.ndarray, share: float) -> np.float32:
    """A quantile of (n,), between two values in proportion."""
    rank = np.float32(share) * np.float32(len(values) - 1)
    low = int(rank)
    high = min(low + 1, len(values) - 1)
    ordered = np.partition(values, (low, high))
    return np.float32(lerp(ordered[low], ordered[high], rank - np.float32(low)))


def _found_as_it_is(picture: np.ndarray, dense: np.ndarray) -> bool:
    """Whether nearly all patches' middles in (3, H, W) are, to a level of 255, what they were copied from."""
    height, width = picture.shape[-2:]
    inside = np.zeros((height, width), dtype=bool)
    inside[RADIUS:-RADIUS, RADIUS:-RADIUS] = True  # a patch that the picture's border cuts has no like
    patches, wanted = Squares(picture, CORE), np.flatnonzero((dense >= 0) & inside.reshape(-1))
    other, most = 0, (1 - FOUND) * len(wanted)
    for pixels in (wanted[start : start + CHUNK] for start in range(0, len(wanted), CHUNK)):
        other += int(np.count_nonzero((np.abs(patches(pixels) - patches(dense[pixels])) > EXACT).any(1)))
        if other > most:
            return False
    return True


def _can_begin(known: np.ndarray) -> bool:
    """Whether the search can begin in a picture (h, w): all sources looked at, and no hole too deep."""
    pairs = int(np.count_nonzero(wanted_patches(known))) * int(np.count_nonzero(known))
    return pairs <= MOST_PAIRS and bool(spread(known, COARSE_DEPTH).all())


def _scales(fill: np.ndarray, known: np.ndarray) -> list[_Scale]:
    """The picture at falling sizes, until it is small enough to be searched and no hole is deep."""
    scales = [_Scale(fill, known, fill)]
    colour, coverage = fill, known[None].astype(np.float32)
    while min(coverage.shape[-2:]) >= 2 * SMALLEST and not _can_begin(scales[-1].known):
        colour, coverage = halve(colour, coverage)
        scales.append(_Scale(colour, coverage[0] >= np.float32(KNOWN_SHARE), average_2x2(scales[-1].fill)))
    return scales


def _with_features(scales: list[_Scale]) -> list[_Scale]:
    """The scales, those coarser than the finest that is searched with their texture feature, too."""
    finest = next((number for number, scale in enumerate(scales) if scale.is_searched), len(scales))
    made = scales[: finest + 1]
    if len(made) < len(scales):
        known = scales[0].known
        feature, coverage = texture_feature(scales[0].colour, known), known[None].astype(np.float32)
        for number, scale in enumerate(scales[1:], 1):
            feature, coverage = halve(feature, coverage)
            if number > finest:
                made.append(scale.with_feature(feature))
    return made


def _search(scale: _Scale, start: _Match | None, votes: int, pairs: int, draws: SeededDraws) -> _Match | None:
    """The match of a scale, found in turn with what it makes; where it is the first, from that many pairs.

    None where nothing is missing, as of a thin hole at half the size, or too little known to choose from.
    """
    if int(np.count_nonzero(sources_within(scale.known))) < FEWEST_SOURCES or bool(scale.known.all()):
        return None
    confidence, pattern = _confidence(scale.known), _pattern(scale, start)
    patterned = start is not None and start.patterned
    if patterned or (pattern is not None and bool(pattern.found.any())):
        scale, patterned = scale.without_feature(), True  # a pattern tells by itself where patches go
    matcher = PatchSearch(scale.colour, scale.known, box_blur(scale.fill[:3], GUIDE_BLUR), confidence, GUIDE_SHARE)
    if start is None or (pattern is not None and bool(pattern.found.any())):
        search = matcher.full_search(pairs)
        content, repeats = scale.fill if start else _begun(scale, search), False
        if pattern is not None:
            continued = np.where(pattern.found, pattern.picture, content[:3])
            content, repeats = np.concatenate([continued, content[3:]]), pattern.clear
        field = search(matcher.queries, content, confidence)
    else:
        repeats = start.repeats
        field = matcher.valid_field(start.dense, draws)
        content = _voted(scale, matcher.dense(field))
    match = None
    for _ in range(votes):
        if match is not None:
            content = _voted(scale, match.dense, match.weight)
        field, distance = matcher.refine(content, field, draws)
        match = _Match(matcher.dense(field), matcher.spread_out(distance), scale.size, repeats, patterned)
    return match


def _pattern(scale: _Scale, start: _Match | None) -> ArrayRepetition | None:
    """How a pattern goes on at a scale; None where that was not asked, for one was found before, or it is large."""
    asked = scale.known.size <= MOST_ASKED and (start is None or not start.repeats)
    return repeated(scale.colour[:3], scale.known) if asked else None


def _begun(scale: _Scale, search: SearchArray) -> np.ndarray:
    """The picture (C, h, w) as patches are first looked for: with the network's fill, and its border from patches.

    Patches alone where a hole is too deep to begin with a blur.
    """
    if bool(spread(scale.known, COARSE_DEPTH).all()):
        return np.where(spread(scale.known, 1), _peeled(scale, search, 1), scale.fill)
    return _peeled(scale, search, MOST_RINGS)


def _peeled(scale: _Scale, search: SearchArray, rings: int) -> np.ndarray:
    """The picture filled from the border inwards, each pixel from the patch most like what is there when it is reached.

    In the onion-peel order of Efros and Leung 1999, "Texture Synthesis by Non-parametric Sampling". rings: how many
    pixels far at most. Returns (C, h, w).
    """
    colour = scale.colour.reshape(len(scale.colour), -1)
    content, reached = np.where(scale.known, scale.colour, np.float32(0)), scale.known
    confidence, trust = reached.astype(np.float32), 1.0
    for _ in range(rings):
        if bool(reached.all()):
            break
        ring = spread(reached, 1) & ~reached
        content[:, ring] = colour[:, search(np.flatnonzero(ring), content, confidence)]
        trust *= PEEL_TRUST
        confidence, reached = np.where(ring, np.float32(trust), confidence), reached | ring
    return np.where(reached, content, scale.fill)


def _confidence(known: np.ndarray) -> np.ndarray:
    """(h, w) in (0, 1], 1 where known and less the further from there."""
    confidence, reached = np.ones(known.shape, dtype=np.float32), known
    for _ in range(FURTHEST):
        confidence = np.where(reached, confidence, confidence * np.float32(CONFIDENCE))
        reached = spread(reached, 1)
    return confidence


def _voted(scale: _Scale, dense: np.ndarray, weight: np.ndarray | None = None) -> np.ndarray:
    """The picture with its unknown pixels from the matched patches."""
    made = voted_pixels(scale.colour, scale.known, dense, ~scale.known, RADIUS, weight)
    return np.where(scale.known, scale.colour, np.where(made >= 0, made, scale.fill))


def _assembled(scale: _Scale, match: _Match, radius: int) -> np.ndarray:
    """As :func:`_voted`, of the middles of patches, in colours that meet those around."""
    ring = spread(~scale.known, SEAM) & scale.known
    made = voted_pixels(scale.colour, scale.known, match.dense, ~scale.known | ring, radius, match.weight)
    made = np.where(made >= 0, made, scale.fill)
    made = made + pull_push(np.where(ring, scale.colour - made, np.float32(0)), ring[None].astype(np.float32))
    return np.where(scale.known, scale.colour, made.clip(0, 1))
