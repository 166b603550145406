"""One run: a version and a hole -> the next version, recurrence by recurrence."""

from __future__ import annotations

import shutil
from collections.abc import Generator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from PIL import Image

from rfr_core import Inpainter
from rfr_core.fill.attention_map import AttentionMap
from rfr_core.holes.masks import read_hole
from rfr_core.images.picture_files import Picture, save_picture
from rfr_core.images.values import to_bytes
from rfr_nodes.demo.previews import NEAR_SIDE, THUMBNAIL_SIDE, PILBox, near_box, preview, renewed, save_preview
from rfr_nodes.demo.sentences import RequestError
from rfr_nodes.demo.session import FillOptions, FillRecord, Session, Version, VersionRun, View

_NEARLY = 0.95  # the most that is said to be done before all is

Maps = tuple[tuple[AttentionMap, ...], ...]  # of each recurrence, of each region


@dataclass(frozen=True)
class Progress:
    """How far a run is.

    index, total: recurrences done and in all. share: of all work that is done, from 0 to 1. version: so far, with a
    preview of each recurrence. attention: of the recurrences so far. finished: once the version is in the history.
    """

    index: int
    total: int
    share: float
    version: Version
    attention: Maps = ()
    finished: bool = False


def fill(
    session: Session, base: Version, hole: torch.Tensor, inpainter: Inpainter, options: FillOptions
) -> Generator[Progress, None, None]:
    """Fills ``hole`` (1, 1, H, W) in a version of the session; the last progress is finished and in the history.

    Closing the generator before leaves the session as it was. Raises RequestError for an empty hole, and what
    `Inpainter.steps` raises.
    """
    picture = session.picture(base)
    mask = _as_image(hole)
    box = mask.getbbox()
    if box is None:
        raise RequestError("Nothing is painted yet: brush over what should go, or upload a mask.")
    folder = session.new_folder()
    done = False
    try:
        version = _start(base, picture, mask, _grown(box, options.grow, mask.size), folder, options)
        result, shown, maps = picture.image, preview(picture.image), ()
        for step in inpainter.steps(picture.image, hole, **keywords(options)):
            if step.index == step.total:
                yield Progress(
                    step.index, step.total, min(step.share, _NEARLY), version, maps
                )  # the finest work is still to come
            result = step.picture()
            version = _with_frame(version, Picture(result, icc_profile=picture.icc_profile), shown, step.index)
            maps = (*maps, tuple(step.attention_maps()))
            yield Progress(step.index, step.total, min(step.share, _NEARLY), version, maps)
        version = session.add(_finished(version, Picture(result, icc_profile=picture.icc_profile)))
        done = True
        yield Progress(len(maps), len(maps), 1.0, version, maps, finished=True)
    finally:
        if not done:
            shutil.rmtree(folder, ignore_errors=True)


def attention_of(
    session: Session, run: VersionRun, inpainter: Inpainter
) -> Generator[tuple[AttentionMap, ...], None, None]:
    """The attention of a run's recurrences, which are computed once more."""
    for step in inpainter.steps(session.picture(run.base).image, read_hole(run.hole), **keywords(run.options)):
        yield tuple(step.attention_maps())


def filled_steps(
    inpainter: Inpainter, image: Image.Image, hole: torch.Tensor, options: FillOptions
) -> Generator[Image.Image, None, None]:
    """The picture as often as there are recurrences; only the last one is filled. None for an empty hole."""
    for step in inpainter.steps(image, hole, **keywords(options)):
        yield step.picture() if step.index == step.total else image


def keywords(options: FillOptions) -> dict[str, Any]:
    """The options as `Inpainter` takes them."""
    return {
        "recurrences": options.recurrences or "auto",
        "grow": options.grow,
        "feather": options.feather,
        "detail": options.detail,
    }


def _as_image(hole: torch.Tensor) -> Image.Image:
    return Image.fromarray(to_bytes(hole[0, 0]).numpy())


def _grown(box: PILBox, pixels: int, size: tuple[int, int]) -> PILBox:
    left, top, right, bottom = box
    return max(0, left - pixels), max(0, top - pixels), min(size[0], right + pixels), min(size[1], bottom + pixels)


def _start(
    base: Version, picture: Picture, mask: Image.Image, box: PILBox, folder: Path, options: FillOptions
) -> Version:
    hole = folder / "hole.png"
    mask.convert("1").save(hole)
    image = picture.image
    around, near = near_box(box, image.size), None
    if around is not None:
        crop = preview(image.crop(around), NEAR_SIDE)
        near = View(around, save_preview(crop, folder, "before-near", picture.icc_profile))
    whole = View((0, 0, *image.size), base.whole.frames[-1])
    return Version(0, folder, base.fills, VersionRun(base, hole, box, options), whole, near)


def _with_frame(version: Version, picture: Picture, before: Image.Image, index: int) -> Version:
    """The version with one frame more. before: the preview of the picture that it fills."""
    assert version.run is not None

    def added(view: View, frame: Image.Image, name: str) -> View:
        return replace(view, frames=(*view.frames, save_preview(frame, version.folder, name, picture.icc_profile)))

    whole = added(version.whole, renewed(before, picture.image, version.run.box), f"{index}")
    near = version.near
    if near is not None:
        near = added(near, preview(picture.image.crop(near.box), NEAR_SIDE), f"{index}-near")
    return replace(version, whole=whole, near=near)


def _finished(version: Version, picture: Picture) -> Version:
    assert version.run is not None
    box = version.run.box
    path = version.folder / "fill.tif"
    preview(picture.image, THUMBNAIL_SIDE).convert("RGB").save(version.thumbnail)
    save_picture(Picture(picture.image.crop(box), icc_profile=picture.icc_profile), path)
    return replace(version, fills=(*version.fills, FillRecord(path, box[0], box[1])))
