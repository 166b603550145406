"""Takes the pictures that show fills, in a real ComfyUI with the bundled model: of example workflows and RFR Compare.

Run it from the repository's root, as the host tests with COMFYUI_PATH: ``python tests/host/pictures.py``.
"""

from __future__ import annotations

import io
import json
import os
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from comfy_page import box_of, fit, load, open_page, run
from comfy_server import ROOT, Host
from graphs import NEEDS_A_MODEL
from PIL import Image
from playwright.sync_api import Page

_MARGIN = 12  # pixels around the nodes
_COMPARED = "restore_scratches"  # the workflow that the picture of RFR Compare is taken from


def main() -> None:
    """Takes all of them."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        host = Host(Path(os.environ["COMFYUI_PATH"]), Path(folder))
        host.put_pack()
        with host, open_page(host) as page:
            page.set_viewport_size({"width": 1900, "height": 1200})
            for path in sorted((ROOT / "example_workflows").glob("*.json")):
                load(page, json.loads(path.read_text(encoding="utf-8")))
                if path.stem not in NEEDS_A_MODEL:
                    run(page)
                page.wait_for_timeout(2000)
                fit(page)
                page.wait_for_timeout(1000)
                _take(page, path.with_suffix(".jpg"), 1000)
                if path.stem == _COMPARED:
                    _take(page, ROOT / "web" / "docs" / "RFRCompare.jpg", 488, "RFRCompare", "PreviewImage")


def _take(page: Page, path: Path, width: int, *kinds: str) -> None:
    """Picture the graph on the page, or its nodes of some kinds, so many pixels wide."""
    left, top, right, bottom = box_of(page, *kinds)
    with Image.open(io.BytesIO(page.screenshot())) as shot:
        picture = shot.convert("RGB").crop((left - _MARGIN, top - _MARGIN, right + _MARGIN, bottom + _MARGIN))
    height = round(width * picture.height / picture.width)
    picture.resize((width, height), Image.Resampling.LANCZOS).save(path, quality=88)


if __name__ == "__main__":
    main()
