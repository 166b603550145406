"""The thumbnails: a component that shows small pictures as buttons, for the examples and the history."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.data_classes import FileData

from rfr_nodes.demo.html_component import html_component


def thumbnails(name: str, value: Any = None, *, label: str, **options: Any) -> gr.HTML:
    """Labelled pictures in a row; it triggers ``pick`` with the index of the one that was chosen.

    label: a key of `words.WORDS`.
    """
    return html_component("thumbnails", ["thumbnails"], value=value or [], elem_id=name, title=label, **options)


def pictured(pictures: Iterable[tuple[Path, str | int]], chosen: int | None = None) -> list[dict[str, Any]]:
    """The component's value from picture files with their labels; ``chosen`` is the index of the current one.

    A label that is a number is that of a fill, 0 being the photo.
    """
    return [
        {"image": FileData(path=str(path)).model_dump(), "label": label, "chosen": i == chosen}
        for i, (path, label) in enumerate(pictures)
    ]
