"""What the film strip on a node shows: small pictures and numbers in the host's temp folder, which the page fetches.

For each picture of a batch the page gets `{"stem", "recurrences", "width", "height", "attention"}` and finds:

- `<stem>_00.jpg`, the picture given, then `<stem>_01.jpg` and so on, one for each number in `recurrences`;
- `<stem>_reached.png`, gray: by which of these a pixel was reached, 0 = known, 255 = never;
- `<stem>_attention_01.json` and so on, where `attention` is true: see `_attention`.
"""

# The host's own modules are there only inside it.
# pyright: reportMissingImports=false
from __future__ import annotations

import json
import secrets
from pathlib import Path
from typing import Any

import folder_paths
from PIL import Image

from rfr_core.fill.attention_map import AttentionMap
from rfr_core.views.recording import Recording
from rfr_nodes.layout import to_pil

MAX_PICTURES = 16  # of a batch, that are shown on the node
_MAX_SIDE = 1024
_SOURCES = 32  # of each cell; more would not be told apart


def write_strips(recordings: list[Recording]) -> list[dict[str, Any]]:
    """Write the files of the first pictures of a batch, and return what the page needs to find them."""
    folder = Path(folder_paths.get_temp_directory())
    folder.mkdir(parents=True, exist_ok=True)
    filled = [recording for recording in recordings if len(recording)]
    return [_write_strip(recording, folder) for recording in filled[:MAX_PICTURES]]


def _write_strip(recording: Recording, folder: Path) -> dict[str, Any]:
    stem = f"rfr_{secrets.token_hex(6)}"
    height, width = recording.hole.shape[-2:]
    scale = min(1.0, _MAX_SIDE / max(height, width))
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    for index in range(len(recording) + 1):
        picture = to_pil(recording.picture(index)).resize(size, Image.Resampling.LANCZOS)
        picture.save(folder / f"{stem}_{index:02}.jpg", quality=90)
    reached = Image.fromarray(recording.reached[0, 0].numpy()).resize(size, Image.Resampling.NEAREST)
    reached.save(folder / f"{stem}_reached.png")
    has_attention = recording.has_attention
    for index in range(1, len(recording) + 1) if has_attention else ():
        regions = [_attention(attention) for attention in recording.attention_maps(index)]
        (folder / f"{stem}_attention_{index:02}.json").write_text(json.dumps(regions, separators=(",", ":")))
    return {
        "stem": stem,
        "recurrences": recording.recurrences,
        "width": width,
        "height": height,
        "attention": has_attention,
    }


def _attention(attention: AttentionMap) -> dict[str, Any]:
    """One region: its place, and for each cell of its hole the cells it took most from, with their share in 1/1000."""
    box = attention.box
    sources = attention.sources[:, :_SOURCES].tolist()
    shares = (attention.weights[:, :_SOURCES].float() * 1000).round().int().tolist()
    return {
        "box": [box.left, box.top, box.width, box.height],
        "cell": attention.cell,
        "columns": attention.columns,
        "targets": attention.targets.tolist(),
        "sources": sources,
        "shares": shares,
    }
