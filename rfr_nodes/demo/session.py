"""What one visitor works on: a photo and the pictures made of it, in a folder that goes when the visitor goes."""

from __future__ import annotations

import secrets
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from rfr_core.errors import ImageError
from rfr_core.images.picture_files import Picture, read_picture
from rfr_core.options import Detail
from rfr_nodes.demo.kept_masks import KeptMasks
from rfr_nodes.demo.limits import MAX_PIXELS, MAX_SESSION_BYTES, MAX_VERSIONS
from rfr_nodes.demo.previews import THUMBNAIL_SIDE, PILBox, preview, save_preview
from rfr_nodes.demo.sentences import RequestError
from rfr_nodes.demo.storage import bytes_in
from rfr_nodes.demo.uploads import Upload, read_upload, safe_stem

THUMBNAIL = "thumbnail.jpg"


@dataclass(frozen=True)
class FillOptions:
    """How to fill. recurrences: None lets the hole decide. grow, feather: pixels. model: a name that `Models` has."""

    model: str | None = None
    recurrences: int | None = None
    grow: int = 0
    feather: int = 0
    detail: Detail = "auto"


@dataclass(frozen=True)
class FillRecord:
    """A piece of picture that replaces what was there: a file in the picture's own mode, and where it goes."""

    path: Path
    left: int
    top: int


@dataclass(frozen=True)
class View:
    """The same part of a picture before and at each recurrence, as previews. box: that part, in pixels."""

    box: PILBox
    before: Path
    frames: tuple[Path, ...] = ()


@dataclass(frozen=True)
class VersionRun:
    """What made a version: the version before, the mask file, the box around what it fills, and how."""

    base: Version
    hole: Path
    box: PILBox
    options: FillOptions


@dataclass(frozen=True, eq=False)
class Version:
    """One picture of the history: the fills that make it of the photo, and the run that made the last of them.

    number: 0 is the photo as uploaded, whose run is None. folder: its files. whole, near: the run's views of all of
    the picture and of the hole's surroundings (None: no closer view).
    """

    number: int
    folder: Path
    fills: tuple[FillRecord, ...]
    run: VersionRun | None
    whole: View
    near: View | None = None

    @property
    def thumbnail(self) -> Path:
        """A small picture of it."""
        return self.folder / THUMBNAIL

    @property
    def base(self) -> Version | None:
        """The version that this one was made of; None for the photo."""
        return self.run and self.run.base


class Session:
    """One visitor's photo, its versions, and the one that is shown and painted on (`current`).

    Pictures are kept as the uploaded file and the pieces that were filled: little on disk, nothing in memory,
    and the photo's own bytes stay what they were.
    """

    def __init__(self, root: Path, upload: Upload | None) -> None:
        """Takes an uploaded photo over into a new folder under ``root``. Raises RequestError as `read_upload`."""
        picture = read_upload(upload)
        assert upload is not None
        self.token = secrets.token_hex(16)
        self.stem = safe_stem(upload.name)
        self.folder = root / self.token
        self.folder.mkdir(mode=0o700, parents=True)
        shutil.copyfile(upload.path, self._photo)
        size = picture.image.size
        before = save_preview(preview(picture.image), self.folder, "photo", picture.icc_profile)
        preview(picture.image, THUMBNAIL_SIDE).convert("RGB").save(self.folder / THUMBNAIL)
        self.size = size
        self.format = picture.format or "PNG"
        self.transparent = _has_hole(picture)
        photo = Version(0, self.folder, (), None, View((0, 0, *size), before, (before,)))
        self.versions = [photo]
        self.current = photo
        self.masks = KeptMasks(self.folder)
        self.mask: int | None = None  # the one that a page is to show
        self.wanted: tuple[Version, str] | None = None  # the download that was asked for last
        self._undone: list[Version] = []
        self._count = 0

    @property
    def _photo(self) -> Path:
        return self.folder / "photo"

    def picture(self, version: Version) -> Picture:
        """A version at full size, with the photo's metadata. Raises RequestError when its files are gone."""
        try:
            picture = read_picture(self._photo, max_pixels=MAX_PIXELS)
            for fill in version.fills:
                piece = read_picture(fill.path, max_pixels=MAX_PIXELS).image
                picture.image.paste(piece, (fill.left, fill.top))
        except ImageError as error:
            raise RequestError("This picture has been cleared away: load the photo again.") from error
        return picture

    def new_folder(self) -> Path:
        """An empty folder for the next run. Raises RequestError where the history takes too much room."""
        if bytes_in(self.folder) > MAX_SESSION_BYTES:
            raise RequestError("The history of this photo has become too large: download it and load it as a new one.")
        self._count += 1
        folder = self.folder / f"run-{self._count}"
        folder.mkdir(mode=0o700)
        return folder

    def add(self, version: Version) -> Version:
        """Takes a new version into the history and shows it; of too many, the oldest that none was made of goes."""
        version = replace(version, number=max(v.number for v in self.versions) + 1)
        self.versions.append(version)
        self.current, self._undone = version, []
        for old in self.versions[1:-1]:
            if len(self.versions) <= MAX_VERSIONS:
                break
            if not any(other.base is old for other in self.versions):
                self._forget(old)
        return version

    @property
    def undoable(self) -> int:
        """How many fills can be undone."""
        return len(list(_line(self.current))) - 1

    @property
    def redoable(self) -> int:
        """How many undone fills can come back."""
        return len(self._undone)

    def undo(self) -> None:
        """Goes back by one fill, which stays in the history. Raises RequestError when there is none."""
        before = self.current.base
        if before is None:
            raise RequestError("There is nothing to undo.")
        self._undone.append(self.current)
        self.current = before

    def redo(self) -> None:
        """Brings the fill back that was undone last. Raises RequestError when there is none."""
        if not self._undone:
            raise RequestError("There is nothing to redo.")
        self.current = self._undone.pop()

    def show(self, index: int) -> None:
        """Goes to the picture at that place of the history. Raises RequestError when there is none."""
        history = self.history
        if not 0 <= index < len(history):
            raise RequestError("That picture is no longer in the history.")
        self.current, self._undone = history[index], []

    @property
    def history(self) -> list[Version]:
        """Every version, the latest first and the photo last."""
        return self.versions[::-1]

    def close(self) -> None:
        """Deletes everything this visitor had."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def _forget(self, version: Version) -> None:
        self.versions.remove(version)
        if not any(fill.path.parent == version.folder for v in self.versions for fill in v.fills):
            shutil.rmtree(version.folder, ignore_errors=True)


def _line(version: Version | None) -> Iterator[Version]:
    """A version and those it was made of."""
    while version is not None:
        yield version
        version = version.base


def _has_hole(picture: Picture) -> bool:
    """Whether the picture has transparent pixels for `hole_from_alpha` to find."""
    if picture.image.mode not in ("LA", "RGBA"):
        return False
    return picture.image.getchannel("A").getextrema()[0] < 128  # type: ignore[operator]
