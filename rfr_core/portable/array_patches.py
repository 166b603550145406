"""What `patch_match`, `surroundings` and `votes` in `rfr_core.texture` do, on the arrays of one picture.

Pixels are numbered row by row; a field (Q,) holds the number of the source of each query.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from rfr_core.portable.array_pyramid import padded, spread
from rfr_core.texture.settings import AT_ONCE, CHUNK, GUIDE_RADIUS, MOST_PAIRS, RADIUS, TABLE, TRIAL_RADII

_DIGITS = 24  # of a random float32


class SeededDraws:
    """Random numbers in [0, 1), those that `rfr_core.texture.patch_match.Draws` gives."""

    def __init__(self) -> None:
        self._seed = 0

    def __call__(self, queries: int, count: int) -> np.ndarray:
        """(count, queries) float32, new ones at each call."""
        self._seed += 1
        # The same generator as PyTorch's, and the same digits of it.
        drawn = np.random.RandomState(self._seed).randint(0, 2**32, size=(queries, count), dtype=np.uint32)
        return ((drawn & (2**_DIGITS - 1)).astype(np.float32) * np.float32(2.0**-_DIGITS)).T


class Squares:
    """The squares of pixels around those of a picture, gone on outwards at the border.

    values: how many values a square holds.
    """

    def __init__(self, picture: np.ndarray, radius: int) -> None:
        """picture: (C, H, W)."""
        side, channels = 2 * radius + 1, len(picture)
        large = np.ascontiguousarray(np.moveaxis(padded(picture, radius, radius, radius, radius), 0, -1))
        self.values = side**2 * channels
        self._width, self._stride = picture.shape[-1], large.shape[1]
        # Row i: ``side`` pixels from pixel i of the padded picture on, which overlap with those of row i + 1.
        self._rows = np.lib.stride_tricks.sliding_window_view(large.reshape(-1), side * channels)[::channels]
        self._steps = np.arange(side) * self._stride

    def __call__(self, pixels: np.ndarray) -> np.ndarray:
        """The squares around pixels (n,): (n, values), row by row, the channels of a pixel together."""
        corner = pixels // self._width * self._stride + pixels % self._width
        return self._rows[corner[:, None] + self._steps].reshape(len(pixels), self.values)


class PatchSearch:
    """The patches of a picture, and the search among them.

    queries: (Q,) numbers of the pixels whose patch holds something unknown, in rising order. valid: (H * W,) bool,
    which patches may serve as sources.
    """

    def __init__(
        self, colour: np.ndarray, known: np.ndarray, guide: np.ndarray, confidence: np.ndarray, guide_share: float
    ) -> None:
        """Takes a picture apart.

        colour: (C, H, W), right where known: (H, W) bool. guide: (3, H, W), how a fill should look from afar and how
        the picture does. confidence: (H, W) > 0, how far each pixel of a query's patch counts. guide_share: weight of
        the guide against the patch.
        """
        self.height, self.width = known.shape
        self.valid = sources_within(known).reshape(-1)
        self.queries = np.flatnonzero(wanted_patches(known))
        self._sources = np.flatnonzero(self.valid)
        self._channels = len(colour)
        self._patches, self._guides = Squares(colour, RADIUS), Squares(guide, GUIDE_RADIUS)
        self._wanted_guides = self._guides(self.queries)
        self._weight = _shares(Squares(confidence[None], RADIUS)(self.queries)).repeat(self._channels, 1)
        self._beside: dict[
            int, tuple[np.ndarray, np.ndarray, np.ndarray]
        ] = {}  # by step: queries there, how far, where
        self._guide_share = np.float32(guide_share / self._guides.values)

    def full_search(self, most_pairs: int = MOST_PAIRS) -> Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray]:
        """A search that looks at all sources, or at every n-th where they make more pairs with the queries.

        It takes pixels (n,), a content (C, H, W) and how far each of its pixels counts (H, W), and returns the best
        source for the patch around each pixel, (n,).
        """
        sources = self._sources[:: max(1, -(-len(self.queries) * len(self._sources) // most_pairs))]
        patches, guides = self._patches(sources), self._guides(sources)
        # w (s - q)^2 = w s^2 - 2 w q s + w q^2, in one product and without the last term, which is the query's own.
        energies = np.square(patches).reshape(len(sources), -1, self._channels).sum(2)
        guide_energies = np.square(guides).sum(1, keepdims=True)
        offered = np.concatenate([energies, patches, guide_energies, guides], 1).T

        def search(pixels: np.ndarray, content: np.ndarray, confidence: np.ndarray) -> np.ndarray:
            wanted, shares = Squares(content, RADIUS), Squares(confidence[None], RADIUS)
            found, size = [], max(1, TABLE // len(sources))
            for part in (pixels[start : start + size] for start in range(0, len(pixels), size)):
                share = _shares(shares(part))
                weighted = wanted(part) * share.repeat(self._channels, 1) * -2
                guide = self._guides(part) * (-2 * self._guide_share)
                one = np.full((len(part), 1), self._guide_share)
                found.append(sources[(np.concatenate([share, weighted, one, guide], 1) @ offered).argmin(1)])
            return np.concatenate(found)

        return search

    def refine(self, content: np.ndarray, field: np.ndarray, draws: SeededDraws) -> tuple[np.ndarray, np.ndarray]:
        """A field improved by what neighbours found and by random trials, and the distance of each match.

        content: (C, H, W), what the sources should look like.
        """
        wanted = Squares(content, RADIUS)(self.queries)
        field, distance = field.copy(), self._distance(field, wanted)
        further = self._neighbours(field, 2)
        self._improve(field, distance, further, wanted)
        near = self._neighbours(field, 1)
        # Where two neighbours in a row go on alike, both offer the same source.
        self._improve(field, distance, np.where(near != further, near, -1), wanted)
        self._improve(field, distance, self._near(field, draws), wanted)
        return field, distance

    def dense(self, field: np.ndarray) -> np.ndarray:
        """The field for all pixels, (H * W,), -1 where there is no query."""
        dense = np.full(len(self.valid), -1)
        dense[self.queries] = field
        return dense

    def spread_out(self, values: np.ndarray) -> np.ndarray:
        """Values (Q,) of the queries for all pixels, (H * W,), 0 where there is no query."""
        spread_out = np.zeros(len(self.valid), dtype=np.float32)
        spread_out[self.queries] = values
        return spread_out

    def valid_field(self, dense: np.ndarray, draws: SeededDraws) -> np.ndarray:
        """The field of a dense one, random where that has none or what is no source here."""
        field, count = dense[self.queries], len(self._sources)
        ranks = (draws(len(self.queries), 1)[0] * np.float32(count)).astype(int)
        return np.where((field >= 0) & self.valid[field], field, self._sources[np.minimum(ranks, count - 1)])

    def _improve(self, field: np.ndarray, distance: np.ndarray, trials: np.ndarray, wanted: np.ndarray) -> None:
        """Puts the nearest of several trials into the field where it is nearer than what is there.

        trials: (T, Q), -1 where there is none. Most are the present match, and not compared.
        """
        which = np.flatnonzero((trials >= 0) & (trials != field))
        others = np.full(trials.size, np.inf, dtype=np.float32)
        others[which] = self._distance(trials.reshape(-1)[which], wanted, which % len(field))
        others = others.reshape(trials.shape)
        number = others.argmin(0)[None]
        least = np.take_along_axis(others, number, 0)[0]
        np.copyto(field, np.take_along_axis(trials, number, 0)[0], where=least < distance)
        np.minimum(least, distance, out=distance)

    def _distance(self, sources: np.ndarray, wanted: np.ndarray, queries: np.ndarray | None = None) -> np.ndarray:
        """(n,): the weighted square difference of patches, and of what is seen from afar.

        sources: (n,), those of the ``queries`` (n,) among all, or of all.
        """
        distance = np.empty(len(sources), dtype=np.float32)
        for start in range(0, len(sources), CHUNK):
            part = slice(start, start + CHUNK)
            place = part if queries is None else queries[part]
            mismatch = self._patches(sources[part])
            mismatch -= wanted[place]
            np.square(mismatch, out=mismatch)
            mismatch *= self._weight[place]
            afar = self._guides(sources[part])
            afar -= self._wanted_guides[place]
            np.square(afar, out=afar)
            distance[part] = mismatch.sum(1) + self._guide_share * afar.sum(1)
        return distance

    def _neighbours(self, field: np.ndarray, step: int) -> np.ndarray:
        """The sources that continue those of the queries ``step`` pixels away, (4, Q), -1 where there is none."""
        if step not in self._beside:
            row, column = self.queries // self.width, self.queries % self.width
            moves = np.array([(0, step), (0, -step), (step, 0), (-step, 0)])[..., None]
            rows, columns = row + moves[:, 0], column + moves[:, 1]
            inside = (rows >= 0) & (rows < self.height) & (columns >= 0) & (columns < self.width)
            pixels = self.queries + np.where(inside, moves[:, 0] * self.width + moves[:, 1], 0)
            number = self.dense(np.arange(len(self.queries)))[pixels]
            self._beside[step] = np.maximum(number, 0), pixels - self.queries, inside & (number >= 0)
        number, moved, allowed = self._beside[step]
        trials = field[number] - moved
        # A source left of the picture would come out at the right of the row above: near a border none is valid.
        allowed = allowed & (trials >= 0) & (trials < len(self.valid))
        trials = trials.clip(0, len(self.valid) - 1)
        return np.where(allowed & self.valid[trials], trials, -1)

    def _near(self, field: np.ndarray, draws: SeededDraws) -> np.ndarray:
        """Random sources around the present ones, at falling distances: (T, Q), -1 where none was met."""
        radii = np.array(TRIAL_RADII, dtype=np.float32)
        drawn = draws(len(field), 2 * len(radii)).reshape(2, len(radii), len(field))
        offset = np.rint((2 * drawn - 1) * radii[:, None]).astype(int)
        row = (offset[0] + field // self.width).clip(0, self.height - 1)
        column = (offset[1] + field % self.width).clip(0, self.width - 1)
        trials = row * self.width + column
        return np.where(self.valid[trials], trials, -1)


def sources_within(known: np.ndarray) -> np.ndarray:
    """Which patches hold nothing unknown and lie within the picture: (H, W) bool, of what is known."""
    inside = np.zeros_like(known)
    height, width = known.shape
    if min(height, width) > 2 * RADIUS:
        inside[RADIUS : height - RADIUS, RADIUS : width - RADIUS] = True
    return inside & ~wanted_patches(known)


def wanted_patches(known: np.ndarray) -> np.ndarray:
    """Which patches hold something that is not known (H, W) bool, of that shape."""
    return spread(~known, RADIUS)


def doubled_field(dense: np.ndarray, size: tuple[int, int], large_size: tuple[int, int]) -> np.ndarray:
    """A dense field of a picture of half the size for that of ``large_size``: (H * W,), -1 where no query is."""
    (height, width), (large_height, large_width) = size, large_size
    row, column = np.arange(large_height)[:, None], np.arange(large_width)
    small = dense.reshape(height, width)[row // 2, column // 2]
    large_row = np.minimum(small // width * 2 + row % 2, large_height - 1)
    large_column = np.minimum(small % width * 2 + column % 2, large_width - 1)
    return np.where(small >= 0, large_row * large_width + large_column, -1).reshape(-1)


def voted_pixels(
    colour: np.ndarray,
    known: np.ndarray,
    dense: np.ndarray,
    marked: np.ndarray,
    radius: int,
    weight: np.ndarray | None = None,
) -> np.ndarray:
    """Each marked pixel as the mean of what the matches around it put there; -1 where they put nothing: (C, H, W).

    colour: (C, H, W). known: (H, W) bool, which colours may be taken. dense: (H * W,) as `PatchSearch.dense` gives it.
    marked: (H, W) bool. radius: of the middle of each patch that counts. weight: (H * W,), how far each query's patch
    counts; None = alike.
    """
    height, width = marked.shape
    reach = radius * (width + 1)
    # A pixel's colour, and 1, where known, with room before and after for what lies beyond the picture.
    channels = np.concatenate([colour, np.ones((1, height, width), dtype=np.float32)]) * known
    flat = np.pad(np.moveaxis(channels, 0, -1).reshape(-1, len(channels)), ((reach, reach), (0, 0)))
    dense, stride = dense.reshape(height, width), width + 2 * radius
    shares = np.where(dense >= 0, np.float32(1) if weight is None else weight.reshape(height, width), np.float32(0))
    sources, shares = np.pad(np.maximum(dense, 0), radius).reshape(-1) + reach, np.pad(shares, radius).reshape(-1)
    result = np.full((height * width, len(colour)), -1, dtype=np.float32)
    wanted = np.flatnonzero(marked)
    for pixels in (wanted[start : start + AT_ONCE] for start in range(0, len(wanted), AT_ONCE)):
        place = (pixels // width + radius) * stride + pixels % width + radius
        total = np.zeros((len(pixels), len(channels)), dtype=np.float32)
        for down in range(-radius, radius + 1):
            for right in range(-radius, radius + 1):
                query = place + (down * stride + right)
                total += flat[sources[query] - (down * width + right)] * shares[query][:, None]
        count = total[:, -1:]
        result[pixels] = np.where(count > 0, total[:, :-1] / np.maximum(count, np.float32(1e-30)), np.float32(-1))
    return np.ascontiguousarray(result.reshape(height, width, -1).transpose(2, 0, 1))


def _shares(shares: np.ndarray) -> np.ndarray:
    """What each channel of a pixel of a patch counts, (n, patch): a third of the pixel's share in all."""
    return shares / (3 * shares.sum(1, keepdims=True))
