"""Time and memory of a training step of the full network on the CPU, each form in a process of its own."""

from __future__ import annotations

from benchmarks.process import run_python
from benchmarks.report import Table, Value
from benchmarks.setting import Setting

_BATCH = 1


def run(setting: Setting) -> Table:
    side = min(setting.sizes)
    found = {form: _measured(form, side, setting) for form in ("plain", "ours", "recomputed")}
    seconds, memory = found["plain"]
    rows: list[list[Value]] = [[form, s, seconds / s, m / 2**30, m / memory] for form, (s, m) in found.items()]
    columns = ("form", "s per step", "times as fast", "GiB in the step", "share of plain")
    return Table(f"Forward and backward of the full network at {side}×{side}, batch {_BATCH}, float32", columns, rows)


def _measured(form: str, side: int, setting: Setting) -> tuple[float, float]:
    words = ("-m", "benchmarks.training_step", form, side, _BATCH, setting.rounds, setting.clock)
    seconds, memory = run_python(*map(str, words)).output.split()
    return float(seconds), float(memory)
