"""``python -m benchmarks.plot RESULTS.json [MORE.json ...] OUT.svg``: section `fills`, over the hole's area."""

from __future__ import annotations

import json
import sys
from collections import defaultdict
from pathlib import Path
from typing import Any

from benchmarks.fills import IMPORT


def main() -> None:
    if len(sys.argv) < 3:
        sys.exit("usage: python -m benchmarks.plot RESULTS.json [MORE.json ...] OUT.svg")
    *files, out = map(Path, sys.argv[1:])
    reports = [json.loads(file.read_text()) for file in files]
    for file, report in zip(files, reports, strict=True):
        if "fills" not in report.get("results", {}):
            sys.exit(f"{file} holds no section `fills`: python -m benchmarks fills --json {file}")
        for fact in ("cpu", "threads", "torch"):
            if (other := report["machine"][fact]) != (first := reports[0]["machine"][fact]):
                sys.exit(f"{file} was measured with {fact} {other}, {files[0]} with {first}: plot them apart.")
    rows: list[dict[str, Any]] = []
    for report in reports:
        pictures = {row["picture"] for row in rows}  # of a picture that several files hold, the first counts
        rows += [row for row in report["results"]["fills"]["rows"] if row["picture"] not in pictures]
    draw(rows, reports[0]["machine"], out)


def draw(rows: list[dict[str, Any]], machine: dict[str, Any], out: Path) -> None:
    """A line for each method and size of picture, both axes logarithmic; `import torch` as a line across.

    rows: of the table of `benchmarks.fills`. machine: of `benchmarks.machine`.
    """
    import matplotlib as mpl

    mpl.use("svg")
    mpl.rcParams.update({"svg.fonttype": "none", "svg.hashsalt": "fills", "font.size": 9})
    from matplotlib import pyplot

    figure, axes = pyplot.subplots()
    points: dict[tuple[str, str], list[tuple[int, float]]] = defaultdict(list)
    imports = [row["s"] for row in rows if row["method"] == IMPORT]
    axes.axhline(imports[0], color="gray", linestyle=":", label=IMPORT)
    for row in rows:
        if row["method"] != IMPORT:
            points[row["method"], row["picture"]].append((row["hole's pixels"], row["s"]))
    colours = {method: f"C{place}" for place, method in enumerate(dict.fromkeys(method for method, _ in points))}
    named: set[str] = set()
    for (method, _), places in points.items():
        areas, seconds = zip(*sorted(places), strict=True)
        label = None if method in named else method
        axes.loglog(areas, seconds, color=colours[method], label=label, **_style(method))
        named.add(method)
    axes.set_xlabel("pixels of the hole")
    axes.set_ylabel("seconds of a whole fill")
    axes.set_title(f"{machine['cpu']}, {machine['threads']} threads, {machine['date'].split()[0]}", fontsize=9)
    axes.grid(which="major", alpha=0.3)
    axes.legend(fontsize=8, loc="center left", bbox_to_anchor=(1.01, 0.5))  # beside: lines go everywhere
    figure.savefig(out, metadata={"Date": None}, bbox_inches="tight")
    pyplot.close(figure)


def _style(method: str) -> dict[str, Any]:
    if method.startswith("RFR"):
        return {"linewidth": 2.5, "marker": "o"}
    return {"linewidth": 1, "marker": ".", "linestyle": "--" if method.startswith("LaMa") else "-"}


if __name__ == "__main__":
    main()
