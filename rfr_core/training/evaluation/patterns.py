"""Drawn patterns whose truth is beyond doubt, with a hole in each, and how far fills are off there.

Photographs say how good fills are on the whole; these say what goes on through a hole at all: a repeated pattern, a
straight edge, an even colour. No training sees them: what training draws has other numbers (`training.data.synthetic`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from rfr_core.holes.random_holes import random_object_hole

SIDE = 256
_EACH = 2  # pictures of a kind

Fill = Callable[[Tensor, Tensor], Tensor]  # picture (1, 3, H, W), 0 in the hole, and hole (1, 1, H, W) -> picture


@dataclass(frozen=True)
class Pattern:
    """A picture (1, 3, SIDE, SIDE) at 8-bit steps, and a hole (1, 1, SIDE, SIDE) in it."""

    kind: str
    truth: Tensor
    hole: Tensor


def patterns() -> list[Pattern]:
    """All of them, always the same."""
    return [_pattern(kind, number) for kind in KINDS for number in range(_EACH)]


def levels_off(fill: Fill, cases: Iterable[Pattern]) -> dict[str, float]:
    """How far a fill is off inside the hole: kind -> mean absolute difference in levels of 0-255."""
    found: dict[str, list[float]] = {}
    for case in cases:
        filled = fill(case.truth * (1 - case.hole), case.hole).clamp(0, 1).mul(255).round()
        off = ((filled - case.truth * 255).abs() * case.hole).sum() / (3 * case.hole.sum())
        found.setdefault(case.kind, []).append(float(off))
    return {kind: float(np.mean(values)) for kind, values in found.items()}


def to_markdown(columns: Mapping[str, Mapping[str, float]]) -> str:
    """One row per kind, one column per fill."""
    lines = [f"| pattern | {' | '.join(columns)} |", "|---" * (len(columns) + 1) + "|"]
    for kind in KINDS:
        lines.append(f"| {kind} | {' | '.join(f'{values[kind]:.1f}' for values in columns.values())} |")
    return "\n".join(lines) + "\n"


def _pattern(kind: str, number: int) -> Pattern:
    rng = np.random.default_rng((11, list(KINDS).index(kind), number))
    rows, columns = np.mgrid[:SIDE, :SIDE].astype(np.float64)
    drawn = KINDS[kind](rows, columns, rng)
    truth = torch.from_numpy(np.ascontiguousarray(drawn.clip(0, 1).transpose(2, 0, 1))).float()
    hole = random_object_hole(SIDE, SIDE, generator=np.random.default_rng((12, number)))
    return Pattern(kind, truth[None].mul(255).round().div(255), hole)


def _mixed(share: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Two colours, well apart, by the share of the second: (H, W) -> (H, W, 3)."""
    first, second = rng.uniform(0.05, 0.4, 3), rng.uniform(0.6, 0.95, 3)
    return first + (second - first) * share[..., None]


def _along(rows: np.ndarray, columns: np.ndarray, angle: float) -> np.ndarray:
    return rows * np.sin(angle) + columns * np.cos(angle)


def _checkers(rows: np.ndarray, columns: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    return _mixed((rows // 16 + columns // 16) % 2, rng)


def _tiles(rows: np.ndarray, columns: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    side = int(rng.integers(20, 33))
    tile = rng.random((side, side, 3))
    return tile[rows.astype(int) % side, columns.astype(int) % side]


def _stripes(rows: np.ndarray, columns: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    place = _along(rows, columns, rng.uniform(0, np.pi)) % 22
    return _mixed((np.minimum(place, 11 - place) + 0.5).clip(0, 1), rng)


def _grid(rows: np.ndarray, columns: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    return _mixed(((rows % 24 < 3) | (columns % 24 < 3)).astype(float), rng)


def _horizon(rows: np.ndarray, columns: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    slope = rng.uniform(-0.1, 0.1)
    return _mixed((rows - SIDE / 2 - slope * (columns - SIDE / 2) + 0.5).clip(0, 1), rng)


def _gradient(rows: np.ndarray, columns: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    place = _along(rows, columns, rng.uniform(0, np.pi / 2))
    return _mixed(place / place.max(), rng)


def _flat(rows: np.ndarray, columns: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    return np.broadcast_to(rng.uniform(0.1, 0.9, 3), (*rows.shape, 3))


KINDS: Mapping[str, Callable[[np.ndarray, np.ndarray, np.random.Generator], np.ndarray]] = {
    "checkers": _checkers,
    "tiles": _tiles,
    "stripes": _stripes,
    "grid": _grid,
    "horizon": _horizon,
    "gradient": _gradient,
    "flat": _flat,
}
