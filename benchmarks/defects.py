"""How well defects are found: synthetic ones over photographs, whose truth is known, and photographs without any."""

from __future__ import annotations

from collections import Counter

from benchmarks.photographs import photographs
from benchmarks.report import Table
from benchmarks.setting import Setting
from rfr_core.defects.drawn_defects import draw_defects
from rfr_core.defects.finding import find_defects
from rfr_core.defects.kinds import KINDS

LONGEST = 800  # pixels
SENSITIVITIES = (0.5,)


def run(setting: Setting) -> Table:
    counts: dict[float, Counter[str]] = {sensitivity: Counter() for sensitivity in SENSITIVITIES}
    worst = dict.fromkeys(SENSITIVITIES, 0.0)
    pictures = 0
    for seed, clean in enumerate(photographs(setting.pictures, LONGEST)):
        pictures += 1
        damaged = draw_defects(clean, generator=seed)
        for sensitivity, count in counts.items():
            found = find_defects(damaged.picture, sensitivity=sensitivity) > 0
            count["found"] += int(found.sum())
            count["right"] += int((found & damaged.hole).sum())
            for kind, where in damaged.truth.items():
                count[kind] += int(where.sum())
                count[f"{kind} right"] += int((found & where).sum())
            count["there"] += int(damaged.hole.sum())
            false = find_defects(clean, sensitivity=sensitivity).mean().item()
            count["clean pixels"] += clean[0, 0].numel()
            count["false"] += round(false * clean[0, 0].numel())
            worst[sensitivity] = max(worst[sensitivity], false)
    rows = []
    for sensitivity, count in counts.items():
        shares = [count["right"] / count["there"], count["right"] / max(1, count["found"])]
        kinds = [count[f"{kind} right"] / max(1, count[kind]) for kind in KINDS]
        clean = [100 * count["false"] / count["clean pixels"], 100 * worst[sensitivity]]
        rows.append([sensitivity, *shares, *kinds, *clean])
    columns = ("sensitivity", "recall", "precision", *(f"recall: {k}" for k in KINDS), "% of clean", "worst clean %")
    title = f"`find_defects` on {pictures} photographs of at most {LONGEST} pixels, by share of pixels"
    return Table(title, columns, rows)
