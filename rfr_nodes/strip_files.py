"""What the film strip on a node shows: small pictures and numbers in the host's temp folder, which the page fetches.

For each picture of a batch the page gets `{"stem", "item", "items", "recurrences", "width", "height", "attention"}`,
the picture's number from 0 and the batch's size among them, and finds:

- `<stem>_00.jpg`, the picture given, then `<stem>_01.jpg` and so on, one for each number in `recurrences`;
- `<stem>_reached.png`, gray: by which of these a pixel was reached, 0 = known, 255 = never;
- `<stem>_attention_01.bin` and so on, where `attention` is true: see `_attention`.
"""

# The host's own modules are there only inside it.
# pyright: reportMissingImports=false
from __future__ import annotations

import secrets
from pathlib import Path
from typing import Any

import folder_paths
import numpy as np
from PIL import Image

from rfr_core.fill.attention_map import AttentionMap
from rfr_core.views.recording import Recording

MAX_PICTURES = 16  # of a batch, that are shown on the node
_PREFIX = "rfr_strip_"
_SOURCES = 32  # of each cell; more would not be told apart
_KEPT_BYTES = 256 * 2**20  # in the temp folder; older strips go, which no node of a page shows any more


def write_strips(recordings: list[Recording]) -> tuple[list[dict[str, Any]], list[str]]:
    """Write the files of a batch's pictures, evenly chosen of many, and remove the oldest of earlier runs.

    Returns what the page needs to find them, and a sentence where pictures were left out.
    """
    folder = Path(folder_paths.get_temp_directory())
    folder.mkdir(parents=True, exist_ok=True)
    _remove_old(folder)
    count, shown = len(recordings), min(len(recordings), MAX_PICTURES)
    items = [round(place * (count - 1) / max(1, shown - 1)) for place in range(shown)]
    strips = [_write_strip(recordings[item], folder) | {"item": item, "items": count} for item in items]
    for recording in recordings:  # they live on as the node's output
        recording.drop_thumbnail()
    if not any(strip["recurrences"] for strip in strips):
        strips = []
    note = f"The strip shows {shown} of {count} pictures, evenly chosen."
    return strips, [note] if strips and shown < count else []


def _write_strip(recording: Recording, folder: Path) -> dict[str, Any]:
    stem = f"{_PREFIX}{secrets.token_hex(6)}"
    thumbnail = recording.thumbnail
    for index in range(len(recording) + 1):
        picture = thumbnail.image(recording.region(index) if index else None)
        picture.save(folder / f"{stem}_{index:02}.jpg", quality=90)
    reached = Image.fromarray(recording.reached[0, 0].numpy()).resize(thumbnail.size, Image.Resampling.NEAREST)
    reached.save(folder / f"{stem}_reached.png")
    has_attention = recording.has_attention
    for index in range(1, len(recording) + 1) if has_attention else ():
        regions = b"".join(map(_attention, recording.attention_maps(index)))
        (folder / f"{stem}_attention_{index:02}.bin").write_bytes(regions)
    height, width = recording.hole.shape[-2:]
    return {
        "stem": stem,
        "recurrences": recording.recurrences,
        "width": width,
        "height": height,
        "attention": has_attention,
    }


def _attention(attention: AttentionMap) -> bytes:
    """One region, little-endian: its place, and for each cell of its hole the cells it took most from.

    Eight int32: left, top, width, height, pixels a side of a cell, cells in a row, cells of the hole T, sources of each
    S. Then T int32, the hole's cells; T × S int32, their sources; T × S uint16, the sources' shares in 1/1000; and two
    bytes more where that is odd.
    """
    box = attention.box
    sources = attention.sources[:, :_SOURCES].numpy()
    shares = (attention.weights[:, :_SOURCES].float() * 1000).round().numpy()
    head = [box.left, box.top, box.width, box.height, int(attention.cell), attention.columns, *sources.shape]
    parts = [np.array(head), attention.targets.numpy(), sources]
    data = b"".join(part.astype("<i4").tobytes() for part in parts) + shares.astype("<u2").tobytes()
    return data + bytes(-len(data) % 4)


def _remove_old(folder: Path) -> None:
    """Remove the oldest strips where all of them take more than `_KEPT_BYTES`."""
    files = [(file, file.stat()) for file in folder.glob(f"{_PREFIX}*")]
    left = sum(stat.st_size for _, stat in files)
    for file, stat in sorted(files, key=lambda pair: pair[1].st_mtime_ns):
        if left <= _KEPT_BYTES:
            return
        file.unlink(missing_ok=True)
        left -= stat.st_size
