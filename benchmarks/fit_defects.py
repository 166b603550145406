"""``python -m benchmarks.fit_defects FOLDER``: fits the coefficients that tell defects from a picture's own detail.

FOLDER holds photographs without defects, others than those that are measured on. Synthetic defects are drawn over each;
a candidate counts as a defect where most of its pixels are. Writes ``rfr_core/defects/coefficients.py``.
"""

from __future__ import annotations

import sys
from pathlib import Path
from textwrap import wrap

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from benchmarks.photographs import photographs
from rfr_core.defects import classical
from rfr_core.defects.candidates import RADII, find_candidates
from rfr_core.defects.drawn_defects import draw_defects

_LONGEST = 900  # pixels
_RIDGE = 1e-4
_AREA = 0.7  # the power of its area by which a candidate counts
_FILE = Path(classical.__file__).with_name("coefficients.py")


def main() -> None:
    [folder] = sys.argv[1:]
    features, radius, dark, right, area = _measured(Path(folder))
    means, spreads = features.mean(0).round(3), features.std(0).round(3)
    groups = [(r, d) for r in RADII for d in (False, True)]
    parts = [(radius == r) & (dark == d) for r, d in groups]
    columns = [
        classical.terms(features[part], r, d, means, spreads) for part, (r, d) in zip(parts, groups, strict=True)
    ]
    order = np.concatenate([np.flatnonzero(part) for part in parts])
    tensors = (np.concatenate(columns), right[order], area[order] ** _AREA)
    coefficients = _fitted(*(torch.from_numpy(values.astype(np.float32)) for values in tensors))
    _write(coefficients.numpy(), means, spreads)


def _fitted(columns: Tensor, right: Tensor, weight: Tensor) -> Tensor:
    """Weighted logistic regression with a ridge."""
    coefficients = torch.zeros(columns.shape[1], requires_grad=True)
    weight = (weight / weight.mean()).float()
    optimizer = torch.optim.LBFGS([coefficients], max_iter=150, line_search_fn="strong_wolfe")

    def loss() -> Tensor:
        optimizer.zero_grad()
        entropy = F.binary_cross_entropy_with_logits(columns @ coefficients, right, reduction="none")
        total = (entropy * weight).mean() + _RIDGE * (coefficients[1:] ** 2).sum()
        total.backward()
        return total

    optimizer.step(loss)
    return coefficients.detach()


def _measured(folder: Path) -> tuple[np.ndarray, ...]:
    """Of each candidate: features, scale, polarity, whether it is a defect, and its area."""
    parts = []
    for seed, clean in enumerate(photographs(folder, _LONGEST)):
        damaged = draw_defects(clean, generator=1000 + seed)
        truth = damaged.hole[0, 0].numpy().astype(np.float64)
        for picture, there in ((damaged.picture, truth), (clean, 0 * truth)):
            for dark in (False, True):
                for radius in RADII:
                    found = find_candidates(picture, radius, dark=dark)
                    if found.count:
                        same = np.full((2, found.count), [[radius], [dark]])
                        parts.append((found.features(), *same, found.mean(there) > 0.5, found.area))
    return tuple(np.concatenate(column) for column in zip(*parts, strict=True))


def _write(coefficients: np.ndarray, means: np.ndarray, spreads: np.ndarray) -> None:
    lines = ['"""Written by ``python -m benchmarks.fit_defects``; see `classical.terms` for their order."""', ""]
    lines += ["import numpy as np", ""]
    for name, values in (("MEANS", means), ("SPREADS", spreads), ("COEFFICIENTS", coefficients)):
        numbers = ", ".join(f"{value:.3f}" for value in values.tolist())
        lines += [
            f"{name} = np.array(",
            "    [",
            *wrap(numbers, 100, initial_indent=" " * 8, subsequent_indent=" " * 8),
        ]
        lines += ["    ]", ")  # fmt: skip"]
    _FILE.write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
