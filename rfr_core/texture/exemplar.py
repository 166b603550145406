"""Exemplar-based synthesis: sharp texture in place of a blurry fill, copied from the known part by PatchMatch.

At the coarsest scale patches are first looked for by the network's fill; from there on, at each finer one, patches are
matched and their pixels vote, as in Wexler et al. 2007, "Space-Time Completion of Video". The blurred fill guides the
matching.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import torch
from torch import Tensor

from rfr_core.ops.pyramid import average_2x2, box_blur, halve, pull_push, share_within, spread
from rfr_core.ops.quantile import quantile
from rfr_core.texture.patch_match import (
    Draws,
    PatchMatch,
    chunk_on,
    count_by_picture,
    enlarge_field,
    queried,
    sources_in,
    spread_out,
)
from rfr_core.texture.repetition import Repetition, repeated
from rfr_core.texture.repetition_settings import MOST_ASKED
from rfr_core.texture.settings import (
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
from rfr_core.texture.surroundings import Surroundings
from rfr_core.texture.texture_feature import texture_feature
from rfr_core.texture.votes import Votes

Search = Callable[[Tensor, Tensor, Tensor], Tensor]  # see `PatchMatch.full_search`


class Synthesis(NamedTuple):
    """What patches make of holes.

    picture: (N, 3, H, W) float32 in [0, 1], what all patches over a pixel put there, as one. copies: the same with
    each pixel from the patch around it alone, sharp but for seams. Both are bit-identical where known. mismatch:
    (N, 1, H, W) in [0, 1], how far the patch around each pixel is from the one it was copied from, 0 where known, 1
    where there is none; 0 all over a picture that is as it was found.
    """

    picture: Tensor
    copies: Tensor
    mismatch: Tensor


@dataclass(frozen=True)
class _Scale:
    """colour: (N, C, h, w), right where known: (N, 1, h, w) bool. fill: (N, C, h, w), with a blurry fill.

    C is 3, or 4 with the texture feature.
    """

    colour: Tensor
    known: Tensor
    fill: Tensor

    def with_feature(self, feature: Tensor) -> _Scale:
        """The same with a texture feature (N, 1, h, w), right where known, and interpolated in the fill."""
        soft = pull_push(torch.where(self.known, feature, 0), self.known.float())
        return _Scale(torch.cat([self.colour, feature], 1), self.known, torch.cat([self.fill, soft], 1))

    def without_feature(self, pictures: Tensor) -> _Scale:
        """The same with a texture feature of 0 in some pictures, (N,) bool."""
        if self.colour.shape[1] == 3 or not bool(pictures.any()):
            return self
        kept = (~pictures).to(self.colour.dtype)[:, None, None, None]
        colour, fill = (torch.cat([one[:, :3], one[:, 3:] * kept], 1) for one in (self.colour, self.fill))
        return _Scale(colour, self.known, fill)

    @property
    def size(self) -> tuple[int, int]:
        return self.known.shape[-2], self.known.shape[-1]

    @cached_property
    def queries(self) -> int:
        """Of the picture that has most."""
        return int(queried(self.known).flatten(1).sum(1).max())

    @cached_property
    def is_searched(self) -> bool:
        if self.queries <= MOST_QUERIES:
            return True
        return self.queries <= MOST_THIN_QUERIES and bool(spread(self.known, THIN).all())


@dataclass(frozen=True)
class _Match:
    """queries: (Q,) as those of `PatchMatch`. field, distance: (Q,), the source of each and how far it is from that.

    shape: N, h and w. repeats: (N,) bool, the pictures in which a pattern clearly repeats itself; patterned: (N,) bool,
    those in which one was found at all.
    """

    queries: Tensor
    field: Tensor
    distance: Tensor
    shape: tuple[int, int, int]
    repeats: Tensor
    patterned: Tensor

    @cached_property
    def weight(self) -> Tensor:
        """How far each match counts, (Q,), never nothing at all (Wexler et al. 2007, Sec. 3.2)."""
        pictures, height, width = self.shape
        distances = self.distance.split(count_by_picture(self.queries, pictures, height * width))
        typical = [(2 * quantile(distance, 0.75)).clamp(min=1e-6).expand_as(distance) for distance in distances]
        return torch.exp(-self.distance / torch.cat(typical)).clamp(min=1e-3)

    def dense(self) -> Tensor:
        """The field for all pixels, (N * h * w,), -1 where there is no query."""
        return spread_out(self.field, self.queries, math.prod(self.shape), -1)

    def distances(self) -> Tensor:
        """(N * h * w,), infinite where there is no query."""
        return spread_out(self.distance, self.queries, math.prod(self.shape), math.inf)

    def enlarged(self, size: tuple[int, int]) -> _Match:
        """The same for pictures of twice the size."""
        pictures, *small = self.shape
        dense = enlarge_field(self.dense(), (small[0], small[1]), size)
        queries = (dense >= 0).nonzero()[:, 0]
        rows, columns = (torch.arange(length) // 2 for length in size)
        distance = self.distances().view(self.shape)[:, rows[:, None], columns].flatten()
        return _Match(queries, dense[queries], distance[queries], (pictures, *size), self.repeats, self.patterned)


def synthesize(fill: Tensor, known: Tensor, *, exact: bool = False) -> Synthesis:
    """Pictures with all that is not known put together from patches of what is, each from its own.

    Always the same for the same input, alone or in a batch. The fill as it is where too little is known to choose from.

    Args:
        fill: (N, 3, H, W) float32 in [0, 1]: the picture and, where not known, a fill without fine detail.
        known: (N, 1, H, W) bool, on the same device, which all is computed on.
        exact: patches are chosen by colour alone, which is nearer to the truth, but smooth where that is uncertain.
    """
    with contextlib.nullcontext() if fill.device.type == "cpu" else fill.device:
        return _synthesized_each(fill, known, exact)


def _synthesized_each(fill: Tensor, known: Tensor, exact: bool) -> Synthesis:
    if len(known) == 1:
        return _synthesized(fill, known, exact)
    small = _can_begin(known) & (sources_in(known).flatten(1).sum(1) >= FEWEST_SOURCES) & ~known.flatten(1).all(1)
    # Those that are searched at one scale go together: there, an operation takes longer to begin than to do.
    parts = [part for part in (small.nonzero()[:, 0], *(~small).nonzero()) if len(part)]
    made = [_synthesized(fill[part], known[part], exact) for part in parts]
    order = torch.cat(parts).argsort()
    return Synthesis(*(torch.cat(values)[order] for values in zip(*made, strict=True)))


def _synthesized(fill: Tensor, known: Tensor, exact: bool) -> Synthesis:
    """As :func:`synthesize`, of one picture, or of several that are searched at one scale."""
    scales = _scales(fill, known)
    if not exact:
        scales = _with_features(scales)
    draws = Draws()
    match: _Match | None = None
    for number, scale in reversed(list(enumerate(scales))):
        start = match.enlarged(scale.size) if match else None
        pairs = FEW_PAIRS if len(scales) == 1 else MOST_PAIRS
        votes = VOTES[min(number, len(VOTES) - 1)]
        match = _search(scale, start, votes, pairs, draws) if scale.is_searched else start
    if match is None:
        return Synthesis(fill, fill, (~known).float())
    finest = next(2**number for number, scale in enumerate(scales) if scale.is_searched)
    share = _share(known, finest)
    picture, copies = (torch.lerp(fill, made, share) for made in _assembled(scales[0], match, (CORE, 0)))
    distance = match.distances().view(known.shape)
    mismatch = (distance.sqrt() / FULL_MISMATCH).clamp(max=1)
    as_it_is = match.repeats
    if finest == 1:
        as_it_is = as_it_is | found_as_it_is(picture, match.dense())
    mismatch = mismatch.where(~as_it_is[:, None, None, None] | distance.isinf(), 0)
    return Synthesis(picture, copies, torch.where(known, 0, mismatch))


def found_as_it_is(picture: Tensor, dense: Tensor) -> Tensor:
    """In which pictures (N, 3, H, W) nearly all patches' middles are, to a level, what they were copied from: (N,).

    A level is 1 of 255. dense: (N * H * W,) as `PatchMatch.dense` gives it. Patches over the hole's border hold known
    pixels: the picture then goes on as it does elsewhere, and nothing is to be gained. A photograph, with its noise,
    never does so: of drawings 95 to 100 % are found, of photographs up to 50 %.
    """
    height, width = picture.shape[-2:]
    queries = (dense >= 0).view(-1, height, width)
    inside = torch.zeros_like(queries)
    inside[:, RADIUS:-RADIUS, RADIUS:-RADIUS] = True  # a patch that the picture's border cuts has no like
    wanted = queries & inside
    patches, other = Surroundings(picture, CORE), torch.zeros(len(picture), dtype=torch.long)
    most = (1 - FOUND) * wanted.flatten(1).sum(1)
    for pixels in wanted.flatten().nonzero()[:, 0].split(chunk_on(picture.device)):
        changed = pixels[(patches(pixels) - patches(dense[pixels])).abs().amax(1) > EXACT]
        other += torch.tensor(count_by_picture(changed, len(picture), height * width))
        if bool((other > most).all()):
            break
    return other <= most


def _can_begin(known: Tensor) -> Tensor:
    """Whether the search can begin in pictures (N, 1, h, w): all sources looked at, and no hole too deep. (N,)."""
    pairs = queried(known).flatten(1).sum(1) * known.flatten(1).sum(1)
    return (pairs <= MOST_PAIRS) & spread(known, COARSE_DEPTH).flatten(1).all(1)


def _scales(fill: Tensor, known: Tensor) -> list[_Scale]:
    """The pictures at falling sizes, until they are small enough to be searched and no hole is deep."""
    scales = [_Scale(fill, known, fill)]
    colour, coverage = fill, known.float()
    while min(coverage.shape[-2:]) >= 2 * SMALLEST and not bool(_can_begin(scales[-1].known).all()):
        colour, coverage = halve(colour, coverage)
        scales.append(_Scale(colour, coverage >= KNOWN_SHARE, average_2x2(scales[-1].fill)))
    return scales


def _with_features(scales: list[_Scale]) -> list[_Scale]:
    """The scales, those coarser than the finest that is searched with their texture feature, too."""
    finest = next((number for number, scale in enumerate(scales) if scale.is_searched), len(scales))
    made = scales[: finest + 1]
    if len(made) < len(scales):
        feature, coverage = texture_feature(scales[0].colour, scales[0].known), scales[0].known.float()
        for number, scale in enumerate(scales[1:], 1):
            feature, coverage = halve(feature, coverage)
            if number > finest:
                made.append(scale.with_feature(feature))
    return made


def _search(scale: _Scale, start: _Match | None, votes: int, pairs: int, draws: Draws) -> _Match | None:
    """The match of a scale, found in turn with what it makes; where it is the first, from that many pairs.

    None where nothing is missing, as of a thin hole at half the size, or too little known to choose from.
    """
    confidence, pattern = _confidence(scale.known), _pattern(scale, start)
    patterned = start.patterned if start else scale.known.new_zeros(len(scale.known))
    if pattern is not None:
        patterned = patterned | pattern.found.flatten(1).any(1)
    scale = scale.without_feature(patterned)  # a pattern tells by itself where patches go
    matcher = PatchMatch(scale.colour, scale.known, _from_afar(scale.fill[:, :3]), confidence, GUIDE_SHARE)
    if not len(matcher.queries) or matcher.sources < FEWEST_SOURCES:
        return None
    unknown = (~scale.known).flatten().nonzero()[:, 0]
    voted = Votes(scale.colour, scale.known, matcher.queries)
    soft = _pixels_of(scale.fill)[unknown]

    def made(field: Tensor, weight: Tensor | None = None) -> Tensor:
        colours = voted(field, unknown, RADIUS, weight)
        return colours.where(colours >= 0, soft)

    if start is None or (pattern is not None and bool(pattern.found.any())):
        search = matcher.full_search(pairs)
        begun, repeats = scale.fill if start else _begun(scale, search), matcher.valid.new_zeros(len(scale.known))
        if pattern is not None:
            continued = torch.where(pattern.found, pattern.pictures, begun[:, :3])
            begun, repeats = torch.cat([continued, begun[:, 3:]], 1), pattern.clear
        content = Surroundings(begun, RADIUS)
        field = search(matcher.queries, begun, confidence)
    else:
        repeats = start.repeats
        field = matcher.valid_field(start.dense(), draws)
        content = Surroundings(scale.colour, RADIUS)
        content.put(unknown, made(field))
    match = None
    for _ in range(votes):
        if match is not None:
            content.put(unknown, made(field, match.weight))
        field, distance = matcher.refine(content, field, draws)
        match = _Match(matcher.queries, field, distance, (len(scale.known), *scale.size), repeats, patterned)
    return match


def _pattern(scale: _Scale, start: _Match | None) -> Repetition | None:
    """How patterns go on at a scale; None where that was not asked, for one was found before, or the scale is large."""
    height, width = scale.size
    asked = height * width <= MOST_ASKED and (start is None or not bool(start.repeats.any()))
    return repeated(scale.colour[:, :3], scale.known) if asked else None


def _begun(scale: _Scale, search: Search) -> Tensor:
    """The pictures (N, C, h, w) as patches are first looked for: with the network's fill, which says what goes where.

    Pixels next to known ones come from patches, so that all begins sharp, and all pixels do in a picture with a hole
    too deep to begin with a blur.
    """
    deep = ~spread(scale.known, COARSE_DEPTH).flatten(1).all(1)
    peeled = _peeled(scale, search, MOST_RINGS if bool(deep.any()) else 1)
    return torch.where(spread(scale.known, 1) | deep[:, None, None, None], peeled, scale.fill)


def _peeled(scale: _Scale, search: Search, rings: int) -> Tensor:
    """Pictures filled from the border inwards, each pixel from the patch most like what is there when it is reached.

    In the onion-peel order of Efros and Leung 1999, "Texture Synthesis by Non-parametric Sampling". rings: how many
    pixels far at most. Returns (N, C, h, w).
    """
    size = scale.colour.shape
    colour = _pixels_of(scale.colour)
    content, reached = torch.where(scale.known.flatten()[:, None], colour, 0), scale.known
    confidence, trust = reached.float(), 1.0
    for _ in range(rings):
        if bool(reached.all()):
            break
        ring = spread(reached, 1) & ~reached
        pixels = ring.flatten().nonzero()[:, 0]
        content.index_copy_(0, pixels, colour[search(pixels, _as_pictures(content, size), confidence)])
        trust *= PEEL_TRUST
        confidence, reached = torch.where(ring, trust, confidence), reached | ring
    return torch.where(reached, _as_pictures(content, size), scale.fill)


def _pixels_of(pictures: Tensor) -> Tensor:
    """The pixels of pictures (N, C, h, w), one after the other: (N * h * w, C)."""
    return pictures.movedim(1, -1).reshape(-1, pictures.shape[1])


def _as_pictures(colours: Tensor, size: torch.Size) -> Tensor:
    """Pixels (N * h * w, C) as a view of their pictures, (N, C, h, w)."""
    return colours.view(size[0], *size[2:], size[1]).movedim(-1, 1)


def _share(known: Tensor, finest: int) -> Tensor:
    """How far patches count against the fill, which is sharp near known pixels: (N, 1, H, W) in [0, 1].

    finest: how many pixels a side make one of the finest scale that was searched; a match is no more exact than that.
    """
    return torch.ones(()) if finest == 1 else 1 - share_within(spread(known, finest), finest)


def _from_afar(fill: Tensor) -> Tensor:
    """A picture (N, 3, h, w) as seen from afar."""
    return torch.cat([box_blur(channel, GUIDE_BLUR) for channel in fill.split(1, 1)], 1)


def _confidence(known: Tensor) -> Tensor:
    """(N, 1, h, w) in (0, 1], 1 where known and less the further from there."""
    confidence, reached = torch.ones(known.shape), known
    for _ in range(FURTHEST):
        confidence = torch.where(reached, confidence, confidence * CONFIDENCE)
        reached = spread(reached, 1)
    return confidence


def _assembled(scale: _Scale, match: _Match, radii: tuple[int, ...]) -> list[Tensor]:
    """Pictures (N, 3, h, w) with their unknown pixels from the middles of patches, in colours that meet those around.

    One for each radius of these middles.
    """
    unknown = ~scale.known
    ring = spread(unknown, SEAM) & scale.known
    pixels = (unknown | ring).flatten().nonzero()[:, 0]
    voted, soft = Votes(scale.colour, scale.known, match.queries), _pixels_of(scale.fill)
    made = []
    for radius in radii:
        colours = voted(match.field, pixels, radius, match.weight)
        colours = colours.where(colours >= 0, soft[pixels])
        made.append(_as_pictures(soft.index_copy(0, pixels, colours), scale.colour.shape))
    offsets = torch.cat([torch.where(ring, scale.colour - one, 0) for one in made], 1)
    offsets = pull_push(offsets, ring.float()).split(scale.colour.shape[1], 1)
    return [
        torch.where(scale.known, scale.colour, (one + offset).clamp(0, 1))
        for one, offset in zip(made, offsets, strict=True)
    ]
