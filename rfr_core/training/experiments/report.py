"""An experiment's outcome as Markdown, as JSON, and as a figure in the paper's layout."""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

from rfr_core.training.evaluation.protocol import Table
from rfr_core.training.experiments.claims import Finding, Results
from rfr_core.training.experiments.curves import Curve
from rfr_core.training.experiments.paper import Experiment
from rfr_core.training.experiments.trained_systems import SYSTEMS

_HEADS = {"psnr": "PSNR", "ssim": "SSIM", "l1": "l1", "ap": "AP"}
_COST_HEADS = {"parameters": "parameters, M", "macs": "multiply-adds, G", "memory": "memory, MiB"}
_NAMES = _HEADS | {name: head.split(",")[0] for name, head in _COST_HEADS.items()}
_DIGITS = {"psnr": 2, "parameters": 1, "macs": 1, "memory": 0}


@dataclass(frozen=True)
class Report:
    """What an experiment found. setting: one sentence on how its systems were trained and judged.

    interpolation: scores without any network; None where no pictures were filled. curves: of systems, as far as they
    were judged while they trained.
    """

    name: str
    experiment: Experiment
    setting: str
    seeds: Sequence[int]
    results: Results
    findings: Sequence[Finding]
    interpolation: Table | None = None
    curves: Mapping[str, Curve] = field(default_factory=dict)

    def title(self, system: str) -> str:
        """What the paper calls a system here."""
        return self.experiment.titles.get(system, SYSTEMS[system].title)

    def to_dict(self) -> dict[str, Any]:
        """All of it as JSON can hold it: per system the scores of every seed, by bucket, and the costs."""
        systems = {}
        for system in self.experiment.systems:
            tables = self.results.tables.get(system, ())
            scores = {str(seed): table.to_dict() for seed, table in zip(self.seeds, tables, strict=False)}
            costs = {name: round(value, 3) for name, value in self.results.costs[system].items()}
            systems[self.title(system)] = {"costs": costs, "seeds": scores}
        claims = [{"claim": f.claim.text, "verdict": f.verdict, "evidence": self._evidence(f)} for f in self.findings]
        return {
            "experiment": self.name,
            "setting": self.setting,
            "systems": systems,
            "interpolation": None if self.interpolation is None else self.interpolation.to_dict(),
            "curves": {self.title(system): dict(curve) for system, curve in self.curves.items()},
            "paper": self.experiment.paper,
            "claims": claims,
        }

    def to_markdown(self) -> str:
        """The table beside the paper's numbers, the costs, and a row for every claim."""
        parts = [f"# {self.experiment.title}", self.setting, "\n".join(self._score_lines())]
        parts += ["\n".join(self._curve_lines())] if any(self.curves.values()) else []
        parts += ["Costs at the published width, for one 256×256 picture:", "\n".join(self._cost_lines())]
        parts += ["\n".join(self._claim_lines())]
        if self.experiment.paper_note:
            parts.append(self.experiment.paper_note)
        return "\n\n".join(parts) + "\n"

    def _score_lines(self) -> Iterator[str]:
        buckets, paper = self.experiment.buckets, self.experiment.paper
        heads = [f"here {bucket} %" for bucket in buckets]
        heads += [f"{dataset} {bucket} %" for dataset in paper for bucket in buckets]
        yield f"| score | method | {' | '.join(heads)} |"
        yield "|---" * (len(heads) + 2) + "|"
        for metric in self.experiment.metrics:
            for title, system in self._methods().items():
                cells = [self._here(system, metric, bucket) for bucket in buckets]
                for numbers in paper.values():
                    cells += self._theirs(numbers.get(title, {}).get(metric), metric)
                yield f"| {_HEADS.get(metric, metric)} | {title} | {' | '.join(cells)} |"
            if self.interpolation is not None:
                digits = _DIGITS.get(metric, 4)
                cells = [f"{self.interpolation[bucket][metric]:.{digits}f}" for bucket in buckets]
                cells += ["–"] * (len(heads) - len(buckets))
                yield f"| {_HEADS.get(metric, metric)} | (interpolation, no network) | {' | '.join(cells)} |"

    def _methods(self) -> dict[str, str | None]:
        """The rows: the paper's methods first, in its order, each with the system that it is here, if any."""
        ours = {self.title(system): system for system in self.experiment.systems}
        theirs = [title for numbers in self.experiment.paper.values() for title in numbers]
        titles = dict.fromkeys([*theirs, *ours])
        return {title: ours.get(title) for title in titles}

    def _here(self, system: str | None, metric: str, bucket: str) -> str:
        values = [] if system is None else self.results.values(system, metric, [bucket])
        if not values:
            return "–"
        digits = _DIGITS.get(metric, 4)
        spread = f" ± {statistics.stdev(values):.{digits}f}" if len(values) > 1 else ""
        return f"{statistics.fmean(values):.{digits}f}{spread}"

    def _theirs(self, values: Sequence[float] | None, metric: str) -> list[str]:
        if values is None:
            return ["–"] * len(self.experiment.buckets)
        digits = {"psnr": 2, "ssim": 3}.get(metric, 4)
        return [f"{value:.{digits}f}" for value in values]

    def _curve_lines(self) -> Iterator[str]:
        shown = sorted({crops for curve in self.curves.values() for crops in curve})
        yield "PSNR above interpolation's in dB, on the way, by crops seen (mean of seeds and of three shares of hole):"
        yield ""
        yield f"| method | {' | '.join(f'{crops:,}' for crops in shown)} |"
        yield "|---" * (len(shown) + 1) + "|"
        for system, curve in self.curves.items():
            cells = [f"{curve[crops]:+.2f}" if crops in curve else "–" for crops in shown]
            yield f"| {self.title(system)} | {' | '.join(cells)} |"

    def _cost_lines(self) -> Iterator[str]:
        names = self.experiment.costs
        yield f"| method | {' | '.join(_COST_HEADS[name] for name in names)} |"
        yield "|---" * (len(names) + 1) + "|"
        for system in self.experiment.systems:
            cells = [f"{self.results.costs[system][name]:.{_DIGITS[name]}f}" for name in names]
            yield f"| {self.title(system)} | {' | '.join(cells)} |"

    def _claim_lines(self) -> Iterator[str]:
        yield "| the paper's claim | here | lead of the first over the second (above 0 = better) |"
        yield "|---|---|---|"
        for finding in self.findings:
            yield f"| {finding.claim.text} | **{finding.verdict}** | {self._evidence(finding)} |"

    def _evidence(self, finding: Finding) -> str:
        """By how much the first of each pair is ahead of the other."""
        parts = []
        for metric, group in groupby(finding.leads, lambda lead: lead.metric):
            gains = [f"{self.title(c.first)} vs {self.title(c.other)} {c.gain.text(metric)}" for c in group]
            parts.append(f"{_NAMES.get(metric, metric)}: {', '.join(gains)}")
        return "; ".join(parts) or finding.claim.reason
