"""How the page looks: one theme, light and dark, with the fonts that the machine has."""

from __future__ import annotations

from pathlib import Path

import gradio as gr

STYLE = Path(__file__).parent / "style.css"

_FONT = ["Inter", "system-ui", "-apple-system", "Segoe UI", "Roboto", "DejaVu Sans", "sans-serif"]
_MONO = ["ui-monospace", "Consolas", "DejaVu Sans Mono", "monospace"]


def theme() -> gr.themes.Base:
    """The page's theme: slate surfaces, one teal accent, nothing fetched."""
    base = gr.themes.Base(
        primary_hue="teal", secondary_hue="teal", neutral_hue="slate", font=_FONT, font_mono=_MONO, radius_size="lg"
    )
    return base.set(
        body_background_fill="*neutral_50",
        body_background_fill_dark="*neutral_950",
        block_border_width="1px",
        block_shadow="none",
        block_label_text_weight="600",
        button_primary_background_fill="*primary_700",
        button_primary_background_fill_hover="*primary_800",
        button_primary_background_fill_dark="*primary_600",
        button_primary_background_fill_hover_dark="*primary_700",
        button_primary_text_color="white",
        button_large_text_weight="600",
    )
