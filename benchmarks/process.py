"""A command in a process of its own: how long it takes, and its peak memory.

python -m benchmarks.process REPORT MODULE ARGUMENTS...
"""

from __future__ import annotations

import os
import re
import runpy
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

_ROOT = Path(__file__).parents[1]


@dataclass(frozen=True)
class Finished:
    """wall, cpu: seconds, from before the process starts until it has ended. output: what it printed."""

    wall: float
    cpu: float
    output: str

    def seconds(self, clock: str) -> float:
        return self.wall if clock == "wall" else self.cpu


def run_python(*arguments: str | Path) -> Finished:
    """``python ARGUMENTS`` in the project's folder; RuntimeError, with what it said, when it fails."""
    before, started = _children_cpu(), time.perf_counter()
    command = [sys.executable, *map(str, arguments)]
    done = subprocess.run(command, cwd=_ROOT, capture_output=True, text=True, check=False)
    wall, cpu = time.perf_counter() - started, _children_cpu() - before
    if done.returncode:
        raise RuntimeError(f"python {' '.join(command[1:])} failed: {done.stderr[-2000:]}")
    return Finished(wall, cpu, done.stdout)


def peak_of(module: str, *arguments: str | int | Path) -> int:
    """The most memory, in bytes, that ``python -m MODULE ARGUMENTS`` holds; 0 where the system does not tell."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder, "peak.txt")
        run_python("-m", "benchmarks.process", report, module, *map(str, arguments))
        return int(report.read_text())


def peak_memory() -> int:
    """The most that this process has held, in bytes. Its parent cannot ask: it would be told of its own, too."""
    status = Path("/proc/self/status")
    found = re.search(r"VmHWM:\s+(\d+) kB", status.read_text()) if status.exists() else None
    return int(found[1]) * 1024 if found else 0


def _children_cpu() -> float:
    times = os.times()
    return times.children_user + times.children_system


def _main(report: str, module: str, *arguments: str) -> None:
    sys.argv = [module, *arguments]
    try:
        runpy.run_module(module, run_name="__main__", alter_sys=True)
    finally:
        Path(report).write_text(str(peak_memory()))


if __name__ == "__main__":
    _main(*sys.argv[1:])
