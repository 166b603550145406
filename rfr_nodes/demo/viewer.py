"""The viewer: a component for what a run makes, with before/after, recurrences, attention and comparison."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gradio as gr
from gradio.data_classes import FileData

from rfr_nodes.demo import telea
from rfr_nodes.demo.filling import Progress
from rfr_nodes.demo.html_component import html_component
from rfr_nodes.demo.previews import PILBox
from rfr_nodes.demo.session import Version, View


def viewer() -> gr.HTML:
    """An empty viewer; it triggers ``attend`` with a recurrence and a pixel, and ``compare``."""
    return html_component("viewer", ["viewport", "gestures", "attention", "copying", "viewer"], value=idle())


def idle() -> dict[str, Any]:
    """The viewer's value when there is no photo."""
    return {"status": "idle"}


def waiting(version: Version, place: int = 0) -> dict[str, Any]:
    """The viewer's value before a run on that version has begun. place: how many are before it, 0 when none."""
    return {"status": "running", "id": "waiting", "whole": _view(version.whole), "index": 0, "place": place, "share": 0}


def running(progress: Progress) -> dict[str, Any]:
    """The viewer's value while a run goes on."""
    now = {"status": "running", "index": progress.index, "total": progress.total, "share": progress.share}
    return shown(progress.version) | now


def shown(version: Version, note: str = "") -> dict[str, Any]:
    """The viewer's value for a version of the history. note: a key of `words.WORDS`, or ""."""
    return {
        "status": "photo" if version.run is None else "finished",
        "id": version.folder.name,
        "note": note,
        "whole": _view(version.whole),
        "near": version.near and _view(version.near),
        "comparable": telea.available,
    }


def layer(path: Path, box: PILBox, index: int, x: int, y: int, from_recurrence: int) -> dict[str, Any]:
    """What to add to the viewer's value to show attention: a layer over a box of the picture, and what was asked.

    from_recurrence: the recurrence whose attention it is, where the asked one left the pixel out.
    """
    return {"layer": _file(path), "box": box, "index": index, "x": x, "y": y, "from": from_recurrence}


def comparison(whole: Path, near: Path | None) -> dict[str, Any]:
    """What to add to the viewer's value to show the other method's result."""
    return {"whole": _file(whole), "near": near and _file(near)}


def _view(view: View) -> dict[str, Any]:
    return {"box": view.box, "before": _file(view.before), "frames": [_file(path) for path in view.frames]}


def _file(path: Path) -> dict[str, Any]:
    return FileData(path=str(path)).model_dump()
