"""What the page's buttons do: each takes the token of a visitor's session and returns what the components show."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from typing import Any

import gradio as gr
import torch
from PIL import Image

from rfr_core.defects.finding import find_defects
from rfr_core.holes.masks import hole_from_alpha, read_hole, to_hole
from rfr_core.images.picture_files import losses
from rfr_nodes.demo import telea, viewer
from rfr_nodes.demo.attention_view import LatestRun, save_attention
from rfr_nodes.demo.downloads import AS_UPLOADED, save_download
from rfr_nodes.demo.endpoints import checked_options
from rfr_nodes.demo.example_photos import Example
from rfr_nodes.demo.filling import fill
from rfr_nodes.demo.limits import MAX_FILLS, MAX_FILLS_IN_ALL
from rfr_nodes.demo.offered_models import Models
from rfr_nodes.demo.painter import Painted, canvas, painted
from rfr_nodes.demo.picture_buttons import pictured
from rfr_nodes.demo.previews import NEAR_SIDE, SIDE, preview, save_preview
from rfr_nodes.demo.sentences import RequestError, in_sentences
from rfr_nodes.demo.session import Session, Version
from rfr_nodes.demo.session_store import SessionStore
from rfr_nodes.demo.storage import Storage
from rfr_nodes.demo.turns import Turns
from rfr_nodes.demo.uploads import Upload, read_mask_upload, read_painted, uploaded
from rfr_nodes.demo.visitors import visitor_of
from rfr_nodes.demo.words import dropped_sentence, spoken


class Actions:
    """The page's functions over the models it offers, visitors' files and sessions, and its examples."""

    def __init__(self, models: Models, storage: Storage, sessions: SessionStore, examples: list[Example]) -> None:
        self._models = models
        self._storage = storage
        self._sessions = sessions
        self._examples = examples
        self._latest = LatestRun()
        self._turns = Turns(MAX_FILLS, MAX_FILLS_IN_ALL)

    # Photos

    @in_sentences
    def open(self, token: Any, payload: Any, request: gr.Request) -> tuple[Any, ...]:
        """Takes an uploaded photo, in place of the one before."""
        return self._open(token, uploaded(payload, self._storage.root), request)

    @in_sentences
    def open_dropped(self, token: Any, event: gr.EventData, request: gr.Request) -> tuple[Any, ...]:
        """Takes a photo that was pasted or dropped on the page."""
        return self._open(token, uploaded(event._data, self._storage.root), request)

    @in_sentences
    def open_example(self, token: Any, event: gr.EventData, request: gr.Request) -> tuple[Any, ...]:
        """Takes an example with its mask."""
        index = _whole_number(event, "index")
        if not 0 <= index < len(self._examples):
            raise RequestError("There is no such example.")
        example = self._examples[index]
        opened = self._sessions.open(visitor_of(request), Upload(example.photo, example.photo.name))
        opened.mask = opened.masks.keep(read_hole(example.mask, size=(opened.size[1], opened.size[0]), resize=True))
        return self._opened(token, opened, "example")

    @in_sentences
    def resume(self, token: Any) -> tuple[Any, ...]:
        """The photo and its history after a reload; where they are gone the page stays as it is.

        That is its start, or a photo that was opened before this answer came.
        """
        session = self._sessions.find(token)
        if session is None:
            return tuple(gr.skip() for _ in self._closed())
        return (*self._work(session), viewer.shown(session.current), *self._shown(session))

    @in_sentences
    def leave(self, token: Any) -> tuple[Any, ...]:
        """Back to the start; the photo and its history go."""
        self._sessions.close(token)
        return self._closed()

    @in_sentences
    def take_mask(self, token: Any, payload: Any) -> Any:
        """Shows an uploaded mask as painted, and keeps it at full size."""
        session = self._sessions.get(token)
        size = (session.size[1], session.size[0])
        session.mask = session.masks.keep(read_mask_upload(uploaded(payload, self._storage.root), size))
        return _canvas(session)

    @in_sentences
    async def find(self, token: Any, paint: Any, request: gr.Request) -> Any:
        """Paints what looks like dust, hairs, scratches, creases and a date, beside what is painted already."""
        session, drawn = self._sessions.get(token), painted(paint)
        picture = await asyncio.to_thread(session.picture, session.current)
        async with self._turns.turn(visitor_of(request)):
            hole = await self._models.thread.run(lambda: find_defects(picture.image))
        if not hole.any():
            raise RequestError("No dust, scratches or the like were found: brush over what should go.")
        hole = torch.maximum(hole, _hole(session, drawn)) if drawn.layer else hole
        session.mask = await asyncio.to_thread(session.masks.keep, hole)
        return _canvas(session)

    # Runs

    @in_sentences
    def busy(self, token: Any) -> tuple[Any, ...]:
        """Before a run: the viewer waits, and the buttons allow to cancel."""
        session = self._sessions.get(token)
        session.wanted = None
        return viewer.waiting(session.current), *_buttons(running=True), _preparing(None)

    @in_sentences
    def ready(self) -> tuple[Any, ...]:
        """The buttons when nothing runs."""
        return _buttons(running=False)

    @in_sentences
    async def run(
        self, token: Any, paint: Any, model: Any, recurrences: Any, grow: Any, feather: Any, detail: Any,
        request: gr.Request,
    ) -> AsyncGenerator[tuple[Any, ...], None]:  # fmt: skip
        """Fills what is painted, showing each recurrence."""
        session = self._sessions.get(token)
        options = checked_options(str(model or ""), recurrences, grow, feather, detail)
        base = session.current
        hole = await asyncio.to_thread(_hole, session, painted(paint))
        inpainter = await self._models.load(options.model)
        ticket = self._turns.ticket(visitor_of(request))
        try:
            while place := ticket.place:
                yield viewer.waiting(base, place), *(gr.skip(),) * 3
                await ticket.moved()
            async for progress in self._models.thread.each(fill(session, base, hole, inpainter, options)):
                if progress.finished:
                    self._latest.keep(progress.version, progress.attention)
                    session.mask = None
                    yield viewer.shown(progress.version), *self._shown(session, filled=True)
                else:
                    yield viewer.running(progress), *(gr.skip(),) * 3
        finally:
            ticket.leave()

    @in_sentences
    def stop(self, token: Any) -> tuple[Any, ...]:
        """After a cancel or a failure: what was shown before, and the buttons for the next run."""
        session = self._sessions.find(token)
        value = viewer.shown(session.current, "nothing-filled") if session else viewer.idle()
        return value, *_buttons(running=False), _preparing(session)

    # History

    @in_sentences
    def undo(self, token: Any) -> tuple[Any, ...]:
        """One fill back."""
        session = self._sessions.get(token)
        session.undo()
        return self._gone_to(session)

    @in_sentences
    def redo(self, token: Any) -> tuple[Any, ...]:
        """One fill forward again."""
        session = self._sessions.get(token)
        session.redo()
        return self._gone_to(session)

    @in_sentences
    def again(self, token: Any) -> Any:
        """After an undo or redo that failed: the painter learns where the history stands."""
        session = self._sessions.get(token)
        return _canvas(session) | {"again": True}

    @in_sentences
    def show(self, token: Any, event: gr.EventData) -> tuple[Any, ...]:
        """A picture of the history comes back."""
        session = self._sessions.get(token)
        session.show(_whole_number(event, "index"))
        return self._gone_to(session)

    # The result

    @in_sentences
    def prepare(self, token: Any) -> Any:
        """The download button until its file is ready."""
        return _preparing(self._sessions.find(token))

    @in_sentences
    def write(self, token: Any, file_format: Any, request: gr.Request) -> tuple[Any, Any]:
        """The file behind the download button, and what it lacks; nothing where another was asked for meanwhile."""
        session = self._sessions.find(token)
        if session is None or session.current.run is None:
            return gr.update(value=None, interactive=False, label=spoken("download")), gr.update(visible=False)
        wanted = session.wanted = session.current, str(file_format or AS_UPLOADED)
        version, choice = wanted
        picture = session.picture(version)
        path = save_download(picture, version.folder, session.stem, choice)
        if session.wanted is not wanted:
            return gr.skip(), gr.skip()
        lacking = dropped_sentence(losses(picture, path), request.headers.get("accept-language", ""))
        button = gr.update(value=str(path), interactive=True, label=spoken("download"))
        return button, gr.update(value=lacking, visible=bool(lacking))

    @in_sentences
    def unwritten(self) -> tuple[Any, Any]:
        """The download button when its file could not be written."""
        return _preparing(None), gr.update(visible=False)

    @in_sentences
    async def attend(self, token: Any, event: gr.EventData, request: gr.Request) -> Any:
        """Where the chosen pixel was fetched from, laid over the result."""
        session, version = self._result(token)
        index, x, y = (_whole_number(event, name) for name in ("index", "x", "y"))
        if not (0 <= x < session.size[0] and 0 <= y < session.size[1]):
            raise RequestError("That pixel is outside the picture.")
        async with self._turns.turn(visitor_of(request)):
            maps = await self._latest.maps(session, version, self._models)
        if not 1 <= index <= len(maps):
            raise RequestError("There is no such recurrence.")
        path = version.folder / f"attention-{index}-{x}-{y}.png"
        box, from_recurrence = await asyncio.to_thread(save_attention, maps, index, x, y, session.size, path)
        return viewer.shown(version) | {"attention": viewer.layer(path, box, index, x, y, from_recurrence)}

    @in_sentences
    def compare(self, token: Any) -> Any:
        """The same hole by Telea's method."""
        session, version = self._result(token)
        assert version.run is not None  # only filled versions are results
        picture = session.picture(version.run.base)
        image = preview(picture.image, max(picture.image.size)).convert("RGB")
        with Image.open(version.run.hole, formats=["PNG"]) as mask:
            filled = telea.telea(image, mask.convert("L"), version.run.box)
        folder, profile = version.folder, picture.icc_profile
        whole = save_preview(preview(filled, SIDE), folder, "telea", profile)
        near = version.near and save_preview(
            preview(filled.crop(version.near.box), NEAR_SIDE), folder, "telea-near", profile
        )
        return viewer.shown(version) | {"comparison": viewer.comparison(whole, near)}

    def _open(self, token: Any, upload: Upload | None, request: gr.Request) -> tuple[Any, ...]:
        opened = self._sessions.open(visitor_of(request), upload)
        note = ""
        if opened.transparent:
            opened.mask = opened.masks.keep(hole_from_alpha(opened.picture(opened.current).image))
            note = "transparent"
        return self._opened(token, opened, note)

    def _opened(self, before: Any, session: Session, note: str) -> tuple[Any, ...]:
        self._sessions.close(before)
        return (*self._work(session), viewer.shown(session.current, note), *self._shown(session))

    @staticmethod
    def _work(session: Session) -> tuple[Any, ...]:
        """The session's token, the start hidden, the work shown, upload fields empty, the buttons ready."""
        return session.token, gr.update(visible=False), gr.update(visible=True), None, None, *_buttons(running=False)

    @staticmethod
    def _closed() -> tuple[Any, ...]:
        start = "", gr.update(visible=True), gr.update(visible=False), None, None, *_buttons(running=False)
        return *start, viewer.idle(), {}, [], _preparing(None)

    @staticmethod
    def _shown(session: Session, *, filled: bool = False) -> tuple[Any, ...]:
        """The painter, the history and the download button for a session's current version."""
        session.wanted = None
        versions = session.history
        pictures = ((version.thumbnail, version.number) for version in versions)
        history = pictured(pictures, versions.index(session.current)) if len(versions) > 1 else []
        return _canvas(session, filled=filled), history, _preparing(session)

    def _gone_to(self, session: Session) -> tuple[Any, ...]:
        session.mask = None
        return viewer.shown(session.current), *self._shown(session)

    def _result(self, token: Any) -> tuple[Session, Version]:
        session = self._sessions.get(token)
        if session.current.run is None:
            raise RequestError("There is no result yet: paint, and press Remove.")
        return session, session.current


def _buttons(*, running: bool) -> tuple[Any, ...]:
    """Remove and Cancel."""
    label = spoken("working" if running else "remove")
    return gr.update(interactive=not running, value=label), gr.update(interactive=running)


def _preparing(session: Session | None) -> Any:
    """The download button before its file is there."""
    label = "preparing" if session is not None and session.current.run is not None else "download"
    return gr.update(value=None, interactive=False, label=spoken(label))


def _hole(session: Session, paint: Painted) -> torch.Tensor:
    """The hole at full size: of a kept mask as it is, where it was not painted over."""
    alpha = read_painted(paint.layer)
    hole = session.masks.hole(paint.mask, alpha)
    if hole is not None:
        return hole
    # Between the pixels of the small canvas, so that a large picture gets round edges instead of steps.
    return to_hole(alpha.resize(session.size, Image.Resampling.BILINEAR))


def _canvas(session: Session, *, filled: bool = False) -> dict[str, Any]:
    """The painter's value: the current version, and the kept mask as paint."""
    version = session.current
    mask = session.masks.paint(session.mask) if session.mask is not None else None
    state = {"undoable": session.undoable, "redoable": session.redoable, "filled": filled}
    photo = {"session": session.token, "size": session.size, "version": version.number, "number": session.mask}
    return canvas(version.whole.frames[-1], mask) | photo | state


def _whole_number(event: gr.EventData, name: str) -> int:
    value = event._data.get(name) if isinstance(event._data, dict) else None
    if type(value) is not int:
        raise RequestError("The page sent something else than a number: reload it.")
    return value
