"""The painter: a component that shows the photo and lets visitors paint the hole with a brush, fingers or keys.

It paints on a small copy of the photo; the server scales what was painted to the upload.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.data_classes import FileData

from rfr_nodes.demo.uploads import Uploaded

_HERE = Path(__file__).parent


@dataclass(frozen=True)
class Painted:
    """What the page sends: a PNG as a ``data:`` address, or "", and whether it is as the server sent it."""

    layer: str = ""
    untouched: bool = False


class Painter(Uploaded, gr.HTML):
    """Shows a photo; its value towards Python is a `Painted`, from Python it is what `canvas` makes."""

    def __init__(self, value: Any = None, **kwargs: Any) -> None:
        super().__init__(
            value,
            html_template=(_HERE / "painter.html").read_text("utf-8"),
            js_on_load=(_HERE / "painter.js").read_text("utf-8"),
            apply_default_css=False,
            **kwargs,
        )

    def preprocess(self, payload: Any) -> Painted:  # type: ignore[override]
        """The painted layer; whatever else the page may send counts as nothing painted."""
        if not isinstance(payload, dict) or not isinstance(payload.get("layer"), str):
            return Painted()
        return Painted(payload["layer"], payload.get("untouched") is True)

    def api_info(self) -> dict[str, Any]:
        """The value's form, in JSON's terms."""
        return {"type": "object"}


def canvas(photo: Path, mask: Path | None = None) -> dict[str, Any]:
    """The painter's value: a photo to paint on, with a mask already painted where one is given."""
    return {"photo": _file(photo), "mask": mask and _file(mask)}


def _file(path: Path) -> dict[str, Any]:
    return FileData(path=str(path)).model_dump()
