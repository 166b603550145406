"""Files that visitors send: only what was uploaded here, within the limits, read by the library alone."""

from __future__ import annotations

import base64
import io
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from PIL import Image, UnidentifiedImageError

from rfr_core.errors import HoleError, ImageError
from rfr_core.holes.masks import read_hole
from rfr_core.images.picture_files import HEIC_SUFFIXES, Picture, read_picture
from rfr_nodes.demo.confinement import within
from rfr_nodes.demo.limits import MAX_FILE_BYTES, MAX_PAINTED_PIXELS, MAX_PIXELS
from rfr_nodes.demo.sentences import RequestError, without_path

NOT_UPLOADED = "Only uploaded files are read: choose a file."

_PAINTED_PREFIX = "data:image/png;base64,"
_UNSAFE = re.compile(r"[^\w .()+-]+")


@dataclass(frozen=True)
class Upload:
    """A file that a visitor sent, and the name it had with the visitor."""

    path: Path
    name: str


def uploaded(payload: Any, root: Path) -> Upload | None:
    """The file that a component's raw value names, or None for an empty value.

    Raises RequestError for anything but a file within ``root``, links followed.
    """
    if payload is None:
        return None
    path = payload.get("path") if isinstance(payload, dict) else None
    name = payload.get("orig_name") if isinstance(payload, dict) else None
    if path is None and isinstance(name, str):  # the guard took the path away, and said why in place of the name
        raise RequestError(name)
    if not isinstance(path, str) or not within(path, root):
        raise RequestError(NOT_UPLOADED)
    return Upload(Path(path), name if isinstance(name, str) else "picture")


def read_upload(upload: Upload | None, what: str = "picture") -> Picture:
    """The picture in an uploaded file.

    Raises RequestError: there is none, or it is too large, broken or of another kind; the sentence calls it ``what``.
    """
    path = _path(upload, what)
    try:
        return read_picture(path, max_pixels=MAX_PIXELS)
    except ImageError as error:
        raise _told(error, path, what) from error


def read_mask_upload(upload: Upload | None, size: tuple[int, int]) -> torch.Tensor:
    """The hole (1, 1, H, W) in an uploaded mask, white = fill, scaled to ``size`` = (H, W).

    Raises RequestError as `read_upload`.
    """
    path = _path(upload, "mask")
    try:
        return read_hole(path, size=size, resize=True, max_pixels=MAX_PIXELS)
    except HoleError as error:
        raise _told(error, path, "mask") from error


def read_painted(data_url: Any) -> Image.Image:
    """How opaque what was painted on the page is, in the size in which it was painted: an L picture.

    data_url: a PNG as a ``data:`` address.

    Raises RequestError: it is none, or too large.
    """
    if not isinstance(data_url, str) or not data_url.startswith(_PAINTED_PREFIX):
        raise RequestError("Nothing is painted yet: brush over what should go, or upload a mask.")
    try:
        data = base64.b64decode(data_url[len(_PAINTED_PREFIX) :], validate=True)
        with Image.open(io.BytesIO(data), formats=["PNG"]) as opened:
            if opened.width * opened.height > MAX_PAINTED_PIXELS:
                raise RequestError("The painted mask is larger than this page paints: reload the page.")
            return opened.convert("RGBA").getchannel("A")
    except RequestError:
        raise
    except Exception as error:  # decoders meet damaged files with errors of every class
        raise RequestError("The painted mask did not arrive whole: paint once more.") from error


def safe_stem(name: str) -> str:
    """The name of an uploaded file, without its suffix and whatever a file system may take amiss."""
    stem = _UNSAFE.sub("_", Path(name.replace("\\", "/")).stem).strip(" .")
    return stem[:80] or "picture"


def _told(error: ImageError | HoleError, path: Path, what: str) -> RequestError:
    """What is wrong with an uploaded file, in this page's words where the library's are about files and limits."""
    if path.suffix.lower() in HEIC_SUFFIXES and isinstance(error.__cause__, UnidentifiedImageError):
        return RequestError(f"HEIC files are not read here: save it as JPEG, and choose that as {what}.")
    if isinstance(error.__cause__, UnidentifiedImageError):
        return RequestError(f"This file is not a picture: choose a JPEG, PNG, WebP, TIFF or BMP file as {what}.")
    if isinstance(error.__cause__, Image.DecompressionBombError):
        return RequestError(f"The {what} is too large: scale it down to {MAX_PIXELS // 10**6} megapixels or less.")
    return without_path(error, path, f"The {what}")


def _path(upload: Upload | None, what: str) -> Path:
    if upload is None:
        raise RequestError(f"There is no {what} yet: choose a file.")
    if not upload.path.is_file():
        raise RequestError(f"The {what} is no longer here: choose it again.")
    if upload.path.stat().st_size > MAX_FILE_BYTES:
        raise RequestError(f"The {what} has more than {MAX_FILE_BYTES >> 20} MB: choose a smaller file.")
    return upload.path
