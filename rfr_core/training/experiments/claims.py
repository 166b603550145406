"""Claims of the paper, and what a set of results says about them."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

from rfr_core.training.evaluation.protocol import Table

Verdict = Literal["reproduced in order", "reversed here", "not decided here", "not testable without the data"]

LOWER_IS_BETTER = ("l1", "parameters", "macs", "memory")
UNITS = {"psnr": " dB", "parameters": " M", "macs": " G", "memory": " MiB"}


@dataclass(frozen=True)
class Results:
    """What an experiment measured: per system its tables, one per seed, and its costs at the paper's size."""

    tables: Mapping[str, Sequence[Table]]
    costs: Mapping[str, Mapping[str, float]]

    def values(self, system: str, metric: str, buckets: Sequence[str]) -> list[float]:
        """One value per seed, averaged over buckets; a cost is a single value. Empty where nothing was measured."""
        if metric in self.costs.get(system, {}):
            return [self.costs[system][metric]]
        return [statistics.fmean(table[b][metric] for b in buckets) for table in self.tables.get(system, ())]


@dataclass(frozen=True)
class Claim:
    """Something that the paper says, and how results bear on it.

    systems: the claim speaks of the first against each of the others. buckets: those that scores are averaged over.
    kind: ``"better"``: the first is better on all ``metrics``; ``"ordered"``: each is better than the next; ``"no
    gain"``: no other is better than the first; ``"within"``: none is farther from the first than ``limit``;
    ``"untestable"``: for the reason given.
    """

    text: str
    systems: tuple[str, ...] = ()
    metrics: tuple[str, ...] = ("psnr", "ssim")
    buckets: tuple[str, ...] = ()
    kind: Literal["better", "ordered", "no gain", "within", "untestable"] = "better"
    limit: float = 0.0
    reason: str = ""


@dataclass(frozen=True)
class Gain:
    """By how much one system beats another: per seed, positive where it does. exact: a cost, which no seed changes."""

    seeds: Sequence[float]
    exact: bool = False

    @property
    def mean(self) -> float:
        """Over the seeds."""
        return statistics.fmean(self.seeds)

    @property
    def spread(self) -> float:
        """Standard deviation over the seeds; 0 where there is one."""
        return statistics.stdev(self.seeds) if len(self.seeds) > 1 else 0.0

    @property
    def tells(self) -> bool:
        """Whether it is more than one seed's chance."""
        return self.exact or len(self.seeds) > 1

    @property
    def is_clear(self) -> bool:
        """Whether every seed shows it and the mean is above the spread."""
        return self.tells and min(self.seeds) > 0 and self.mean > self.spread

    @property
    def reverse(self) -> Gain:
        """By how much the other system beats this one."""
        return Gain([-value for value in self.seeds], self.exact)

    def text(self, metric: str) -> str:
        """``+0.42 ± 0.10 dB``."""
        digits = 2 if metric == "psnr" else 1 if metric in UNITS else 4
        spread = f" ± {self.spread:.{digits}f}" if len(self.seeds) > 1 else ""
        return f"{self.mean:+.{digits}f}{spread}{UNITS.get(metric, '')}"


@dataclass(frozen=True)
class Lead:
    """The gain of one system over another on a score or cost."""

    metric: str
    first: str
    other: str
    gain: Gain


@dataclass(frozen=True)
class Finding:
    """The verdict on a claim, and the leads that it rests on."""

    claim: Claim
    verdict: Verdict
    leads: Sequence[Lead] = ()


def judge(claim: Claim, results: Results) -> Finding:
    """What the results say about a claim."""
    if claim.kind == "untestable":
        return Finding(claim, "not testable without the data")
    first, *others = claim.systems
    pairs = list(pairwise(claim.systems)) if claim.kind == "ordered" else [(first, other) for other in others]
    leads = [
        Lead(metric, better, worse, gain_of(results, better, worse, metric, claim.buckets))
        for metric in claim.metrics
        for better, worse in pairs
    ]
    if all(_holds(claim, lead.gain) for lead in leads):
        return Finding(claim, "reproduced in order", leads)
    reversed_ = any(_is_reversed(claim, lead.gain) for lead in leads) and not _partly_holds(claim, leads)
    return Finding(claim, "reversed here" if reversed_ else "not decided here", leads)


def gain_of(results: Results, first: str, other: str, metric: str, buckets: Sequence[str]) -> Gain:
    """How far the first system is ahead of another, seed by seed: both saw the same samples in each."""
    sign = -1 if metric.removesuffix("_hole") in LOWER_IS_BETTER else 1
    pairs = zip(results.values(first, metric, buckets), results.values(other, metric, buckets), strict=True)
    return Gain([sign * (a - b) for a, b in pairs], exact=metric in results.costs.get(first, {}))


def _holds(claim: Claim, gain: Gain) -> bool:
    if _is_order(claim):
        return gain.is_clear
    if not gain.tells:
        return False
    if claim.kind == "no gain":
        return not gain.reverse.is_clear
    return abs(gain.mean) <= claim.limit


def _is_reversed(claim: Claim, gain: Gain) -> bool:
    if claim.kind == "within":
        return gain.tells and abs(gain.mean) - gain.spread > claim.limit
    return gain.reverse.is_clear


def _partly_holds(claim: Claim, leads: Sequence[Lead]) -> bool:
    """Whether some of an order is clear as claimed; where none of it is, a clear reverse decides."""
    return _is_order(claim) and any(lead.gain.is_clear for lead in leads)


def _is_order(claim: Claim) -> bool:
    return claim.kind in ("better", "ordered")
