"""The full picture as a file, with the photo's metadata."""

from __future__ import annotations

from pathlib import Path

from rfr_core.images.picture_files import FORMAT_BY_SUFFIX, Picture, save_picture
from rfr_nodes.demo.sentences import RequestError

AS_UPLOADED = "as uploaded"
FORMATS = (AS_UPLOADED, "png", "jpg", "webp", "tif")

_SUFFIX = {name: suffix for suffix, name in reversed(FORMAT_BY_SUFFIX.items())}  # the first suffix of each format


def save_download(picture: Picture, folder: Path, stem: str, choice: str = AS_UPLOADED) -> Path:
    """Writes ``<stem>-filled`` into ``folder`` and returns its path; EXIF and ICC profile are kept.

    choice: one of `FORMATS`. As uploaded is the photo's own format, PNG where that has no name of its own.

    Raises RequestError for another choice, and ImageError where the format cannot hold the picture.
    """
    if choice not in FORMATS:
        raise RequestError(f"There is no such format here: choose one of {', '.join(FORMATS)}.")
    suffix = _SUFFIX.get(picture.format or "", ".png") if choice == AS_UPLOADED else f".{choice}"
    return save_picture(picture, folder / f"{stem}-filled{suffix}")
