"""How well defects are found: synthetic ones over photographs, whose truth is known, and photographs without any."""

from __future__ import annotations

from collections import Counter

import torch.nn.functional as F
from torch import Tensor

from benchmarks.photographs import photographs
from benchmarks.report import Table, Value
from benchmarks.setting import Setting
from rfr_core.defects.drawn_defects import draw_defects
from rfr_core.defects.finding import find_defects
from rfr_core.defects.kinds import KINDS
from rfr_core.holes.shaping import grow

LONGEST = 800  # pixels
SENSITIVITY = 0.5
# A scan's pixels are smaller than what its film or print resolves; a photograph made small is as sharp as can be.
_ENLARGED = {"soft, as a scan": 2, "sharp": 1}


def run(setting: Setting) -> Table:
    counts = {what: Counter[str]() for what in _ENLARGED}
    for seed, photograph in enumerate(photographs(setting.pictures, LONGEST)):
        for what, factor in _ENLARGED.items():
            _count(counts[what], _enlarged(photograph, factor), seed)
    rows = [[what, *_shares(count)] for what, count in counts.items()]
    columns = ("pictures", "recall", "precision", "within a pixel: recall", "precision ", *KINDS, "% of clean", "worst")
    number = counts["sharp"]["pictures"]
    title = f"`find_defects` on {number} photographs of at most {LONGEST} pixels, by share of pixels"
    notes = [
        "Soft: enlarged twice before the defects are drawn. Within a pixel: what lies beside counts as right.",
        "By kind: recall, to the pixel. Clean: what is found in photographs without defects, on average and at worst.",
    ]
    return Table(title, columns, rows, notes)


def _enlarged(picture: Tensor, factor: int) -> Tensor:
    if factor == 1:
        return picture
    return F.interpolate(picture, scale_factor=factor, mode="bicubic").clamp(0, 1)


def _count(count: Counter[str], clean: Tensor, seed: int) -> None:
    """Adds the pixels of one picture."""
    damaged = draw_defects(clean, generator=seed)
    found, there = find_defects(damaged.picture, sensitivity=SENSITIVITY) > 0, damaged.hole
    count["found"] += int(found.sum())
    count["there"] += int(there.sum())
    count["right"] += int((found & there).sum())
    count["right within"] += int((found & grow(there, 1)).sum())
    count["there within"] += int((grow(found, 1) & there).sum())
    for kind, where in damaged.truth.items():
        count[kind] += int(where.sum())
        count[f"{kind} right"] += int((found & where).sum())
    false = int(find_defects(clean, sensitivity=SENSITIVITY).sum())
    count["pictures"] += 1
    count["clean"] += there.numel()
    count["false"] += false
    count["worst"] = max(count["worst"], round(1e6 * false / there.numel()))


def _shares(count: Counter[str]) -> list[Value]:
    there, found = max(1, count["there"]), max(1, count["found"])
    by_kind = [count[f"{kind} right"] / max(1, count[kind]) for kind in KINDS]
    clean = [100 * count["false"] / count["clean"], count["worst"] / 1e4]
    within = [count["there within"] / there, count["right within"] / found]
    return [count["right"] / there, count["right"] / found, *within, *by_kind, *clean]
