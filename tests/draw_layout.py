"""Draws ``docs/layout.svg``, the folders of the library and which may import which, from the table of ``test_layout``.

python tests/draw_layout.py
"""

from __future__ import annotations

from pathlib import Path

DRAWING = Path(__file__).parents[1] / "docs" / "layout.svg"
WIDTH, ROW, BOX = 880, 76, (104, 34)
STYLE = """
text{font:13px system-ui,sans-serif;text-anchor:middle;fill:#1c2733}
rect{fill:#e8eef5;stroke:#6b7f94;rx:6}
.door{fill:#fdf3e1;stroke:#b08a45}
path{fill:none;stroke:#8d9baa;stroke-width:1.2}
.back{fill:#fff;stroke:none;rx:0}
"""


def floors(table: dict[str, set[str]]) -> list[list[str]]:
    """The folders, lowest first, each on the floor above the highest that it may import."""
    level: dict[str, int] = {}
    while len(level) < len(table):
        for name, allowed in table.items():
            if name not in level and allowed - {name} <= level.keys():
                level[name] = max((level[other] + 1 for other in allowed - {name}), default=0)
    return [sorted(name for name in table if level[name] == floor) for floor in range(max(level.values()) + 1)]


def direct(table: dict[str, set[str]]) -> list[tuple[str, str]]:
    """The imports that do not follow from others: A to C is left out where A to B and B to C are there."""
    return [
        (name, target)
        for name, allowed in sorted(table.items())
        for target in sorted(allowed - {name})
        if not any(target in table[between] for between in allowed - {name, target})
    ]


def drawing(table: dict[str, set[str]]) -> str:
    """The picture as the text of an SVG file."""
    rows = floors(table)
    height = ROW * len(rows) + 20
    place = {
        name: (WIDTH * (column + 1) / (len(row) + 1), height - ROW * (floor + 0.5) - 10)
        for floor, row in enumerate(rows)
        for column, name in enumerate(row)
    }
    lines = [_line(place[name], place[target]) for name, target in direct(table)]
    boxes = [_box(name, *place[name]) for row in rows for name in row]
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img">'
    title = "<title>Folders of rfr_core; each may import those below that a line leads to, and theirs</title>"
    back = f'<rect class="back" width="{WIDTH}" height="{height}"/>'
    return "\n".join([head, title, f"<style>{STYLE}</style>", back, *lines, *boxes, "</svg>", ""])


def _line(start: tuple[float, float], end: tuple[float, float]) -> str:
    (x1, y1), (x2, y2) = start, end
    y1, y2 = y1 + BOX[1] / 2, y2 - BOX[1] / 2
    middle = (y1 + y2) / 2
    return f'<path d="M{x1:.0f} {y1:.0f}C{x1:.0f} {middle:.0f} {x2:.0f} {middle:.0f} {x2:.0f} {y2:.0f}"/>'


def _box(name: str, x: float, y: float) -> str:
    width, height = BOX
    door = "" if (Path(__file__).parents[1] / "rfr_core" / name).is_dir() else ' class="door"'
    corner = f'x="{x - width / 2:.0f}" y="{y - height / 2:.0f}"'
    return f'<rect{door} {corner} width="{width}" height="{height}"/><text x="{x:.0f}" y="{y + 5:.0f}">{name}</text>'


if __name__ == "__main__":
    from test_layout import MAY_IMPORT

    DRAWING.write_text(drawing(MAY_IMPORT), "utf-8")
