"""The thumbnails: a component that shows small pictures as buttons, for the examples and the history."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.data_classes import FileData

from rfr_nodes.demo.uploads import Uploaded

_HERE = Path(__file__).parent


class Thumbnails(Uploaded, gr.HTML):
    """Labelled pictures in a row; it triggers ``pick`` with the index of the one that was chosen."""

    def __init__(self, value: Any = None, **kwargs: Any) -> None:
        super().__init__(
            value,
            html_template=(_HERE / "thumbnails.html").read_text("utf-8"),
            js_on_load=(_HERE / "thumbnails.js").read_text("utf-8"),
            apply_default_css=False,
            **kwargs,
        )

    def api_info(self) -> dict[str, Any]:
        """The value's form, in JSON's terms."""
        return {"type": "array"}


def thumbnails(pictures: Iterable[tuple[Path, str]], chosen: int | None = None) -> list[dict[str, Any]]:
    """The component's value from picture files with their labels; ``chosen`` is the index of the current one."""
    return [
        {"image": FileData(path=str(path)).model_dump(), "label": label, "chosen": i == chosen}
        for i, (path, label) in enumerate(pictures)
    ]
