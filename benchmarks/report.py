"""Results as tables for people (Markdown) and as data (JSON)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

Value = str | int | float


@dataclass(frozen=True)
class Table:
    """One result. Columns name what a row holds, with units; ``notes`` are sentences that belong below it."""

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[Value]]
    notes: Sequence[str] = field(default_factory=tuple)

    def markdown(self) -> str:
        lines = [f"### {self.title}", ""]
        if self.rows:
            cells = [list(self.columns), ["---"] * len(self.columns), *([_text(v) for v in row] for row in self.rows)]
            lines += [f"| {' | '.join(row)} |" for row in cells]
            lines.append("")
        return "\n".join([*lines, *self.notes])

    def to_dict(self) -> dict[str, Any]:
        rows = [dict(zip(self.columns, row, strict=True)) for row in self.rows]
        return {"title": self.title, "rows": rows, "notes": list(self.notes)}


def _text(value: Value) -> str:
    if not isinstance(value, float):
        return str(value)
    return f"{value:.1e}" if 0 < abs(value) < 1e-3 else f"{value:.3g}" if abs(value) < 100 else f"{value:.0f}"
