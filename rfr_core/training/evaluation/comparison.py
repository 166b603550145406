"""What a comparison found, as data and as a Markdown table."""

from __future__ import annotations

import math
import os
import platform
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rfr_core.training.evaluation.protocol import Table

# Score -> heading, digits, and which of two is better.
_COLUMNS = {"psnr": ("PSNR", 2, max), "ssim": ("SSIM", 4, max), "l1": ("l1", 4, min), "lpips": ("LPIPS", 4, min)}
_TOGETHER = {"fid": ("FID", 2, min), "u_ids": ("U-IDS", 3, max), "p_ids": ("P-IDS", 3, max)}  # of all fills of a bucket


@dataclass(frozen=True)
class Cost:
    """Mean seconds per picture, by bucket, and the most memory that the method's process held."""

    seconds: Mapping[str, float]
    peak_mib: float | None


@dataclass(frozen=True)
class Comparison:
    """Scores and costs of each method, by its title.

    pictures: their number, each at ``size`` x ``size``. checked: how many training pictures were searched for
    near-duplicates, or None.
    """

    size: int
    pictures: int
    device: str
    tables: Mapping[str, Table]
    costs: Mapping[str, Cost]
    checked: int | None

    def to_dict(self) -> dict[str, Any]:
        """All of it as JSON can hold it."""
        methods = {}
        for title, table in self.tables.items():
            cost, buckets = self.costs[title], table.to_dict()
            for bucket, scores in buckets.items():
                scores["seconds"] = round(cost.seconds[bucket], 4)
            methods[title] = {"peak_mib": cost.peak_mib and round(cost.peak_mib, 1), "buckets": buckets}
        return {
            "size": self.size,
            "pictures": self.pictures,
            "training_pictures_checked": self.checked,
            "machine": self._machine(),
            "methods": methods,
        }

    def to_markdown(self) -> str:
        """One table with a row per bucket and method, the best of each bucket in bold, and notes below it."""
        rows = next(iter(self.tables.values())).rows
        names = [name for name in _COLUMNS if name in rows[0].scores]
        heads = [_COLUMNS[name][0] for name in names]
        together = [name for name in _TOGETHER if name in rows[0].scores]
        columns = ["holes", "method", *heads, *(f"{head} in hole" for head in heads)]
        columns += [*(_TOGETHER[name][0] for name in together), "s/picture", "peak MiB"]
        lines = [f"| {' | '.join(columns)} |", "|---" * len(columns) + "|"]
        for row in rows:
            lines += self._bucket_lines(row.bucket, [*names, *(f"{name}_hole" for name in names), *together])
        return "\n".join([*lines, "", *(f"- {note}" for note in self._notes([*names, *together]))]) + "\n"

    def _bucket_lines(self, bucket: str, names: Sequence[str]) -> Iterator[str]:
        columns = [self._cells(bucket, name) for name in names]
        for index, (title, cost) in enumerate(self.costs.items()):
            peak = "–" if cost.peak_mib is None else f"{cost.peak_mib:.0f}"
            cells = [column[index] for column in columns]
            yield f"| {bucket} | {title} | {' | '.join(cells)} | {cost.seconds[bucket]:.3f} | {peak} |"

    def _cells(self, bucket: str, name: str) -> list[str]:
        """One score of every method, as text."""
        _, digits, better = (_COLUMNS | _TOGETHER)[name.removesuffix("_hole")]
        values = [round(table[bucket][name], digits) for table in self.tables.values()]
        texts = ["–" if math.isnan(value) else f"{value:.{digits}f}" for value in values]
        best = better((value for value in values if not math.isnan(value)), default=None)
        return [f"**{text}**" if value == best else text for text, value in zip(texts, values, strict=True)]

    def _notes(self, names: Sequence[str]) -> Iterator[str]:
        yield (
            f"{self.pictures} pictures at {self.size}×{self.size}, composited with the known pixels; formulas in "
            "`rfr_core/metrics.py`, protocol in `rfr_core/training/evaluation/protocol.py`."
        )
        if "lpips" in names:
            yield "LPIPS: shift-tolerant LPIPS (AlexNet) with the weights of `stlpips-pytorch`; not on LPIPS's scale."
        if "fid" in names:
            yield "FID, U-IDS, P-IDS: of all fills of a row together; of fewer than some thousand they say little."
        yield f"Time and memory: one process per method on {self._machine()}; loading isn't timed."
        if self.checked is None:
            yield "Not checked for near-duplicates of training pictures."
        else:
            yield f"No picture is a near-duplicate of one of the {self.checked} training pictures."

    def _machine(self) -> str:
        system = f"{platform.system()} {platform.machine()}, {os.cpu_count()} CPU cores"
        return system if self.device == "cpu" else f"{system}, networks on {self.device}"
