"""Defects of scans and cameras: finding dust, scratches and the like, and drawing them for trials."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from rfr_core.defects.kinds import KINDS

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


def __getattr__(name: str) -> Any:
    """What needs torch is imported when it is first asked for."""
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
