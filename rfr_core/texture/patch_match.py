"""PatchMatch: for each pixel of a hole, the known pixel of the same picture whose surroundings look most alike.

Source: Barnes et al. 2009, "PatchMatch: A Randomized Correspondence Algorithm for Structural Image Editing". Pixels are
numbered row by row, one picture of a batch after the other; a field (Q,) holds the number of the source of each query.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from rfr_core.ops.pyramid import spread
from rfr_core.texture.settings import (
    CHUNK,
    GPU_CHUNK,
    GUIDE_RADIUS,
    MOST_PAIRS,
    RADIUS,
    TABLE,
    TRIAL_RADII,
)
from rfr_core.texture.surroundings import Surroundings


class Draws:
    """Random numbers in [0, 1), the same for a query whatever other pictures are searched beside its own."""

    def __init__(self) -> None:
        self._generator, self._seed = torch.Generator(), 0

    def __call__(self, numbers: Tensor, most: int, count: int) -> Tensor:
        """(count, Q), new ones at each call, for queries with these numbers (Q,), below ``most``, in their pictures."""
        self._seed += 1
        drawn = torch.rand(most, count, generator=self._generator.manual_seed(self._seed), device="cpu").T
        drawn = drawn.to(numbers.device)
        return drawn[:, numbers] if most < len(numbers) else drawn.contiguous()


def count_by_picture(pixels: Tensor, pictures: int, area: int) -> list[int]:
    """How many of some pixels (n,) lie in each picture, of ``area`` pixels; of a single one without asking a device."""
    return [len(pixels)] if pictures == 1 else (pixels // area).bincount(minlength=pictures).tolist()


def chunk_on(device: torch.device) -> int:
    """How many queries' patches are compared at once on a device."""
    return CHUNK if device.type == "cpu" else GPU_CHUNK


class PatchMatch:
    """The patches of pictures, and the search among those of each, on the device that they are on.

    queries: (Q,) numbers of the pixels whose patch holds something unknown, in rising order. valid: (N * H * W,) bool,
    which patches may serve as sources.
    """

    def __init__(self, colour: Tensor, known: Tensor, guide: Tensor, confidence: Tensor, guide_share: float) -> None:
        """Takes pictures apart.

        colour: (N, C, H, W), right where known: (N, 1, H, W) bool; beside red, green and blue there may be more to tell
        patches apart by. guide: (N, 3, H, W), how a fill should look from afar and how the picture does. confidence:
        (N, 1, H, W) > 0, how far each pixel of a query's patch counts. guide_share: weight of the guide against the
        patch.
        """
        self.height, self.width = known.shape[-2:]
        self.valid = sources_in(known).flatten()
        self.queries = queried(known).flatten().nonzero()[:, 0]
        self._picture = self.queries // (self.height * self.width)  # of each query
        self._sources = [part.nonzero()[:, 0] for part in self.valid.split(self.height * self.width)]
        self._counts = count_by_picture(self.queries, len(known), self.height * self.width)
        self._numbers = torch.cat([torch.arange(count) for count in self._counts])
        self._channels = colour.shape[1]
        self._patches = Surroundings(colour, RADIUS)
        self._guides = Surroundings(guide, GUIDE_RADIUS)
        self._wanted_guides = self._guides(self.queries)
        self._weight = _shares(Surroundings(confidence, RADIUS)(self.queries)).repeat_interleave(self._channels, 1)
        self._beside: dict[int, tuple[Tensor, Tensor, Tensor]] = {}  # by step: queries there, how far, and where
        self._guide_share = guide_share / self._guides.values
        self._chunk = chunk_on(colour.device)

    @property
    def sources(self) -> int:
        """How many there are."""
        return sum(map(len, self._sources))

    def full_search(self, most_pairs: int = MOST_PAIRS) -> Callable[[Tensor, Tensor, Tensor], Tensor]:
        """A search that looks at all sources, or at every n-th where they make more pairs with a picture's queries.

        It takes pixels (n,) in rising order, a content (N, C, H, W) and how far each of its pixels counts
        (N, 1, H, W), and returns the best source for the patch around each pixel, (n,).
        """
        pictures, area = len(self._sources), self.height * self.width
        offers = [self._offered(picture, most_pairs) for picture in range(pictures)]

        def search(pixels: Tensor, content: Tensor, confidence: Tensor) -> Tensor:
            wanted, shares = Surroundings(content, RADIUS), Surroundings(confidence, RADIUS)
            found = []
            counts = count_by_picture(pixels, pictures, area)
            for own, (sources, offered) in zip(pixels.split(counts), offers, strict=True):
                for part in own.split(max(1, TABLE // len(sources))):
                    share = _shares(shares(part))
                    weighted = wanted(part).mul_(share.repeat_interleave(self._channels, 1)).mul_(-2)
                    guide = self._guides(part).mul_(-2 * self._guide_share)
                    one = torch.full((len(part), 1), self._guide_share)
                    found.append(sources[(torch.cat([share, weighted, one, guide], 1) @ offered).argmin(1)])
            return torch.cat(found)

        return search

    def _offered(self, picture: int, most_pairs: int) -> tuple[Tensor, Tensor]:
        """Sources of a picture, and what a product with them takes to give distances."""
        sources, queries = self._sources[picture], self._counts[picture]
        area = self.height * self.width
        sources = sources[:: max(1, -(-queries * len(sources) // most_pairs))] + picture * area
        patches, guides = self._patches(sources), self._guides(sources)
        # w (s - q)^2 = w s^2 - 2 w q s + w q^2, in one product and without the last term, which is the query's own.
        energies = patches.square().view(len(sources), -1, self._channels).sum(2)
        guide_energies = guides.square().sum(1, keepdim=True)
        return sources, torch.cat([energies, patches, guide_energies, guides], 1).T

    def refine(self, content: Surroundings, field: Tensor, draws: Draws) -> tuple[Tensor, Tensor]:
        """A field improved by what neighbours found and by random trials, and the distance of each match.

        content: of radius `RADIUS`, what the sources should look like.
        """
        wanted = content(self.queries)
        field, distance = field.clone(), self._distance(field, wanted)
        further = self._neighbours(field, 2)
        self._improve(field, distance, further, wanted)
        near = self._neighbours(field, 1)
        # Where two neighbours in a row go on alike, both offer the same source.
        self._improve(field, distance, near.where(near != further, -1), wanted)
        self._improve(field, distance, self._around(field, draws), wanted)
        return field, distance

    def _improve(self, field: Tensor, distance: Tensor, trials: Tensor, wanted: Tensor) -> None:
        """Puts the nearest of several trials into the field where it is nearer than what is there.

        trials: (T, Q), -1 where there is none. Most are the present match, and not compared.
        """
        which = ((trials >= 0) & (trials != field)).flatten().nonzero().squeeze(1)
        query, trial = which % len(field), trials.flatten()[which]
        others = torch.full((trials.numel(),), torch.inf)
        others[which] = self._distance(trial, wanted, query)
        least, number = others.view_as(trials).min(0)
        better = least < distance
        torch.where(better, trials.gather(0, number[None])[0], field, out=field)
        torch.minimum(least, distance, out=distance)

    def _distance(self, sources: Tensor, wanted: Tensor, queries: Tensor | None = None) -> Tensor:
        """(n,): the weighted square difference of patches, and of what is seen from afar.

        sources: (n,), those of the ``queries`` (n,) among all, or of all.
        """
        distance = torch.empty(len(sources))
        aims = (wanted, self._weight, self._wanted_guides)
        for start in range(0, len(sources), self._chunk):
            part = slice(start, start + self._chunk)
            if queries is None:
                patch, weight, guide = (values[part] for values in aims)
            else:
                patch, weight, guide = (values.index_select(0, queries[part]) for values in aims)
            difference = self._patches(sources[part]).sub_(patch).square_().mul_(weight).sum(1)
            guide_difference = self._guides(sources[part]).sub_(guide).square_().sum(1)
            torch.add(difference, guide_difference, alpha=self._guide_share, out=distance[part])
        return distance

    def _neighbours(self, field: Tensor, step: int) -> Tensor:
        """The sources that continue those of the queries ``step`` pixels away, (4, Q), -1 where there is none."""
        if step not in self._beside:
            row, column = self.queries // self.width % self.height, self.queries % self.width
            moves = torch.tensor([(0, step), (0, -step), (step, 0), (-step, 0)])[..., None]
            rows, columns = row + moves[:, 0], column + moves[:, 1]
            inside = (rows >= 0) & (rows < self.height) & (columns >= 0) & (columns < self.width)
            pixels = self.queries + torch.where(inside, moves[:, 0] * self.width + moves[:, 1], 0)
            number = self.dense(torch.arange(len(self.queries)))[pixels]
            self._beside[step] = number.clamp(min=0), pixels - self.queries, inside & (number >= 0)
        number, moved, allowed = self._beside[step]
        trials = field[number] - moved
        # A source left of the picture would come out at the right of the row above, one below it in the next picture:
        # near a border none is valid.
        allowed = allowed & (trials >= 0) & (trials < len(self.valid))
        return trials.where(allowed & self.valid[trials.clamp_(0, len(self.valid) - 1)], -1)

    def _around(self, field: Tensor, draws: Draws) -> Tensor:
        """Random sources around the present ones, at falling distances: (T, Q), -1 where none was met."""
        radii = torch.tensor(TRIAL_RADII)
        drawn = draws(self._numbers, max(self._counts), 2 * len(radii)).view(2, len(radii), len(field))
        offset = ((2 * drawn - 1) * radii[:, None]).round_().long()
        rows = field // self.width
        row = rows % self.height
        first = rows - row
        row = offset[0].add_(row).clamp_(0, self.height - 1).add_(first)
        column = offset[1].add_(field % self.width).clamp_(0, self.width - 1)
        trials = row.mul_(self.width).add_(column)
        return trials.where(self.valid[trials], -1)

    def dense(self, field: Tensor) -> Tensor:
        """The field for all pixels, (N * H * W,), -1 where there is no query."""
        return spread_out(field, self.queries, len(self.valid), -1)

    def valid_field(self, dense: Tensor, draws: Draws) -> Tensor:
        """The field of a dense one, random where that has none or what is no source here."""
        field = dense[self.queries]
        counts = torch.tensor([len(sources) for sources in self._sources])
        area = self.height * self.width
        ranks = (draws(self._numbers, max(self._counts), 1)[0] * counts[self._picture]).long()
        first = (counts.cumsum(0) - counts)[self._picture]
        drawn = torch.cat(self._sources)[(first + ranks).clamp(max=self.sources - 1)] + self._picture * area
        return torch.where((field >= 0) & self.valid[field], field, drawn)


def spread_out(values: Tensor, pixels: Tensor, count: int, other: float) -> Tensor:
    """Values (n,) of some pixels (n,) for all of them, (count,), those of the rest being another."""
    return values.new_full((count,), other).index_copy_(0, pixels, values)


def sources_in(known: Tensor) -> Tensor:
    """Which patches hold nothing unknown and lie within the picture: (N, 1, H, W) bool, of what is known."""
    return _within(~spread(~known, RADIUS))


def queried(known: Tensor) -> Tensor:
    """Which patches hold something that is not known (N, 1, H, W) bool, of that shape."""
    return spread(~known, RADIUS)


def enlarge_field(dense: Tensor, size: tuple[int, int], large_size: tuple[int, int]) -> Tensor:
    """A dense field of pictures of half the size for those of ``large_size``: (N * H * W,), -1 where no query is."""
    (height, width), (large_height, large_width) = size, large_size
    row, column = torch.arange(large_height)[:, None], torch.arange(large_width)
    small = dense.view(-1, height, width)[:, row // 2, column // 2]
    picture = torch.arange(len(small))[:, None, None]
    large_row = (small // width % height * 2 + row % 2).clamp(max=large_height - 1)
    large_column = (small % width * 2 + column % 2).clamp(max=large_width - 1)
    return torch.where(small >= 0, (picture * large_height + large_row) * large_width + large_column, -1).flatten()


def _shares(shares: Tensor) -> Tensor:
    """What each channel of a pixel of a patch counts, (n, patch): a third of the pixel's share in all."""
    return shares / (3 * shares.sum(1, keepdim=True))


def _within(marked: Tensor) -> Tensor:
    """The marks (N, 1, H, W) whose patch lies within the picture."""
    inside = torch.zeros_like(marked)
    height, width = marked.shape[-2:]
    if min(height, width) > 2 * RADIUS:
        inside[..., RADIUS : height - RADIUS, RADIUS : width - RADIUS] = True
    return marked & inside
