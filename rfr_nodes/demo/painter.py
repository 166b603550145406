"""The painter: a component that shows the photo and lets visitors paint the hole with a brush, fingers or keys.

It paints on a small copy of the photo; the server scales what was painted to the upload.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.data_classes import FileData

from rfr_nodes.demo.html_component import html_component

PAINTER = ("viewport", "gestures", "strokes", "timeline", "painter", "keys")


@dataclass(frozen=True)
class Painted:
    """What the page sends: a PNG as a ``data:`` address, or "", and the number of the kept mask that is part of it."""

    layer: str = ""
    mask: int | None = None


def painter(**options: Any) -> gr.HTML:
    """An empty painter; from Python its value is what `canvas` makes, towards Python what `painted` reads."""
    return html_component("painter", PAINTER, **options)


def painted(payload: Any) -> Painted:
    """What was painted, from the component's raw value; whatever else the page may send counts as nothing."""
    if not isinstance(payload, dict) or not isinstance(payload.get("layer"), str):
        return Painted()
    mask = payload.get("number")
    return Painted(payload["layer"], mask if type(mask) is int else None)


def canvas(photo: Path, mask: Path | None = None) -> dict[str, Any]:
    """The painter's value: a photo to paint on, with a mask already painted where one is given."""
    return {"photo": _file(photo), "mask": mask and _file(mask)}


def _file(path: Path) -> dict[str, Any]:
    return FileData(path=str(path)).model_dump()
