"""What the page's buttons do: each takes the visitor's session and returns what the components show next."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gradio as gr
import torch
from PIL import Image

from rfr_core.defects.finding import find_defects
from rfr_core.holes.masks import hole_from_alpha, read_hole
from rfr_nodes.demo import telea, viewer
from rfr_nodes.demo.attention_view import LatestRun, save_attention
from rfr_nodes.demo.downloads import AS_UPLOADED, save_download
from rfr_nodes.demo.endpoints import checked_options
from rfr_nodes.demo.examples import Example
from rfr_nodes.demo.filling import fill
from rfr_nodes.demo.models import Models
from rfr_nodes.demo.painter import Painted, canvas, painted
from rfr_nodes.demo.previews import NEAR_SIDE, SIDE, preview, save_preview
from rfr_nodes.demo.sentences import RequestError, in_sentences
from rfr_nodes.demo.session import Session, Version
from rfr_nodes.demo.thumbnails import pictured
from rfr_nodes.demo.uploads import Upload, read_mask_upload, read_painted, uploaded

_PAINT_COLOUR = (255, 45, 120, 255)
_TRANSPARENT_NOTE = "What is transparent in this picture is marked already: press Remove, or paint something else."


class Actions:
    """The page's functions over the models it offers, the folder for visitors' files and its examples."""

    def __init__(self, models: Models, root: Path, examples: list[Example]) -> None:
        self._models = models
        self._root = root
        self._examples = examples
        self._latest = LatestRun()

    @in_sentences
    def open(self, session: Session | None, payload: Any) -> tuple[Any, ...]:
        """Takes an uploaded photo, in place of the one before."""
        opened = Session(self._root, uploaded(payload, self._root))
        if session is not None:
            session.close()
        return self._opened(opened)

    @in_sentences
    def open_example(self, session: Session | None, event: gr.EventData) -> tuple[Any, ...]:
        """Takes an example with its mask."""
        index = _whole_number(event, "index")
        if not 0 <= index < len(self._examples):
            raise RequestError("There is no such example.")
        example = self._examples[index]
        opened = Session(self._root, Upload(example.photo, example.photo.name))
        if session is not None:
            session.close()
        size = opened.size[1], opened.size[0]
        _keep_mask(opened, read_hole(example.mask, size=size, resize=True))
        return self._opened(opened)

    @in_sentences
    def leave(self, session: Session | None) -> tuple[Any, ...]:
        """Back to the start; the photo and its history go."""
        if session is not None:
            session.close()
        return (
            None,
            gr.update(visible=True),
            gr.update(visible=False),
            None,
            None,
            gr.skip(),
            viewer.idle(),
            gr.update(visible=False),
            *self.ready(),
        )

    @in_sentences
    def take_mask(self, session: Session | None, payload: Any) -> tuple[Any, ...]:
        """Shows an uploaded mask as painted, and keeps it at full size."""
        session = _present(session)
        _keep_mask(session, read_mask_upload(uploaded(payload, self._root), (session.size[1], session.size[0])))
        return session, _canvas(session)

    @in_sentences
    def find(self, session: Session | None, paint: Any) -> tuple[Any, ...]:
        """Paints what looks like dust, hairs, scratches, creases and a date, beside what is painted already."""
        session = _present(session)
        image, drawn = session.picture(session.base).image, painted(paint)
        hole = self._models.thread.run(lambda: find_defects(image))
        if not hole.any():
            raise RequestError("No dust, scratches or the like were found: brush over what should go.")
        _keep_mask(session, torch.maximum(hole, _hole(session, drawn)) if drawn.layer else hole)
        return session, _canvas(session)

    @in_sentences
    def busy(self, session: Session | None) -> tuple[Any, ...]:
        """Before a run, which may have to wait for others: the viewer waits, and the buttons allow to cancel."""
        session = _present(session)
        return viewer.waiting(session.base), gr.update(interactive=False, value="Working …"), gr.update(visible=True)

    @in_sentences
    def ready(self) -> tuple[Any, ...]:
        """The buttons when nothing runs."""
        return gr.update(interactive=True, value="Remove"), gr.update(visible=False)

    @in_sentences
    def run(
        self, session: Session | None, paint: Any, model: Any, recurrences: Any, grow: Any, feather: Any, exact: Any
    ) -> Iterator[tuple[Any, ...]]:
        """Fills what is painted, showing each recurrence."""
        session = _present(session)
        options = checked_options(str(model or ""), recurrences, grow, feather, exact)
        hole = _hole(session, painted(paint))
        inpainter = self._models.get(options.model)
        for progress in self._models.thread.each(fill(session, hole, inpainter, options)):
            if progress.finished:
                self._latest.keep(progress.version, progress.attention)
                yield self._shown(session)
            else:
                yield session, viewer.running(progress), *(gr.skip(),) * 4

    @in_sentences
    def stop(self, session: Session | None) -> tuple[Any, ...]:
        """After a cancel or a failure: what was shown before, and the buttons for the next run."""
        before = session and session.shown
        value = viewer.finished(before) if before else viewer.idle("Nothing was filled; the photo is as it was.")
        return value, *self.ready()

    @in_sentences
    def use(self, session: Session | None) -> tuple[Any, ...]:
        """The result becomes what is painted on."""
        session = _present(session)
        session.use_shown()
        session.mask = None
        return session, _canvas(session)

    @in_sentences
    def undo(self, session: Session | None) -> tuple[Any, ...]:
        """One fill back."""
        session = _present(session)
        session.undo()
        return self._all_shown(session)

    @in_sentences
    def show(self, session: Session | None, event: gr.EventData) -> tuple[Any, ...]:
        """A picture of the history comes back."""
        session = _present(session)
        session.show(_whole_number(event, "index"))
        return self._all_shown(session)

    @in_sentences
    def write(self, session: Session | None, file_format: Any) -> Any:
        """The file behind the download button."""
        if session is None or session.shown is None:
            return gr.update(value=None, interactive=False)
        version, choice = session.shown, str(file_format or AS_UPLOADED)
        path = save_download(session.picture(version), version.folder, session.stem, choice)
        return gr.update(value=str(path), interactive=True) if session.shown is version else gr.skip()

    @in_sentences
    def attend(self, session: Session | None, event: gr.EventData) -> tuple[Any, ...]:
        """Where the chosen pixel was fetched from, laid over the result."""
        session, version = _result(session)
        index, x, y = (_whole_number(event, name) for name in ("index", "x", "y"))
        if not (0 <= x < session.size[0] and 0 <= y < session.size[1]):
            raise RequestError("That pixel is outside the picture.")
        maps = self._latest.maps(session, version, self._models)
        if not 1 <= index <= len(maps):
            raise RequestError("There is no such recurrence.")
        path = version.folder / f"attention-{index}-{x}-{y}.png"
        box = save_attention(maps[index - 1], x, y, session.size, path)
        return session, viewer.finished(version) | {"attention": viewer.layer(path, box, index, x, y)}

    @in_sentences
    def compare(self, session: Session | None) -> tuple[Any, ...]:
        """The same hole by Telea's method."""
        session, version = _result(session)
        assert version.run is not None  # only filled versions are shown
        picture = session.picture(version.run.base)
        image = preview(picture.image, max(picture.image.size)).convert("RGB")
        with Image.open(version.run.hole, formats=["PNG"]) as mask:
            filled = telea.telea(image, mask.convert("L"), version.run.box)
        folder, profile = version.folder, picture.icc_profile
        whole = save_preview(preview(filled, SIDE), folder, "telea", profile)
        near = version.near and save_preview(
            preview(filled.crop(version.near.box), NEAR_SIDE), folder, "telea-near", profile
        )
        return session, viewer.finished(version) | {"comparison": viewer.comparison(whole, near)}

    def _opened(self, session: Session) -> tuple[Any, ...]:
        note = ""
        if session.transparent and session.mask is None:
            _keep_mask(session, hole_from_alpha(session.picture(session.base).image))
            note = _TRANSPARENT_NOTE
        return (
            session,
            gr.update(visible=False),
            gr.update(visible=True),
            None,
            None,
            _canvas(session),
            viewer.idle(note),
            gr.update(visible=False),
            *self.ready(),
        )

    def _shown(self, session: Session) -> tuple[Any, ...]:
        """The session, and the right side of the page for it."""
        versions = session.history
        pictures = ((version.thumbnail, f"Fill {version.number}") for version in versions)
        history = pictured(pictures, versions.index(session.shown) if session.shown else None)
        value = viewer.finished(session.shown) if session.shown else viewer.idle()
        undo = gr.update(interactive=session.shown is not None)
        return session, value, gr.update(visible=bool(versions)), history, undo, gr.update(interactive=False)

    def _all_shown(self, session: Session) -> tuple[Any, ...]:
        session.mask = None
        return *self._shown(session), _canvas(session)


def _present(session: Session | None) -> Session:
    if session is None:
        raise RequestError("Your photo is no longer here: load it again.")
    return session


def _result(session: Session | None) -> tuple[Session, Version]:
    session = _present(session)
    if session.shown is None:
        raise RequestError("There is no result yet: paint, and press Remove.")
    return session, session.shown


def _hole(session: Session, paint: Painted) -> torch.Tensor:
    """The hole at full size: the uploaded mask as it is, unless it was painted over."""
    if paint.untouched and session.mask is not None:
        return read_hole(session.mask)
    return read_painted(paint.layer, (session.size[1], session.size[0]))


def _keep_mask(session: Session, hole: torch.Tensor) -> None:
    mask = Image.fromarray(hole[0, 0].mul(255).to(torch.uint8).numpy())
    session.mask = session.folder / "mask.png"
    mask.convert("1").save(session.mask)


def _canvas(session: Session) -> dict[str, Any]:
    """The painter's value: the base, and the kept mask as paint."""
    photo = session.base.whole.frames[-1]
    if session.mask is None:
        return canvas(photo)
    with Image.open(session.mask, formats=["PNG"]) as mask:
        alpha = preview(mask.convert("L"), SIDE).convert("L")
    layer = Image.new("RGBA", alpha.size, _PAINT_COLOUR)
    layer.putalpha(alpha)
    path = session.folder / f"paint-{session.mask.stat().st_mtime_ns}.png"  # a new name, which no browser has cached
    layer.save(path)
    return canvas(photo, path)


def _whole_number(event: gr.EventData, name: str) -> int:
    value = event._data.get(name) if isinstance(event._data, dict) else None
    if type(value) is not int:
        raise RequestError("The page sent something else than a number: reload it.")
    return value
