"""Many pictures: which with which mask into which file; reading, filling and writing overlapped.

Nothing here needs torch: the first pictures are read while it starts.
"""

from __future__ import annotations

import os
import re
import time
import unicodedata
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from PIL import Image

from rfr_core.command.marking import Marking
from rfr_core.defects.scans import PAGES
from rfr_core.errors import HoleError, ImageError, RFRError
from rfr_core.files import remove_left_overs
from rfr_core.images.picture_files import (
    FORMAT_BY_SUFFIX,
    Picture,
    check_writable,
    format_for,
    losses,
    other_pictures,
    picture_paths,
    read_mask,
    read_picture,
    save_picture,
)
from rfr_core.options import Options

if TYPE_CHECKING:
    from rfr_core.command.without_torch import PortableSteps
    from rfr_core.inpainter import Inpainter

_WORKERS = min(4, os.cpu_count() or 1)  # threads; also how many pictures lie read, and how many unwritten
_AS_IT_IS: dict[str, Any] = {"threshold": 0.5, "invert": False, "channel": "auto", "resize": False}  # of a ready hole


@dataclass(frozen=True)
class Job:
    """One picture to fill.

    masks: the files that go by the picture's name, of which there should be one; None = fill what is transparent.
    out: the file to write. steps: folder for a picture of each recurrence, or None. avoid: mask of what is not to be
    looked at, or None.
    """

    image: Path
    masks: tuple[Path, ...] | None
    out: Path
    steps: Path | None = None
    avoid: Path | None = None


@dataclass(frozen=True)
class Recurred:
    """Recurrence ``index`` of ``total`` of a job is done."""

    job: Job
    index: int
    total: int


@dataclass(frozen=True)
class Outcome:
    """How a job ended.

    status: "empty" = there was nothing to fill, and the picture was written as it is. error: one sentence when it
    failed. hole_ratio: share of the picture that was filled. dropped: what of the picture's file the result lacks.
    """

    job: Job
    status: Literal["filled", "empty", "skipped", "failed"]
    error: str | None = None
    recurrences: int = 0
    hole_ratio: float = 0.0
    seconds: float = 0.0
    dropped: tuple[str, ...] = ()


def plan_jobs(
    image: Path, mask: Path | None, out: Path, steps: Path | None = None, avoid: Path | None = None
) -> list[Job]:
    """What there is to do for a picture or, by sorted names, for a folder of pictures.

    A folder's pictures find their masks by the name's stem in the folder `mask`, or all share the one file. A mask may
    be called photo_mask as well as photo, and so may lie in the folder of the pictures; where that is the only
    difference, neither the case of letters nor the way accents are coded matters. Their results take their names in the
    folder `out`, their steps lie in a folder of that name in `steps`. They share the one mask `avoid`.

    Raises:
        ImageError: no such picture or folder, a folder without pictures, results that would replace their source, or
            a result of an unknown format.
        HoleError: no such mask, or a folder of masks for a single picture or for what to avoid.
    """
    for given in (mask, avoid):
        if given is not None and not given.exists():
            raise HoleError(f"The mask {given} does not exist; check the path.")
    if avoid is not None and avoid.is_dir():
        raise HoleError(f"The mask {avoid} of what to avoid is a folder; give one file, for all pictures.")
    if not image.exists():
        raise ImageError(f"The picture {image} does not exist; check the path.")
    if image.is_dir():
        return [replace(job, avoid=avoid) for job in _plan_folder(image, mask, out, steps)]
    if mask is not None and mask.is_dir():
        raise HoleError(f"The mask {mask} is a folder, but {image} is one picture; give one mask.")
    if out.is_dir():
        out = out / image.name
    for source in (image, mask, avoid):
        if source is not None and _same(source, out):
            raise ImageError(f"The result would replace {source}; choose another name for it.")
    format_for(out)
    return [Job(image, None if mask is None else (mask,), out, steps, avoid)]


def run_jobs(
    jobs: Iterable[Job],
    load: Callable[[], Inpainter | PortableSteps],
    options: Options,
    *,
    quality: int | None = None,
    marking: Marking | None = None,
) -> Iterator[Recurred | Outcome]:
    """Fills pictures one after another, reading ahead and writing behind in threads.

    load: gives the inpainter; called once, if there are jobs, while the first pictures are being read. quality: see
    `images.save_picture`. marking: what is filled beside the masks, in every picture.

    A picture or mask that cannot be used makes its job fail and the others go on; nothing is half-written. At most
    some ten pictures are held at a time. Yields a `Recurred` for each recurrence and an `Outcome` for each job.
    """
    inpainter = None
    with ThreadPoolExecutor(_WORKERS) as pool:
        unwritten: deque[tuple[Outcome, Future[Path]]] = deque()
        try:
            for job, loading in _ahead(pool, jobs, options, marking, quality):
                inpainter = inpainter or load()
                try:
                    outcome, picture = yield from _fill(job, loading.result(), inpainter, pool)
                except RFRError as error:
                    yield _failed(job, error)
                    continue
                unwritten.append((outcome, pool.submit(save_picture, picture, job.out, quality=quality)))
                if len(unwritten) > _WORKERS:
                    yield _settled(*unwritten.popleft())
            while unwritten:
                yield _settled(*unwritten.popleft())
        finally:
            pool.shutdown(cancel_futures=True)


def clear_left_overs(jobs: Iterable[Job]) -> None:
    """Deletes what killed runs left unfinished, an hour ago or earlier, in the folders that these jobs write to."""
    for folder in {folder for job in jobs for folder in (job.out.parent, job.steps) if folder is not None}:
        remove_left_overs(folder)


def make_folder(folder: Path) -> None:
    """Makes a folder and those above it where there are none; raises ImageError when it cannot be made."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ImageError(f"The folder {folder} cannot be made ({error.strerror}); choose another.") from error


# Planning


def _plan_folder(image: Path, mask: Path | None, out: Path, steps: Path | None) -> list[Job]:
    if out.is_file() or (not out.exists() and out.suffix.lower() in FORMAT_BY_SUFFIX):
        raise ImageError(f"{image} is a folder, but {out} names a file; give a folder for the results.")
    for source in (image, mask):
        if source is not None and _same(source, out):
            raise ImageError(f"The results would lie in {source} among their sources; choose another folder.")
    pictures = picture_paths(image)
    beside = _masks_beside(pictures) if mask is None or _same(image, mask) else {}
    if mask is not None and _same(image, mask) and not beside:
        raise HoleError(
            f"Pictures and masks are both in {image}, but none is called photo_mask.png beside a photo.png; name the "
            "masks so, or put them, with the pictures' names, elsewhere."
        )
    pictures = [path for path in pictures if path not in set(beside.values())]
    if not pictures:
        raise ImageError(f"The folder {image} holds no pictures; expected files such as {', '.join(FORMAT_BY_SUFFIX)}.")
    if beside:
        found = {path: (beside[path],) if path in beside else () if mask is not None else None for path in pictures}
    else:
        choice = picture_paths(mask) if mask is not None and mask.is_dir() else []
        found = {path: _masks_of(path, mask, choice) for path in pictures}
    return [
        Job(path, found[path], out / _result_name(path), None if steps is None else steps / path.name)
        for path in pictures
    ]


def left_out(image: Path) -> list[Path]:
    """The files of a folder that are pictures, by their suffix, of kinds that are not read."""
    return other_pictures(image) if image.is_dir() else []


def _result_name(picture: Path) -> str:
    """The picture's name, and .png behind it where its own format is not written."""
    return picture.name if picture.suffix.lower() in FORMAT_BY_SUFFIX else f"{picture.name}.png"


_MASK_ENDING = re.compile(r"[ ._-]mask$", re.IGNORECASE)


def _masks_beside(paths: Sequence[Path]) -> dict[Path, Path]:
    """Pictures that have a mask of their name and _mask in their own folder, and that mask."""
    masks = [path for path in paths if _MASK_ENDING.search(path.stem)]
    stems = [(_MASK_ENDING.sub("", mask.stem), mask) for mask in masks]
    pictures = [path for path in paths if path not in masks]
    found = {path: _alike(path.stem, stems) for path in pictures}
    return {path: matches[0] for path, matches in found.items() if len(matches) == 1}


def _masks_of(image: Path, mask: Path | None, masks: Sequence[Path]) -> tuple[Path, ...] | None:
    if mask is None:
        return None
    if mask.is_file():
        return (mask,)
    named = _alike(image.stem, [(path.stem, path) for path in masks])
    return named or _alike(image.stem, [(_MASK_ENDING.sub("", path.stem), path) for path in masks])


def _alike(stem: str, offered: Sequence[tuple[str, Path]]) -> tuple[Path, ...]:
    """The files whose stem is this one: exactly, or else but for how accents are coded, or else but for case."""
    for same in (str, _composed, lambda name: _composed(name).casefold()):
        found = tuple(path for name, path in offered if same(name) == same(stem))
        if found:
            return found
    return ()


def _composed(name: str) -> str:
    return unicodedata.normalize("NFC", name)


def _same(a: Path, b: Path) -> bool:
    return a.resolve() == b.resolve() or (a.exists() and b.exists() and a.samefile(b))


# Running


@dataclass(frozen=True)
class Loaded:
    """A picture as it was read. mask: an image, a hole that is ready, or None; options: how it is read and filled.

    avoid: a hole that is ready, or None.
    """

    picture: Picture
    mask: Any
    options: Options
    avoid: Any = None


def load_job(job: Job, options: Options, marking: Marking | None, *, as_it_is: bool = False) -> Loaded:
    """Reads a picture and its mask. Raises RFRError: one of them cannot be used, or the result could not be written.

    as_it_is: see `images.read_picture`.
    """
    searched = marking is not None and marking.search is not None
    picture = read_picture(job.image, pages=PAGES if searched else 1, as_it_is=as_it_is)
    if job.masks is not None or marking is not None:  # else what is transparent, which the format need not hold, goes
        check_writable(picture, job.out)
    mask = _read_only_mask(job)
    avoid = None if job.avoid is None else _read_avoided(job.avoid, picture, options)
    if marking is None:
        return Loaded(picture, mask, options, avoid)
    hole = marking.hole(picture.image, job.image, mask, options)
    return Loaded(picture, hole, replace(options, **_AS_IT_IS), avoid)


def _read_avoided(path: Path, picture: Picture, options: Options) -> Any:
    import torch

    from rfr_core.holes.masks import to_hole

    size = (picture.image.height, picture.image.width)
    reading = {name: getattr(options, name) for name in ("threshold", "channel", "resize")}
    return to_hole(read_mask(path), size=size, dtype=torch.bool, **reading)


def _read_only_mask(job: Job) -> Image.Image | None:
    if job.masks is None:
        return None
    if len(job.masks) != 1:
        found = " and ".join(path.name for path in job.masks) or "none"
        raise HoleError(f"{job.image} needs one mask of its name, but there is {found}.")
    return read_mask(job.masks[0])


def _ahead(
    pool: ThreadPoolExecutor, jobs: Iterable[Job], options: Options, marking: Marking | None, quality: int | None
) -> Iterator[tuple[Job, Future[Loaded]]]:
    """Each job with its picture and mask, of which a few are being read while the caller is busy."""

    def load(number: int, job: Job) -> Loaded:
        loaded = load_job(job, options, marking, as_it_is=True)
        jpeg = loaded.picture.jpeg
        # While torch starts there is time; of later pictures it would only take memory.
        if number == 0 and jpeg is not None and quality is None and format_for(job.out) == "JPEG":
            jpeg.read_ahead()
        return loaded

    loading: deque[tuple[Job, Future[Loaded]]] = deque()
    for number, job in enumerate(jobs):
        loading.append((job, pool.submit(load, number, job)))
        if len(loading) > _WORKERS:
            yield loading.popleft()
    while loading:
        yield loading.popleft()


def _fill(
    job: Job, loaded: Loaded, inpainter: Inpainter | PortableSteps, pool: ThreadPoolExecutor
) -> Generator[Recurred, None, tuple[Outcome, Picture]]:
    """Runs all recurrences, their pictures written on the way; returns the result, not yet written."""
    started = time.perf_counter()
    source = loaded.picture
    saving: deque[Future[Path]] = deque()
    step = None
    for step in inpainter.steps(source.pixels, loaded.mask, avoid=loaded.avoid, **asdict(loaded.options)):
        if job.steps is not None:
            picture = source.filled(step.picture())
            saving.append(pool.submit(_save_step, job.steps, step.index, picture))
            if len(saving) > _WORKERS:
                saving.popleft().result()
        yield Recurred(job, step.index, step.total)
    for writing in saving:
        writing.result()
    picture = source if step is None else source.filled(step.picture())
    check_writable(picture, job.out)
    seconds, dropped = time.perf_counter() - started, losses(picture, job.out)
    if step is None:
        return Outcome(job, "empty", seconds=seconds, dropped=dropped), picture
    return Outcome(job, "filled", None, step.total, step.hole_ratio, seconds, dropped), picture


def _save_step(folder: Path, index: int, picture: Picture) -> Path:
    if picture.image.mode == "CMYK":  # which PNG lacks
        picture = replace(picture, image=picture.image.convert("RGB"))
    make_folder(folder)
    return save_picture(picture, folder / f"step_{index:02d}.png")


def _settled(outcome: Outcome, writing: Future[Path]) -> Outcome:
    try:
        writing.result()
        return outcome
    except RFRError as error:
        return _failed(outcome.job, error)


def _failed(job: Job, error: RFRError) -> Outcome:
    text = str(error)
    return Outcome(job, "failed", text if str(job.image) in text else f"{job.image}: {text}")
