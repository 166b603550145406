"""Times of several ways to do one thing, taken in turns so that what else the machine does hits all alike."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from statistics import median
from typing import Any

import torch

CLOCKS: Mapping[str, Callable[[], float]] = {"wall": time.perf_counter, "cpu": time.process_time}


@dataclass(frozen=True)
class Times:
    """Seconds of each round, by name."""

    seconds: Mapping[str, list[float]]

    def of(self, name: str) -> float:
        """The median in seconds."""
        return median(self.seconds[name])

    def ratio(self, name: str, other: str) -> float:
        """How many times as long ``name`` takes as ``other``: the median over the rounds."""
        return median(a / b for a, b in zip(self.seconds[name], self.seconds[other], strict=True))


def in_turns(ways: Mapping[str, Callable[[], Any]], rounds: int, clock: str, longest: float = float("inf")) -> Times:
    """Does each way once to warm up, then all of them ``rounds`` times in turns.

    clock: "wall", or "cpu" for this process's own time on a machine that is busy with other things.
    longest: seconds; a way that has taken longer in one round is not done again, and that time stands for all of them.
    """
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for way in ways.values():
        way()
    for _ in range(rounds):
        for name, way in ways.items():
            taken = seconds[name]
            taken.append(taken[0] if taken and taken[0] > longest else _seconds(way, CLOCKS[clock]))
    return Times(seconds)


def finished(way: Callable[[], Any], device: torch.device) -> Callable[[], Any]:
    """A way that waits until the device is done."""

    def waited() -> None:
        way()
        if device.type == "cuda":
            torch.cuda.synchronize(device)

    return waited


def _seconds(way: Callable[[], Any], now: Callable[[], float]) -> float:
    gc.collect()
    started = now()
    way()
    return now() - started
