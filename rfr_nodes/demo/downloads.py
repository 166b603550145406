"""The full picture as a file, with the photo's metadata."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rfr_core.errors import ImageError
from rfr_core.images.picture_files import FORMAT_BY_SUFFIX, Picture, check_writable, save_picture
from rfr_nodes.demo.sentences import RequestError, without_path

AS_UPLOADED = "as uploaded"
FORMATS = (AS_UPLOADED, "png", "jpg", "webp", "tif")

_SUFFIX = {name: suffix for suffix, name in reversed(FORMAT_BY_SUFFIX.items())}  # the first suffix of each format


def save_download(picture: Picture, folder: Path, stem: str, choice: str = AS_UPLOADED) -> Path:
    """Writes ``<stem>-filled`` into ``folder`` and returns its path; EXIF and ICC profile are kept.

    choice: one of `FORMATS`. As uploaded is the photo's own format, PNG where that has no name of its own.

    Raises RequestError: another choice, or a format that cannot hold the picture.
    """
    path = folder / f"{stem}-filled{_suffix(picture, choice)}"
    with _named(path):
        return save_picture(picture, path)


def check_choice(choice: str) -> None:
    """Raises RequestError for what is none of `FORMATS`."""
    if choice not in FORMATS:
        raise RequestError(f"There is no such format here: choose one of {', '.join(FORMATS)}.")


def check_format(picture: Picture, choice: str) -> None:
    """Raises what `save_download` would raise for a picture of this kind, so that it is not filled in vain."""
    path = Path(f"file{_suffix(picture, choice)}")
    with _named(path):
        check_writable(picture, path)


@contextmanager
def _named(path: Path) -> Iterator[None]:
    """Calls a path "the file" in errors."""
    try:
        yield
    except ImageError as error:
        raise without_path(error, path, "The file") from error


def _suffix(picture: Picture, choice: str) -> str:
    check_choice(choice)
    return _SUFFIX.get(picture.format or "", ".png") if choice == AS_UPLOADED else f".{choice}"
