"""JPEG files in which all blocks that a fill did not touch keep their coefficients.

A block is 8×8 pixels of a channel; chroma channels are often half the size, so that theirs cover 16×16 pixels. Needs
the package jpeglib (extra "jpeg"); without it the whole picture is coded again, with the source's quantisation tables
and sampling.
"""

from __future__ import annotations

import contextlib
import importlib.util
import io
import math
import struct
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageChops, JpegImagePlugin

_START_OF_SCAN, _COMMENT = 0xDA, 0xFE
_APPLICATION = range(0xE0, 0xF0)
_STRIP = 64  # rows that are compared at once
_BLOCK = 8  # pixels of a channel, down and across; a block of a subsampled one covers several such squares
_READING = threading.Lock()  # jpeglib keeps the header that it is reading in one place for all threads


def coefficients_can_be_kept() -> bool:
    """Whether jpeglib is there."""
    return importlib.util.find_spec("jpeglib") is not None


class JPEGSource:
    """A JPEG file that a picture was read from.

    data: its bytes. shown: the image that it gave, or None where no coefficients can be kept.
    """

    def __init__(self, data: bytes, shown: Image.Image) -> None:
        self.data = data
        self.shown = shown if coefficients_can_be_kept() else None
        self._ahead: list[Any] = []

    def read_ahead(self) -> None:
        """Reads the coefficients for the file that is written first: three to six bytes a pixel until then.

        What cannot be read is left to who writes that file, and says so.
        """
        if self.shown is not None and self.shown.mode in ("L", "RGB") and not self._ahead:
            with contextlib.suppress(Exception):
                self._ahead.append(_coefficients(self.data))

    def coefficients(self) -> Any:
        """jpeglib's object of them, a new one at each call, as it is written to."""
        try:
            return self._ahead.pop()
        except IndexError:
            return _coefficients(self.data)


def source_options(source: bytes) -> dict[str, Any]:
    """What Pillow is to be told to code a picture with the tables and sampling of this JPEG file."""
    with _opened(source) as opened:
        assert isinstance(opened, JpegImagePlugin.JpegImageFile)
        sampling = JpegImagePlugin.get_sampling(opened)
        tables = {number: list(table) for number, table in opened.quantization.items()}
        return {
            "qtables": tables,
            "subsampling": max(0, sampling),  # -1: one that Pillow cannot write
            "progressive": bool(opened.info.get("progressive")),
            "optimize": True,
        }


def is_like(image: Image.Image, source: bytes) -> bool:
    """Whether a picture has the size and the channels of this JPEG file."""
    with _opened(source) as opened:
        return (opened.mode, opened.size) == (image.mode, image.size)


def changed_blocks(image: Image.Image, source: bytes, before: Image.Image | None = None) -> np.ndarray:
    """Which squares of 8×8 pixels differ from the JPEG file that a picture came from, which `is_like` it.

    (rows, columns) bool. before: what the file shows, if that is known: to decode a large file takes a while.
    """
    with _opened(source) as opened:
        before = before or opened
        changed = np.zeros((-(-image.height // _BLOCK), -(-image.width // _BLOCK)), dtype=bool)
        for top in range(0, image.height, _STRIP):
            box = (0, top, image.width, min(image.height, top + _STRIP))
            old, new = before.crop(box), image.crop(box)
            if ImageChops.difference(old, new).getbbox() is not None:
                rows = changed[top // _BLOCK : (top + _STRIP) // _BLOCK]
                old, new = (np.asarray(part).reshape(part.height, part.width, -1) for part in (old, new))
                rows |= _any_of((old != new).any(2), rows.shape, _BLOCK, _BLOCK)
    return changed


def _opened(source: bytes) -> Image.Image:
    return Image.open(io.BytesIO(source), formats=["JPEG", "MPO"])


def with_new_blocks(
    image: Image.Image, source: JPEGSource, changed: np.ndarray, code: Callable[[Image.Image], bytes]
) -> bytes | None:
    """The JPEG file ``source`` with those blocks of an image in which something changed.

    changed: as `changed_blocks` gives it. code: makes a JPEG file, with metadata, of an image of the same mode, with
    the source's tables and sampling. None where it has others nevertheless, or the source is not YCbCr or gray.
    Written sequentially, with Huffman tables of its own, whatever the order in the source.
    """
    jpeg = source.coefficients()
    if jpeg.num_components not in (1, 3):
        return None
    names = ("Y", "Cb", "Cr") if jpeg.has_chrominance else ("Y",)
    factors = _factors(jpeg, names)
    units = _CodedUnits(image.size, changed, *(8 * factors.max(0)))
    coded = code(units.mosaic(image))
    new = _coefficients(coded)
    if not _is_alike(jpeg, new):
        return None
    for name, (down, right) in zip(names, factors.tolist(), strict=True):
        blocks = getattr(jpeg, name)
        touched = _any_of(changed, blocks.shape[:2], units.rows // down // _BLOCK, units.columns // right // _BLOCK)
        row, column = np.nonzero(touched)
        number = units.numbers[row // down, column // right]
        row_there, column_there = (number // units.across) * down, (number % units.across) * right
        blocks[row, column] = getattr(new, name)[row_there + row % down, column_there + column % right]
        setattr(jpeg, name, blocks.view(_Uncopied))
    with _file() as path:
        jpeg.write_dct(str(path), flags=["+OPTIMIZE_CODING"])
        merged = path.read_bytes()
    return _with_head(merged, coded)


class _Uncopied(np.ndarray):
    """An array that stays where it is when asked for as the type that it has.

    jpeglib has all that it writes converted, and so copied: 36 MB of a photograph of 12 megapixels.
    """

    def astype(self, dtype: Any, *args: Any, **keywords: Any) -> np.ndarray:
        return self if self.dtype == dtype else super().astype(dtype, *args, **keywords)


class _CodedUnits:
    """The minimum coded units (MCUs) of a JPEG file that hold a changed pixel.

    size: width and height of the picture. changed: as `changed_blocks` gives it. rows, columns: pixels of each unit.
    numbers: (h, w), of each in the picture, -1 where nothing changed. across: how many lie side by side in the mosaic.
    """

    def __init__(self, size: tuple[int, int], changed: np.ndarray, rows: int, columns: int) -> None:
        self.rows, self.columns = int(rows), int(columns)
        shape = -(-size[1] // self.rows), -(-size[0] // self.columns)
        touched = _any_of(changed, shape, self.rows // _BLOCK, self.columns // _BLOCK)
        self.count = max(1, int(touched.sum()))
        self.across = math.isqrt(self.count - 1) + 1
        self.numbers = np.where(touched, touched.cumsum().reshape(shape) - 1, -1)

    def mosaic(self, image: Image.Image) -> Image.Image:
        """An image of these alone, row by row, gone on outwards where they reach beyond the picture."""
        room = -(-self.count // self.across) * self.across
        pixels = np.zeros((room, self.rows, self.columns, len(image.getbands())), dtype=np.uint8)
        for row in np.flatnonzero((self.numbers >= 0).any(1)):
            top = int(row) * self.rows
            strip = image.crop((0, top, image.width, min(image.height, top + self.rows)))
            own = np.asarray(strip).reshape(strip.height, strip.width, -1)
            beyond = (0, self.rows - strip.height), (0, -strip.width % self.columns), (0, 0)
            parts = np.pad(own, beyond, mode="edge").reshape(self.rows, -1, self.columns, own.shape[-1]).swapaxes(0, 1)
            here = self.numbers[row] >= 0
            pixels[self.numbers[row][here]] = parts[here]
        grid = pixels.reshape(-1, self.across, *pixels.shape[1:]).swapaxes(1, 2)
        whole = grid.reshape(-1, self.across * self.columns, grid.shape[-1])
        return Image.fromarray(np.ascontiguousarray(whole if whole.shape[-1] > 1 else whole[..., 0]))


def _coefficients(data: bytes) -> Any:
    import jpeglib

    with _file() as path:
        path.write_bytes(data)
        with _READING:
            read = jpeglib.read_dct(str(path))
        read.load()
    return read


@contextlib.contextmanager
def _file() -> Iterator[Path]:
    """A place for a JPEG file for as long as jpeglib, which takes nothing else, needs one."""
    with tempfile.TemporaryDirectory() as folder:
        yield Path(folder, "a.jpg")


def _is_alike(one: Any, other: Any) -> bool:
    if one.num_components != other.num_components or str(one.jpeg_color_space) != str(other.jpeg_color_space):
        return False
    channels = range(one.num_components)
    # Of a single channel the sampling means nothing, and Pillow does not say what it was.
    alike = one.num_components == 1 or np.array_equal(one.samp_factor, other.samp_factor)
    return alike and all(np.array_equal(one.get_component_qt(c), other.get_component_qt(c)) for c in channels)


def _factors(jpeg: Any, names: Sequence[str]) -> np.ndarray:
    """Blocks of each channel, down and across, that are coded together: (channels, 2)."""
    if len(names) == 1:
        return np.ones((1, 2), dtype=int)
    return np.asarray(jpeg.samp_factor).reshape(-1, 2)[: len(names)].astype(int)


def _any_of(marked: np.ndarray, shape: tuple[int, int], rows: int, columns: int) -> np.ndarray:
    """Whether any of each ``rows`` × ``columns`` is marked: (h, w) bool -> ``shape`` bool."""
    padded = np.zeros((shape[0] * rows, shape[1] * columns), dtype=bool)
    height, width = min(marked.shape[0], len(padded)), min(marked.shape[1], padded.shape[1])
    padded[:height, :width] = marked[:height, :width]
    lines = np.logical_or.reduce([padded[row::rows] for row in range(rows)])
    return np.asarray(np.logical_or.reduce([lines[:, column::columns] for column in range(columns)]))


def segments(data: bytes) -> Iterator[tuple[int, int, int]]:
    """Marker, start and end of each segment between the start of a JPEG file and its first scan, that included."""
    place = 2
    while place + 4 <= len(data):
        marker, length = data[place + 1], struct.unpack_from(">H", data, place + 2)[0]
        if data[place] != 0xFF or marker == 0xFF:
            place += 1  # a byte to fill up with
            continue
        yield marker, place, place + 2 + length
        if marker == _START_OF_SCAN:
            return
        place += 2 + length


def _with_head(body: bytes, head: bytes) -> bytes:
    """One file's scans and tables behind the metadata of another."""
    metadata = b"".join(head[a:b] for marker, a, b in segments(head) if _is_metadata(marker))
    tables = b"".join(body[a:b] for marker, a, b in segments(body) if not _is_metadata(marker))
    end = max(b for _, _, b in segments(body))
    return body[:2] + metadata + tables + body[end:]


def _is_metadata(marker: int) -> bool:
    return marker in _APPLICATION or marker == _COMMENT


def segment(marker: int, payload: bytes) -> bytes:
    """A segment of a JPEG file; empty where the payload is too long for one."""
    if len(payload) > 65533:
        return b""
    return bytes([0xFF, marker]) + struct.pack(">H", len(payload) + 2) + payload
