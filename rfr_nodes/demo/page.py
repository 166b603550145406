"""The page: its layout, and which function answers which button."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.components import Component

from rfr_nodes.demo import telea
from rfr_nodes.demo.actions import Actions
from rfr_nodes.demo.downloads import AS_UPLOADED, FORMATS
from rfr_nodes.demo.endpoints import add_endpoints
from rfr_nodes.demo.examples import Example, find_examples
from rfr_nodes.demo.limits import (
    FILES_KEPT_SECONDS,
    KEPT_SECONDS,
    MAX_FEATHER,
    MAX_GROW,
    MAX_RECURRENCES,
    SWEEP_SECONDS,
)
from rfr_nodes.demo.models import Models
from rfr_nodes.demo.painter import painter
from rfr_nodes.demo.session import close_session
from rfr_nodes.demo.thumbnails import pictured, thumbnails
from rfr_nodes.demo.viewer import viewer

TITLE = "Remove something from a photo"

_INTRODUCTION = (
    f"# {TITLE}\n"
    "Brush over what should go and press **Remove**. Only the painted part is filled, at full resolution; "
    "every other pixel stays as it is. Photos are deleted a few hours after you leave."
)
_RUN = "run"  # whatever uses the network takes turns
_IN_TURN = {"concurrency_id": _RUN, "concurrency_limit": 1}


@dataclass
class _Parts:
    """The components that events read and write."""

    session: gr.State
    intake: gr.Column
    photo: gr.Image
    examples: gr.HTML
    work: gr.Column
    painter: gr.HTML
    remove: gr.Button
    cancel: gr.Button
    another: gr.Button
    find: gr.Button
    mask: gr.Image
    options: list[Component]
    viewer: gr.HTML
    after: gr.Column
    download: gr.DownloadButton
    file_format: gr.Dropdown
    use: gr.Button
    undo: gr.Button
    history: gr.HTML


def build_page(models: Models, root: Path) -> gr.Blocks:
    """The page with all its events. models: the networks it offers. root: the folder for all visitors' files."""
    examples = find_examples()
    actions = Actions(models, root, examples)
    with gr.Blocks(
        title=TITLE, analytics_enabled=False, delete_cache=(SWEEP_SECONDS, FILES_KEPT_SECONDS), fill_width=False
    ) as page:
        session = gr.State(None, time_to_live=KEPT_SECONDS, delete_callback=close_session)
        gr.Markdown(_INTRODUCTION, elem_classes="introduction")
        with gr.Row(equal_height=False):
            with gr.Column(min_width=320):
                left = _left(models, examples)
            with gr.Column(min_width=320):
                right = _right()
        parts = _Parts(session=session, **left, **right)
        _wire(parts, actions)
        add_endpoints(models, root, _RUN)
    return page


def _left(models: Models, examples: list[Example]) -> dict[str, Any]:
    with gr.Column(elem_classes="intake") as intake:
        photo = gr.Image(
            label="Your photo", sources=["upload", "webcam", "clipboard"], height=320, buttons=[], elem_id="photo"
        )
        gallery = thumbnails(
            "examples",
            pictured((example.photo, example.photo.stem.replace("-", " ").capitalize()) for example in examples),
            label="Or try one of these",
            visible=bool(examples),
        )
        gr.Markdown(
            "Photos: " + "; ".join(e.credit for e in examples if e.credit), visible=bool(examples), elem_id="credits"
        )
    with gr.Column(visible=False) as work:
        paint = painter()
        with gr.Row():
            remove = gr.Button("Remove", variant="primary", elem_id="remove", scale=2, min_width=120)
            cancel = gr.Button("Cancel", variant="stop", visible=False, elem_id="cancel", min_width=100)
            another = gr.Button("New photo", elem_id="another", min_width=120)
        find = gr.Button("Find dust and scratches", elem_id="find", size="md")
        with gr.Accordion("Use a mask file", open=False):
            mask = gr.Image(
                label="Mask: what is white is filled",
                sources=["upload", "clipboard"],
                height=160,
                buttons=[],
                elem_id="mask",
            )
        with gr.Accordion("Options", open=False):
            options = _options(models)
    return {
        "intake": intake, "photo": photo, "examples": gallery, "work": work, "painter": paint, "remove": remove,
        "cancel": cancel, "another": another, "find": find, "mask": mask, "options": options,
    }  # fmt: skip


def _options(models: Models) -> list[Component]:
    hub = " A Hub repository may be typed in as owner/name." if models.from_hub else ""
    return [
        gr.Dropdown(
            models.names,
            value=models.names[0],
            label="Model",
            info=f"The network that fills.{hub}",
            allow_custom_value=models.from_hub,
        ),
        gr.Slider(
            0, MAX_RECURRENCES, 0, step=1, label="Recurrences", info="0: as many as the hole needs. Fewer are quicker."
        ),
        gr.Slider(0, MAX_GROW, 4, step=1, label="Grow", info="Widens the painted part by so many pixels."),
        gr.Slider(0, MAX_FEATHER, 0, step=1, label="Feather", info="Softens the edge of the fill, in pixels."),
        gr.Checkbox(False, label="Exact", info="The least error, not texture: soft, for scratches in smooth parts."),
    ]


def _right() -> dict[str, Any]:
    view = viewer()
    with gr.Column(visible=False) as after:
        with gr.Row(elem_classes="download-row"):
            download = gr.DownloadButton(
                "Download", variant="primary", interactive=False, elem_id="download", scale=2, min_width=140
            )
            file_format = gr.Dropdown(
                list(FORMATS), value=AS_UPLOADED, label="File format", elem_id="file-format", min_width=170
            )
        with gr.Row():
            use = gr.Button("Use the result as input", elem_id="use", size="md", min_width=140)
            undo = gr.Button("Undo this fill", elem_id="undo", size="md", min_width=140)
        history = thumbnails("history", label="History")
    return {
        "viewer": view, "after": after, "download": download, "file_format": file_format, "use": use, "undo": undo,
        "history": history,
    }  # fmt: skip


def _wire(parts: _Parts, actions: Actions) -> None:
    quick: dict[str, Any] = {
        "api_visibility": "private",
        "concurrency_limit": 4,
        "show_progress": "hidden",
        "preprocess": False,  # values are checked here, and pictures read by the library alone
    }
    buttons = [parts.remove, parts.cancel]
    run = _wire_run(parts, actions, buttons, quick)
    opened = [parts.session, parts.intake, parts.work, parts.photo, parts.mask, parts.painter, parts.viewer]
    opened += [parts.after, *buttons]
    parts.photo.upload(actions.open, [parts.session, parts.photo], opened, **quick)
    parts.examples.pick(actions.open_example, parts.session, opened, **quick)
    parts.another.click(actions.leave, parts.session, opened, cancels=[run], **quick)
    parts.mask.upload(actions.take_mask, [parts.session, parts.mask], [parts.session, parts.painter], **quick)
    parts.find.click(actions.find, [parts.session, parts.painter], [parts.session, parts.painter], **quick | _IN_TURN)
    parts.use.click(actions.use, parts.session, [parts.session, parts.painter], **quick)


def _wire_run(parts: _Parts, actions: Actions, buttons: Sequence[Component], quick: dict[str, Any]) -> Any:
    """Running, and all that shows or changes what was run; returns the event to cancel."""
    slow = quick | _IN_TURN
    shown = [parts.session, parts.viewer, parts.after, parts.history, parts.undo, parts.download]
    waiting = [parts.viewer, *buttons]
    busy = parts.remove.click(actions.busy, parts.session, waiting, **quick)
    run = busy.success(actions.run, [parts.session, parts.painter, *parts.options], shown, **slow)
    run.success(actions.ready, None, buttons, **quick)
    run.failure(actions.stop, parts.session, waiting, **quick)
    parts.cancel.click(actions.stop, parts.session, waiting, cancels=[run], **quick)

    with_canvas = [*shown, parts.painter]
    undone = parts.undo.click(actions.undo, parts.session, with_canvas, **quick)
    picked = parts.history.pick(actions.show, parts.session, with_canvas, **quick)
    for event in (run, undone, picked):
        event.success(actions.write, [parts.session, parts.file_format], parts.download, **quick)
    parts.file_format.change(actions.write, [parts.session, parts.file_format], parts.download, **quick)

    seen = [parts.session, parts.viewer]
    parts.viewer.attend(actions.attend, parts.session, seen, **slow)
    if telea.available:
        parts.viewer.compare(actions.compare, parts.session, seen, **quick)
    return run
