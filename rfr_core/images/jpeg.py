"""JPEG files in which all blocks that a fill did not touch keep their coefficients.

A block is 8×8 pixels of a channel; chroma channels are often half the size, so that theirs cover 16×16 pixels. Needs
the package jpeglib (extra "jpeg"); without it the whole picture is coded again, with the source's quantisation tables
and sampling.
"""

from __future__ import annotations

import importlib.util
import io
import struct
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, JpegImagePlugin

_START_OF_SCAN, _COMMENT = 0xDA, 0xFE
_APPLICATION = range(0xE0, 0xF0)
_STRIP = 64  # rows that are compared at once


def coefficients_can_be_kept() -> bool:
    """Whether jpeglib is there."""
    return importlib.util.find_spec("jpeglib") is not None


def source_options(source: bytes) -> dict[str, Any]:
    """What Pillow is to be told to code a picture with the tables and sampling of this JPEG file."""
    with Image.open(io.BytesIO(source), formats=["JPEG", "MPO"]) as opened:
        assert isinstance(opened, JpegImagePlugin.JpegImageFile)
        sampling = JpegImagePlugin.get_sampling(opened)
        tables = {number: list(table) for number, table in opened.quantization.items()}
        return {
            "qtables": tables,
            "subsampling": max(0, sampling),  # -1: one that Pillow cannot write
            "progressive": bool(opened.info.get("progressive")),
            "optimize": True,
        }


def changed_pixels(image: Image.Image, source: bytes) -> np.ndarray | None:
    """Where a picture differs from the JPEG file it came from, (H, W) bool; None where they do not compare."""
    with Image.open(io.BytesIO(source), formats=["JPEG", "MPO"]) as opened:
        if (opened.mode, opened.size) != (image.mode, image.size):
            return None
        changed = np.zeros((image.height, image.width), dtype=bool)
        for top in range(0, image.height, _STRIP):
            strip = changed[top : top + _STRIP]
            box = (0, top, image.width, top + len(strip))
            old, new = (np.asarray(picture.crop(box)).reshape(*strip.shape, -1) for picture in (opened, image))
            for channel in range(old.shape[-1]):
                strip |= old[..., channel] != new[..., channel]
    return changed


def with_kept_blocks(coded: bytes, source: bytes, changed: np.ndarray) -> bytes | None:
    """The JPEG file ``coded`` with the source's coefficients in all blocks in which nothing changed.

    changed: (H, W) bool. None where the two do not have the same tables and sampling, or are not YCbCr or gray.
    Written sequentially, with Huffman tables of its own, whatever the order in the source.
    """
    import jpeglib

    with tempfile.TemporaryDirectory() as folder:
        paths = [Path(folder, name) for name in ("source.jpg", "coded.jpg", "merged.jpg")]
        old, new = (_read(jpeglib, path, data) for path, data in zip(paths[:2], (source, coded), strict=True))
        if not _is_alike(old, new):
            return None
        for name in ("Y", "Cb", "Cr") if new.has_chrominance else ("Y",):
            fresh = getattr(new, name)
            touched = _touched(changed, fresh.shape[:2], *_block(new, name))
            np.copyto(fresh, getattr(old, name), where=~touched[..., None, None])
        del old  # as large as the picture, like the copy that writing makes
        new.write_dct(str(paths[2]), flags=["+OPTIMIZE_CODING"])
        merged = paths[2].read_bytes()
    return _with_head(merged, coded)


def _read(jpeglib: Any, path: Path, data: bytes) -> Any:
    path.write_bytes(data)
    read = jpeglib.read_dct(str(path))
    read.load()
    return read


def _is_alike(one: Any, other: Any) -> bool:
    if one.num_components not in (1, 3) or one.num_components != other.num_components:
        return False
    if str(one.jpeg_color_space) != str(other.jpeg_color_space):
        return False
    channels = range(one.num_components)
    return (
        # Of a single channel the sampling means nothing, and Pillow does not say what it was.
        (one.num_components == 1 or np.array_equal(one.samp_factor, other.samp_factor))
        and one.Y.shape == other.Y.shape
        and all(np.array_equal(one.get_component_qt(c), other.get_component_qt(c)) for c in channels)
    )


def _block(jpeg: Any, name: str) -> tuple[int, int]:
    """Rows and columns of pixels that a block of this channel covers."""
    factors = np.asarray(jpeg.samp_factor).reshape(-1, 2)  # (channels, rows and columns)
    own = factors[("Y", "Cb", "Cr").index(name)]
    rows, columns = 8 * factors.max(0) // own
    return int(rows), int(columns)


def _touched(changed: np.ndarray, shape: tuple[int, int], rows: int, columns: int) -> np.ndarray:
    """Which blocks hold a changed pixel: (H, W) bool -> ``shape`` bool."""
    padded = np.zeros((shape[0] * rows, shape[1] * columns), dtype=bool)
    height, width = min(changed.shape[0], len(padded)), min(changed.shape[1], padded.shape[1])
    padded[:height, :width] = changed[:height, :width]
    # Eight pixels at a time: one at a time takes four times as long.
    words = np.bitwise_or.reduce(padded.view(np.uint64).reshape(shape[0], rows, -1), axis=1)
    return np.asarray(words.view(bool).reshape(*shape, columns).any(2))


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
