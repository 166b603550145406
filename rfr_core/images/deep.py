"""Pictures with 16 bits in each of several channels, which Pillow has no mode for.

They are arrays (H, W, C) uint16; C = 2 (gray and alpha), 3 (RGB) or 4 (RGBA).
"""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Callable
from typing import Any

import numpy as np
from PIL import Image, TiffImagePlugin

# The first byte of each value, and the second: what Pillow calls the raw modes that pick it out of two bytes.
_HIGH_AND_LOW = (";16B", ";16L")


def is_deep(opened: Image.Image) -> bool:
    """Whether a PNG or TIFF file that Pillow has opened, not yet loaded, has 16 bits in each of several channels."""
    several = opened.mode not in ("1", "L", "F") and not opened.mode.startswith("I")
    return several and any(";16" in str(_raw_mode(tile)) for tile in _tiles(opened))


def decode_deep(reopened: Callable[[], Image.Image]) -> np.ndarray | None:
    """The pixels of such a file, (H, W, C) uint16; None where it is laid out in a way that cannot be read.

    reopened: opens the file anew; its bytes are decoded once for the first and once for the second of each value.
    """
    with reopened() as opened:
        mode, raw = opened.mode, {str(_raw_mode(tile)) for tile in _tiles(opened)}
        if raw == {"LA;16B"}:
            # In a PNG two values of 16 bits are filtered and packed just as four of 8 are.
            pixels = _decoded(opened, "RGBA", "RGBA").astype(np.uint16)
            return np.stack([pixels[..., 0] << 8 | pixels[..., 1], pixels[..., 2] << 8 | pixels[..., 3]], axis=2)
    raw_mode = raw.pop()
    if raw or raw_mode not in {mode + end for end in (";16B", ";16L", ";16N")}:
        return None
    with reopened() as first, reopened() as second:
        one, other = (
            _decoded(each, mode, mode + end).astype(np.uint16)
            for each, end in zip((first, second), _HIGH_AND_LOW, strict=True)
        )
    little = raw_mode.endswith("L") or (raw_mode.endswith("N") and np.little_endian)
    return other << 8 | one if little else one << 8 | other


def _tiles(opened: Image.Image) -> list[Any]:
    return list(getattr(opened, "tile", []))


def _raw_mode(tile: Any) -> object:
    return tile[3][0] if isinstance(tile[3], tuple) else tile[3]


def _decoded(opened: Any, mode: str, raw_mode: str) -> np.ndarray:
    tiles = []
    for tile in opened.tile:
        arguments = (raw_mode, *tile[3][1:]) if isinstance(tile[3], tuple) else raw_mode
        # Older Pillows have plain tuples here.
        tiles.append(tile._replace(args=arguments) if hasattr(tile, "_replace") else (*tile[:3], arguments))
    opened.tile, opened._mode = tiles, mode
    opened.load()
    return np.array(opened)


def view_of_8_bits(pixels: np.ndarray) -> Image.Image:
    """The same picture for the eye, in LA, RGB or RGBA."""
    return Image.fromarray((pixels >> 8).astype(np.uint8), {2: "LA", 3: "RGB", 4: "RGBA"}[pixels.shape[2]])


def encode_png(pixels: np.ndarray, options: dict[str, Any]) -> bytes:
    """A PNG file of 16 bits a channel. options: what Pillow's writer takes as metadata."""
    height, width, channels = pixels.shape
    small = io.BytesIO()
    view_of_8_bits(pixels[:1, :1]).save(small, "PNG", **options)  # whose metadata is taken over
    header = struct.pack(">IIBBBBB", width, height, 16, {2: 4, 3: 2, 4: 6}[channels], 0, 0, 0)
    parts = [b"\x89PNG\r\n\x1a\n"]
    for name, body in png_chunks(small.getvalue()):
        new = {b"IHDR": header, b"IDAT": _packed(pixels)}.get(name, body)
        parts.append(struct.pack(">I", len(new)) + name + new + struct.pack(">I", zlib.crc32(name + new)))
    return b"".join(parts)


def _packed(pixels: np.ndarray) -> bytes:
    """Rows as differences to the row above (filter 2), compressed."""
    rows = np.ascontiguousarray(pixels, ">u2").view(np.uint8).reshape(len(pixels), -1)
    filtered = np.empty((len(rows), rows.shape[1] + 1), np.uint8)
    filtered[:, 0] = 2
    filtered[0, 1:] = rows[0]
    np.subtract(rows[1:], rows[:-1], out=filtered[1:, 1:])
    return zlib.compress(filtered.tobytes(), 6)


def png_chunks(data: bytes) -> list[tuple[bytes, bytes]]:
    """Names and bodies of a PNG file's chunks, as far as they are whole."""
    place, chunks = 8, []
    while place + 8 <= len(data):
        length, name = struct.unpack_from(">I4s", data, place)
        if place + 12 + length > len(data):
            break
        chunks.append((name, data[place + 8 : place + 8 + length]))
        place += 12 + length
    return chunks


def encode_tiff(pixels: np.ndarray, options: dict[str, Any]) -> bytes:
    """A TIFF file of 16 bits a channel, compressed by deflate. options: "exif", "icc_profile" and "dpi".

    Gray with alpha is written as RGBA, since Pillow does not read the other.
    """
    if pixels.shape[2] == 2:
        pixels = pixels[..., [0, 0, 0, 1]]
    height, width, channels = pixels.shape
    tags = TiffImagePlugin.ImageFileDirectory_v2(prefix=b"II")
    exif: Image.Exif = options["exif"]
    for tag in exif:
        tags[tag] = exif.get_ifd(tag) if tag in (0x8769, 0x8825) else exif[tag]
    body = zlib.compress(np.ascontiguousarray(pixels, "<u2").tobytes(), 6)
    # 256 width, 257 height, 258 bits, 259 deflate, 262 RGB, 273 place, 277 channels, 278 rows, 279 bytes
    layout = {256: width, 257: height, 258: (16,) * channels, 259: 8, 262: 2}
    layout |= {273: 0, 277: channels, 278: height, 279: len(body), 284: 1}
    if channels == 4:
        layout[338] = 2  # the last channel is alpha, not premultiplied
    for tag, value in layout.items():
        tags[tag] = value
    if options.get("icc_profile"):
        tags[34675] = options["icc_profile"]
    if "dpi" in options:
        tags[282], tags[283], tags[296] = *options["dpi"], 2
    file = io.BytesIO()
    tags.save(file)
    file.write(body)
    return file.getvalue()
