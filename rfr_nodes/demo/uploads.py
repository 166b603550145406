"""Files that visitors send: only what was uploaded here, within the limits, read by the library alone."""

from __future__ import annotations

import base64
import binascii
import io
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gradio as gr
import torch
from gradio.data_classes import FileData, ImageData
from PIL import Image

from rfr_core.errors import ImageError
from rfr_core.holes import read_hole, to_hole
from rfr_core.images import Picture, read_picture
from rfr_nodes.demo.limits import MAX_FILE_BYTES, MAX_PAINTED_PIXELS, MAX_PIXELS
from rfr_nodes.demo.sentences import RequestError, without_path

_PAINTED_PREFIX = "data:image/png;base64,"
_UNSAFE = re.compile(r"[^\w .()+-]+")


class Uploaded:
    """Mixin for components whose files come from visitors: no address is fetched, and the file stays as it is."""

    def move_resource_to_block_cache(self, url_or_file_path: str | Path | None) -> str | None:
        """As the component's own, for files only. Raises RequestError for an address."""
        return super().move_resource_to_block_cache(_no_address(url_or_file_path))  # type: ignore[misc]

    async def async_move_resource_to_block_cache(self, url_or_file_path: str | Path | None) -> str | None:
        """As the component's own, for files only. Raises RequestError for an address."""
        return await super().async_move_resource_to_block_cache(_no_address(url_or_file_path))  # type: ignore[misc]


class PictureInput(Uploaded, gr.Image):
    """An image input that hands on the uploaded file itself, undecoded, with its name."""

    is_template = True

    def get_block_name(self) -> str:
        """The name of the front end's component."""
        return "image"

    def preprocess(self, payload: ImageData | None) -> FileData | None:  # type: ignore[override]
        """The uploaded file, or None."""
        if payload is None or payload.path is None:
            return None
        return FileData(path=payload.path, orig_name=payload.orig_name)


def read_upload(file: FileData | None, what: str = "picture") -> Picture:
    """The picture in an uploaded file.

    Raises RequestError: there is none, or it is too large, broken or of another kind; the sentence names it as
    the visitor does.
    """
    path, name = _path(file, what)
    try:
        return read_picture(path, max_pixels=MAX_PIXELS)
    except ImageError as error:
        raise without_path(error, path, name) from error


def read_mask_upload(file: FileData | None, size: tuple[int, int]) -> torch.Tensor:
    """The hole (1, 1, H, W) in an uploaded mask, white = fill, scaled to ``size`` = (H, W).

    Raises RequestError as `read_upload`.
    """
    path, name = _path(file, "mask")
    return _named(lambda: read_hole(path, size=size, resize=True, max_pixels=MAX_PIXELS), path, name)


def read_painted(data_url: Any, size: tuple[int, int]) -> torch.Tensor:
    """The hole (1, 1, H, W) that was painted on the page, scaled smoothly to the picture's ``size`` = (H, W).

    data_url: a PNG as a ``data:`` address, opaque where something is painted.

    Raises RequestError: it is none, or too large.
    """
    if not isinstance(data_url, str) or not data_url.startswith(_PAINTED_PREFIX):
        raise RequestError("Nothing is painted yet: brush over what should go, or upload a mask.")
    try:
        data = base64.b64decode(data_url[len(_PAINTED_PREFIX) :], validate=True)
        with Image.open(io.BytesIO(data), formats=["PNG"]) as opened:
            if opened.width * opened.height > MAX_PAINTED_PIXELS:
                raise RequestError("The painted mask is larger than this page paints: reload the page.")
            alpha = opened.convert("RGBA").getchannel("A")
    except (binascii.Error, OSError, SyntaxError, ValueError) as error:
        raise RequestError("The painted mask did not arrive whole: paint once more.") from error
    # Between the pixels of the small canvas, so that a large picture gets round edges instead of steps.
    return to_hole(alpha.resize((size[1], size[0]), Image.Resampling.BILINEAR))


def safe_stem(name: str) -> str:
    """The name of an uploaded file, without its suffix and whatever a file system may take amiss."""
    stem = _UNSAFE.sub("_", Path(name.replace("\\", "/")).stem).strip(" .")
    return stem[:80] or "picture"


def _no_address(url_or_file_path: str | Path | None) -> str | Path | None:
    if "://" in str(url_or_file_path):
        raise gr.Error("Give a file: addresses are not fetched.", print_exception=False)
    return url_or_file_path


def _path(file: FileData | None, what: str) -> tuple[Path, str]:
    """The uploaded file and what to call it."""
    if file is None:
        raise RequestError(f"There is no {what} yet: choose a file.")
    path = Path(file.path)
    if not path.is_file():
        raise RequestError(f"The {what} is no longer here: choose it again.")
    if path.stat().st_size > MAX_FILE_BYTES:
        raise RequestError(f"The {what} has more than {MAX_FILE_BYTES >> 20} MB: choose a smaller file.")
    return path, f"The {what}"


def _named(read: Callable[[], torch.Tensor], path: Path, name: str) -> torch.Tensor:
    from rfr_core.errors import HoleError

    try:
        return read()
    except HoleError as error:
        raise without_path(error, path, name) from error
