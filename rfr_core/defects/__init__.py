"""Defects of scans and cameras: finding dust, scratches and the like, and drawing them for trials."""

from typing import TYPE_CHECKING

from rfr_core.defects.kinds import KINDS
from rfr_core.lazy import lazily

if TYPE_CHECKING:
    from rfr_core.defects.drawn_defects import Damaged, Whole, draw_defects
    from rfr_core.defects.finding import find_defects
    from rfr_core.defects.shared import SharedDefects

_MODULES = {
    "Damaged": "drawn_defects",
    "SharedDefects": "shared",
    "Whole": "drawn_defects",
    "draw_defects": "drawn_defects",
    "find_defects": "finding",
}

__all__ = ["KINDS", "Damaged", "SharedDefects", "Whole", "draw_defects", "find_defects"]

__getattr__ = lazily(__name__, _MODULES)  # what needs torch is imported when it is first asked for
