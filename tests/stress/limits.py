"""Bombs and absurd numbers, each refused, or used, before memory or time is spent on it."""

from __future__ import annotations

import io
import json
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator
from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

from rfr_core.checkpoints.loading import CONFIG_NAME, MODEL_NAME, load_network
from rfr_core.checkpoints.saving import convert_released, save_pretrained
from rfr_core.config import RFRConfig
from rfr_core.errors import RFRError
from rfr_core.holes.masks import read_hole
from rfr_core.holes.shaping import MAX_REACH
from rfr_core.images.picture_files import read_picture
from rfr_core.inpainter import Inpainter
from rfr_core.network.rfr_net import RFRNet

from .attempts import refused
from .checkpoints import TINY
from .mutation import PNG_SIGNATURE, chunk
from .pictures import file_of, photograph

MEMORY = 256 << 20

Case = tuple[Callable[[Path], Any], bool]


def prepare(folder: Path, seed: int) -> Callable[[int], str]:
    """See `attempts.Attempts`: an input is one of `CASES`."""
    cases = list(CASES.values())

    def attempt(index: int) -> str:
        case, usable = cases[index % len(cases)]
        try:
            case(folder)
        except RFRError as error:
            if usable:
                raise AssertionError(f"refused, though it is fine: {error}") from error
            return refused(error)
        assert usable, "used, though it should be refused"
        return "used"

    return attempt


# Pictures


def _png(width: int, height: int, *parts: bytes) -> bytes:
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
    return PNG_SIGNATURE + header + b"".join(parts) + chunk(b"IEND", b"")


def _rows(width: int, height: int) -> bytes:
    return chunk(b"IDAT", zlib.compress(bytes((width + 1) * height)))


@cache
def _packed(length: int) -> bytes:
    """So many zeros, compressed a thousandfold."""
    compressor = zlib.compressobj(9)
    return b"".join(compressor.compress(bytes(1 << 20)) for _ in range(length >> 20)) + compressor.flush()


def _looping_tiff() -> bytes:
    """A TIFF whose second page is its first."""
    data = bytearray(file_of(photograph(), "TIFF"))
    (start,) = struct.unpack_from("<I", data, 4)
    (count,) = struct.unpack_from("<H", data, start)
    struct.pack_into("<I", data, start + 2 + 12 * count, start)
    return bytes(data)


def _pages(format_name: str, count: int) -> bytes:
    frames = [Image.new("L", (2, 2), index % 256) for index in range(count)]
    return file_of(frames[0], format_name, save_all=True, append_images=frames[1:])


def _pictures() -> Iterator[tuple[str, str, bytes, bool]]:
    yield "10,000×1 pixels", "a.png", _png(10_000, 1, _rows(10_000, 1)), True
    yield "1×10,000 pixels", "a.png", _png(1, 10_000, _rows(1, 10_000)), True
    yield "ten gigapixels in PNG", "a.png", _png(100_000, 100_000, _rows(10, 10)), False
    yield "2^31 pixels a side in PNG", "a.png", _png(2**31 - 1, 2**31 - 1), False
    yield "a chunk of 4 GiB", "a.png", _png(9, 9) + struct.pack(">I", 2**32 - 1) + b"IDAT", False
    yield "a first chunk of 4 GiB", "a.png", PNG_SIGNATURE + struct.pack(">I", 2**32 - 1) + b"IHDR", False
    text = b"Comment\0\0" + _packed(1 << 29)
    yield "a text that unpacks to 512 MiB", "a.png", _png(9, 9, chunk(b"zTXt", text), _rows(9, 9)), False
    profile = b"profile\0\0" + _packed(1 << 29)
    yield "a profile that unpacks to 512 MiB", "a.png", _png(9, 9, chunk(b"iCCP", profile), _rows(9, 9)), False
    yield "rows that unpack to 512 MiB", "a.png", _png(9, 9, chunk(b"IDAT", _packed(1 << 29))), True
    jpeg = bytearray(file_of(photograph(), "JPEG"))
    place = jpeg.index(b"\xff\xc0") + 5
    jpeg[place : place + 4] = b"\xff\xff\xff\xff"
    yield "65,535 pixels a side in JPEG", "a.jpg", bytes(jpeg), False
    bitmap = bytearray(file_of(photograph(), "BMP"))
    bitmap[18:26] = struct.pack("<ii", 2**31 - 1, -(2**31))
    yield "2^31 pixels a side in BMP", "a.bmp", bytes(bitmap), False
    yield "a thousand frames in PNG", "a.png", _pages("PNG", 1000), False
    yield "a hundred frames in WebP", "a.webp", _pages("WEBP", 100), False
    yield "a thousand pages in TIFF", "a.tif", _pages("TIFF", 1000), False
    yield "a TIFF that leads back to itself", "a.tif", _looping_tiff(), True


def _read(name: str, data: bytes, folder: Path) -> None:
    (folder / name).write_bytes(data)
    if folder.joinpath(name).stat().st_size % 2:
        read_hole(folder / name)
    read_picture(folder / name)


# Checkpoints


def _saved(folder: Path) -> Path:
    return save_pretrained(RFRNet(TINY), folder / "model")


def _configured(text: str, folder: Path) -> None:
    (_saved(folder) / CONFIG_NAME).write_text(text)
    load_network(folder / "model")


def _with_header(length: int, written: int, folder: Path) -> None:
    with (_saved(folder) / MODEL_NAME).open("wb") as file:
        file.write(struct.pack("<Q", length))
        file.truncate(8 + written)
    load_network(folder / "model")


def _weighing(value: float, folder: Path) -> None:
    network = RFRNet(TINY)
    _saved(folder)
    path = folder / "model" / MODEL_NAME
    from safetensors.torch import save_file

    state = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    next(iter(state.values())).view(-1)[0] = value
    save_file(state, path)
    load_network(folder / "model")


def _packed_release(folder: Path) -> None:
    file = io.BytesIO()
    torch.save({"generator": {"out.weight": torch.zeros(1)}}, file)
    path = folder / "released.pth"
    with zipfile.ZipFile(file) as source, zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as target:
        for entry in source.infolist():
            with target.open(entry.filename, "w", force_zip64=True) as out:
                out.write(source.read(entry))
                for _ in range(512 if "/data/" in entry.filename else 0):
                    out.write(bytes(1 << 20))
    convert_released(path, folder / "out")


# Fills


def _fill(image: Any, mask: Any, folder: Path, **options: Any) -> None:
    torch.manual_seed(0)
    Inpainter(RFRNet(TINY), device="cpu", dtype="float32")(image, mask, **options)


def _cases() -> Iterator[tuple[str, Case]]:
    for title, name, data, usable in _pictures():
        yield title, (partial(_read, name, data), usable)
    config = RFRConfig().to_dict()
    configs = {"a width of 10^9": {"width": 10**9}, "10^6 recurrences": {"recurrences": 10**6}}
    configs |= {"channels of 10^9": {"channels": [10**9] * 3}, "a width of 10^400": {"width": 10**400}}
    for title, change in configs.items():
        yield f"a configuration with {title}", (partial(_configured, json.dumps(config | change)), False)
    yield "a configuration nested 30,000 deep", (partial(_configured, "[" * 30_000), False)
    yield "a configuration of 10 MB", (partial(_configured, " " * 10**7), False)
    yield "a header of 100 MB", (partial(_with_header, 100 * 10**6, 100 * 10**6), False)
    yield "a header of 2^63 bytes", (partial(_with_header, 2**63, 0), False)
    for value in (float("nan"), float("inf")):
        yield f"a weight of {value}", (partial(_weighing, value), False)
    yield "a released file that unpacks to 512 MiB", (_packed_release, False)
    image, mask = np.zeros((40, 50, 3), np.uint8), np.zeros((40, 50), bool)
    mask[10:20, 10:20] = True
    yield "a fill in 10^6 recurrences", (partial(_fill, image, mask, recurrences=10**6), False)
    yield "a context of 10^9", (partial(_fill, image, mask, context=1e9), False)
    yield "a hole grown by 10^9", (partial(_fill, image, mask, grow=10**9), False)
    yield "a feather of the largest", (partial(_fill, image, mask, feather=MAX_REACH), True)
    yield "a feather of 10^9", (partial(_fill, image, mask, feather=10**9), False)
    wrong = {"text": "mask.png", "a list": [[1]], "complex": mask.astype(complex), "objects": mask.astype(object)}
    for title, value in wrong.items():
        yield f"a mask of {title}", (partial(_fill, image, value), False)


CASES: dict[str, Case] = dict(_cases())
