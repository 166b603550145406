"""The page's own components: an HTML file and scripts, within Gradio's HTML component.

They are no subclasses: Gradio writes a stub file beside the source of every new component class. A component's scripts
are one function to the browser, so the later ones use what the earlier ones define.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import gradio as gr

from rfr_nodes.demo.words import WORDS

_PARTS = Path(__file__).parent / "parts"


def html_component(
    name: str, scripts: Sequence[str], *, value: Any = None, elem_id: str | None = None, title: str = "", **options: Any
) -> gr.HTML:
    """The component of ``parts/<name>.html`` and these of ``parts/*.js``; its id is its name unless one is given.

    title: a key of `words.WORDS`, for the scripts. What is constant stands in the scripts: Gradio replaces a
    component's properties by those of an update that comes before it is drawn.
    """
    constants = f"const WORDS = {json.dumps(WORDS)}, TITLE = {json.dumps(title)};"
    texts = [constants, *((_PARTS / f"{script}.js").read_text("utf-8") for script in ("words", *scripts))]
    return gr.HTML(
        value,
        html_template=(_PARTS / f"{name}.html").read_text("utf-8"),
        js_on_load="\n".join(texts),
        apply_default_css=False,
        elem_id=elem_id or name,
        **options,
    )
