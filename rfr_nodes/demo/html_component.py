"""The page's own components: an HTML file and a script each, within Gradio's HTML component.

They are no subclasses: Gradio writes a stub file beside the source of every new component class.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gradio as gr

_HERE = Path(__file__).parent


def html_component(name: str, *, value: Any = None, elem_id: str | None = None, **options: Any) -> gr.HTML:
    """The component of ``<name>.html`` and ``<name>.js``, with that name as its id unless another is given."""
    return gr.HTML(
        value,
        html_template=(_HERE / f"{name}.html").read_text("utf-8"),
        js_on_load=(_HERE / f"{name}.js").read_text("utf-8"),
        apply_default_css=False,
        elem_id=elem_id or name,
        **options,
    )
