"""Peak memory of one forward of the full network, each in a process of its own."""

from __future__ import annotations

from benchmarks.process import peak_of
from benchmarks.report import Table, Value
from benchmarks.setting import Setting

_AT_1024 = 6  # recurrences
_AT_2048 = 2  # what grows with more is the features that scores are computed again from: 0.5 GiB each in float32


def run(setting: Setting) -> Table:
    """Sides of four times the second largest of the setting's, and twice that: 1024 and 2048."""
    side = 4 * min(setting.sizes)
    base = _gib("nothing", side, 1)
    rows: list[list[Value]] = []
    plain = _gib("plain", side, _AT_1024)
    rows.append([side, "plain", _AT_1024, plain, plain - base, 1.0])
    for form in ("float32", "auto"):
        peak = _gib(form, side, _AT_1024)
        rows.append([side, form, _AT_1024, peak, peak - base, peak / plain])
    peak = _gib("auto", 2 * side, _AT_2048)
    rows.append([2 * side, "auto", _AT_2048, peak, peak - base, ""])
    columns = ("side", "form", "recurrences", "peak GiB of the process", "GiB of the forward", "share of plain")
    return Table("Memory of one forward on the CPU, full network", columns, rows)


def _gib(form: str, side: int, recurrences: int) -> float:
    return peak_of("benchmarks.forward", form, side, recurrences) / 2**30
