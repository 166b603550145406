"""``python -m tests.stress [area …]``: a line of figures for each area; exit status 1 when there was a fault."""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from pathlib import Path

from .areas import AREAS, Plan
from .figures import Figures


def main(arguments: list[str] | None = None) -> int:
    """Runs the areas and returns the exit status."""
    options = _parser().parse_args(arguments)
    os.environ.setdefault("OMP_NUM_THREADS", "1")  # small tensors: threads would wait for each other
    keep = options.keep or Path(tempfile.mkdtemp(prefix="rfr-stress-faults-"))
    every = []
    for area in options.area or list(AREAS):
        figures = Figures(area, keep)
        started = time.monotonic()
        plan = Plan(options.seed, options.inputs, options.minutes * 60)
        reason = AREAS[area](figures, plan)
        figures.seconds = time.monotonic() - started
        print(figures.line() if reason is None else f"{area}: left out, {reason}", flush=True)
        for sentence in figures.faults:
            print(f"  {sentence}", flush=True)
        every.append(figures)
    if options.json:
        options.json.write_text(json.dumps([figures.to_dict() for figures in every], indent=2) + "\n")
    faulty = any(figures.faults for figures in every)
    if faulty:
        print(f"The inputs that show the faults lie in {keep}.")
    return int(faulty)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("python -m tests.stress", description=__doc__)
    parser.add_argument("area", nargs="*", choices=[*AREAS, []], help=f"{', '.join(AREAS)}; left out, all")
    parser.add_argument("--minutes", type=float, default=5, help="at most, for each area (default: 5)")
    parser.add_argument("--inputs", type=int, default=1_000_000, help="mutated inputs, at most, of each area")
    parser.add_argument("--seed", type=int, default=0, help="decides every input (default: 0)")
    parser.add_argument("--json", type=Path, help="write the figures to this file, too")
    parser.add_argument("--keep", type=Path, help="folder for inputs that show a fault (default: a temporary one)")
    return parser


if __name__ == "__main__":
    sys.exit(main())
