"""Peak memory of one forward of the full network, each in a process of its own."""

from __future__ import annotations

from benchmarks.process import peak_of
from benchmarks.report import Table, Value
from benchmarks.setting import Setting

_RECURRENCES = 2  # more raise the plain form's peak, and ours where scores are computed again from earlier features


def run(setting: Setting) -> Table:
    """At four times the smallest side of the setting, which is 1024, and at twice that."""
    side = 4 * min(setting.sizes)
    base = _gib("nothing", side)
    rows: list[list[Value]] = []
    plain = _gib("plain", side)
    rows.append([side, "plain", plain, plain - base, 1.0])
    for form in ("float32", "auto"):
        peak = _gib(form, side)
        rows.append([side, form, peak, peak - base, peak / plain])
    peak = _gib("auto", 2 * side)
    rows.append([2 * side, "auto", peak, peak - base, ""])
    columns = ("side", "form", "peak GiB of the process", "GiB of the forward", "share of plain")
    title = f"Memory of a forward of the full network on the CPU, {_RECURRENCES} recurrences"
    return Table(title, columns, rows)


def _gib(form: str, side: int) -> float:
    return peak_of("benchmarks.forward", form, side, _RECURRENCES) / 2**30
