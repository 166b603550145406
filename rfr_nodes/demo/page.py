"""The page: its layout, and which function answers which button."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, get_args

import gradio as gr
from gradio.components import Component

from rfr_core.options import Detail
from rfr_nodes.demo import telea
from rfr_nodes.demo.actions import Actions
from rfr_nodes.demo.downloads import AS_UPLOADED, FORMATS
from rfr_nodes.demo.endpoints import add_endpoints
from rfr_nodes.demo.example_photos import Example, find_examples
from rfr_nodes.demo.html_component import html_component
from rfr_nodes.demo.limited import limited
from rfr_nodes.demo.limits import MAX_FEATHER, MAX_GROW, MAX_RECURRENCES
from rfr_nodes.demo.offered_models import Models
from rfr_nodes.demo.painter import painter
from rfr_nodes.demo.picture_buttons import pictured, thumbnails
from rfr_nodes.demo.session_store import SessionStore
from rfr_nodes.demo.slots import Slots
from rfr_nodes.demo.storage import Storage
from rfr_nodes.demo.viewer import viewer
from rfr_nodes.demo.words import WORDS, spoken

TITLE = WORDS["en"]["title"]

_KEPT_TOKEN = "() => [sessionStorage.getItem('rfr-session') || '']"  # in the tab, for a reload
_CHINESE = f"document.documentElement.lang = 'zh'; document.title = '{WORDS['zh']['title']}';"
_LANGUAGE = f"() => {{ if (navigator.language.startsWith('zh')) {{ {_CHINESE} }} }}"
_FILE_READY = "(file) => { document.dispatchEvent(new CustomEvent('rfr-file', { detail: file })); }"


@dataclass
class _Parts:
    """The components that events read and write. session: holds the token of the visitor's session."""

    session: gr.Textbox
    intake: gr.Column
    photo: gr.Image
    examples: gr.HTML
    work: gr.Column
    dropper: gr.HTML
    painter: gr.HTML
    viewer: gr.HTML
    remove: gr.Button
    cancel: gr.Button
    download: gr.DownloadButton
    dropped: gr.Markdown
    file_format: gr.Dropdown
    another: gr.Button
    find: gr.Button
    mask: gr.Image
    options: list[Component]
    history: gr.HTML


def build_page(models: Models, storage: Storage, sessions: SessionStore) -> gr.Blocks:
    """The page with all its events. models: the networks it offers. storage, sessions: where visitors' files lie."""
    examples = find_examples()
    actions = Actions(models, storage, sessions, examples)
    with gr.Blocks(title=TITLE, analytics_enabled=False, fill_width=True) as page:
        session = gr.Textbox("", visible=False)
        gr.Markdown(spoken("heading"), elem_id="heading")
        gr.Markdown(spoken("introduction"), elem_id="introduction")
        dropper = html_component("dropper", ["dropper"])
        parts = _Parts(session=session, dropper=dropper, **_intake(examples), **_work(models))
        _wire(page, parts, actions)
        add_endpoints(models, storage)
    return page


def _intake(examples: list[Example]) -> dict[str, Any]:
    """What is there before a photo."""
    with gr.Column(elem_id="intake") as intake:
        photo = gr.Image(
            label=spoken("photo"),
            sources=["upload", "webcam", "clipboard"],
            height=300,
            buttons=[],
            elem_id="photo",
        )
        gallery = thumbnails(
            "examples",
            pictured((example.photo, example.photo.stem.replace("-", " ").capitalize()) for example in examples),
            label="examples",
            visible=bool(examples),
        )
        gr.Markdown(
            "Photos: " + "; ".join(e.credit for e in examples if e.credit), visible=bool(examples), elem_id="credits"
        )
    return {"intake": intake, "photo": photo, "examples": gallery}


def _work(models: Models) -> dict[str, Any]:
    """What is there with a photo."""
    with gr.Column(visible=False, elem_id="work") as work:
        with gr.Row(equal_height=False, elem_id="sides"):
            with gr.Column(min_width=320):
                paint = painter()
            with gr.Column(min_width=320):
                view = viewer()
        with gr.Row(elem_id="actions"):
            remove = gr.Button(spoken("remove"), variant="primary", elem_id="remove", min_width=90)
            cancel = gr.Button(spoken("cancel"), variant="stop", interactive=False, elem_id="cancel", min_width=90)
            download = gr.DownloadButton(
                spoken("download"), variant="primary", interactive=False, elem_id="download", min_width=90
            )
        dropped = gr.Markdown(visible=False, elem_id="dropped")
        history = thumbnails("history", label="history")
        with gr.Row(equal_height=False, elem_id="more"):
            file_format = gr.Dropdown(
                [(spoken(AS_UPLOADED), AS_UPLOADED), *((name, name) for name in FORMATS[1:])],
                value=AS_UPLOADED,
                label=spoken("format"),
                info=spoken("format-info"),
                elem_id="file-format",
                min_width=260,
            )
            find = gr.Button(spoken("find"), elem_id="find", min_width=200)
            another = gr.Button(spoken("another"), elem_id="another", min_width=120)
        with gr.Accordion(spoken("mask-file"), open=False, elem_id="mask-file"):
            mask = gr.Image(
                label=spoken("mask"), sources=["upload", "clipboard"], height=160, buttons=[], elem_id="mask"
            )
        with gr.Accordion(spoken("options"), open=False, elem_id="options"):
            options = _options(models)
    return {
        "work": work, "painter": paint, "viewer": view, "remove": remove, "cancel": cancel, "download": download,
        "dropped": dropped, "file_format": file_format, "another": another, "find": find, "mask": mask,
        "options": options, "history": history,
    }  # fmt: skip


def _options(models: Models) -> list[Component]:
    return [
        gr.Dropdown(
            models.names,
            value=models.names[0],
            label=spoken("model"),
            info=spoken("model-info-hub" if models.from_hub else "model-info"),
            allow_custom_value=models.from_hub,
        ),
        _slider("recurrences", MAX_RECURRENCES),
        _slider("grow", MAX_GROW),
        _slider("feather", MAX_FEATHER),
        gr.Radio(list(get_args(Detail)), value="auto", label=spoken("detail"), info=spoken("detail-info")),
    ]


def _slider(name: str, most: int) -> Component:
    return gr.Slider(0, most, 0, step=1, label=spoken(name), info=spoken(f"{name}-info"))


def _wire(page: gr.Blocks, parts: _Parts, actions: Actions) -> None:
    # Values are checked by the functions, and pictures read by the library alone. Nothing waits in Gradio's queue.
    quick: dict[str, Any] = {
        "api_visibility": "private",
        "concurrency_limit": None,
        "show_progress": "hidden",
        "preprocess": False,
        "trigger_mode": "multiple",
    }
    slots = Slots()
    quickly = functools.partial(limited, slots)
    session = parts.session
    buttons: list[Component] = [parts.remove, parts.cancel]
    shown = [parts.viewer, parts.painter, parts.history, parts.download]
    opened = [session, parts.intake, parts.work, parts.photo, parts.mask, *buttons, *shown]
    run, stopped = _wire_run(parts, actions, quickly, buttons, shown, quick)
    steps = [
        parts.painter.undo(quickly(actions.undo), session, shown, **quick),
        parts.painter.redo(quickly(actions.redo), session, shown, **quick),
    ]
    for step in steps:
        step.failure(quickly(actions.again), session, parts.painter, **quick)

    page.load(None, js=_LANGUAGE)
    events = [
        page.load(quickly(actions.resume), session, opened, js=_KEPT_TOKEN, **quick),
        parts.photo.upload(quickly(actions.open), [session, parts.photo], opened, **quick),
        parts.dropper.dropped(quickly(actions.open_dropped), session, opened, cancels=[run], **quick),
        parts.dropper.left(quickly(actions.leave), session, opened, cancels=[run], **quick),
        parts.examples.pick(quickly(actions.open_example), session, opened, **quick),
        *steps,
        parts.history.pick(quickly(actions.show), session, shown, **quick),
        run,
    ]
    # Not its input, which comes twice for one choice.
    events.append(parts.file_format.select(quickly(actions.prepare), session, parts.download, **quick))
    for event in [*events, *stopped]:
        written = event.success(
            quickly(actions.write), [session, parts.file_format], [parts.download, parts.dropped], **quick
        )
        written.success(None, parts.download, None, js=_FILE_READY)
        written.failure(quickly(actions.unwritten), None, [parts.download, parts.dropped], **quick)
    parts.mask.upload(quickly(actions.take_mask), [session, parts.mask], parts.painter, **quick)
    parts.find.click(actions.find, [session, parts.painter], parts.painter, **quick)
    # The dropper asks before a photo with fills is left.
    parts.another.click(None, None, None, js="() => { document.dispatchEvent(new Event('rfr-leave')); }")


def _wire_run(
    parts: _Parts,
    actions: Actions,
    quickly: Callable[[Any], Any],
    buttons: list[Component],
    shown: list[Component],
    quick: dict[str, Any],
) -> tuple[Any, list[Any]]:
    """Running, and all that needs the network; returns the event to cancel, and those after it was stopped."""
    once: dict[str, Any] = quick | {"trigger_mode": "once"}
    waiting = [parts.viewer, *buttons, parts.download]
    busy = parts.remove.click(quickly(actions.busy), parts.session, waiting, **once)
    run = busy.success(actions.run, [parts.session, parts.painter, *parts.options], shown, **quick)
    run.success(quickly(actions.ready), None, buttons, **quick)
    failed = run.failure(quickly(actions.stop), parts.session, waiting, **quick)
    cancelled = parts.cancel.click(quickly(actions.stop), parts.session, waiting, cancels=[run], **quick)
    parts.viewer.attend(actions.attend, parts.session, parts.viewer, **quick)
    if telea.available:
        parts.viewer.compare(quickly(actions.compare), parts.session, parts.viewer, **quick)
    return run, [failed, cancelled]
