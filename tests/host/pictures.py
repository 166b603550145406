"""Takes the pictures that show fills, in a real ComfyUI with the bundled model: example workflows and a comparison.

Run it from the repository's root, as the host tests with COMFYUI_PATH: ``python tests/host/pictures.py``.
"""

from __future__ import annotations

import io
import json
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from comfy_page import build, fit, load, open_page, run
from comfy_server import ROOT, Host
from PIL import Image
from playwright.sync_api import Page

_BOX = """(kinds) => {
    const { scale, offset } = window.app.canvas.ds, frame = window.app.canvas.canvas.getBoundingClientRect();
    const nodes = window.app.graph.nodes.filter((node) => !kinds.length || kinds.includes(node.type));
    const left = Math.min(...nodes.map((n) => n.pos[0])), top = Math.min(...nodes.map((n) => n.pos[1] - 30));
    const right = Math.max(...nodes.map((n) => n.pos[0] + n.size[0]));
    const bottom = Math.max(...nodes.map((n) => n.pos[1] + n.size[1]));
    const at = (x, y) => [frame.left + (x + offset[0]) * scale, frame.top + (y + offset[1]) * scale];
    return [...at(left, top), ...at(right, bottom)];
}"""
_MARGIN = 12
_COMPARED: dict[str, list[Any]] = {
    "example": ["RFRExample", -340, 0, {"example": "flower"}],
    "model": ["RFRLoadModel", -340, 400, {}],
    "inpaint": ["RFRInpaint", -760, 0, {"grow": 4}],
    "compare": ["RFRCompare", 0, 0, {}],
    "preview": ["PreviewImage", 0, 280, {}],
}
_WIDEN = """() => {
    for (const node of window.app.graph.nodes)
        if (node.type === "RFRCompare") node.setSize([460, 230]);
        else if (node.type === "PreviewImage") node.setSize([460, 340]);
}"""
_LINKS = [
    ["model", 0, "inpaint", "model"],
    ["example", 0, "inpaint", "image"],
    ["example", 1, "inpaint", "mask"],
    ["inpaint", 0, "compare", "image_a"],
    ["example", 0, "compare", "image_b"],
    ["inpaint", 2, "compare", "mask"],
    ["compare", 0, "preview", "images"],
]


def main() -> None:
    """Takes all of them."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        host = Host(Path(os.environ["COMFYUI_PATH"]), Path(folder))
        host.put_pack()
        with host, open_page(host) as page:
            page.set_viewport_size({"width": 1900, "height": 1200})
            for path in sorted((ROOT / "example_workflows").glob("*.json")):
                load(page, json.loads(path.read_text(encoding="utf-8")))
                _take(page, path.with_suffix(".jpg"), 1000)
            build(page, _COMPARED, _LINKS)
            page.evaluate(_WIDEN)
            _take(page, ROOT / "web" / "docs" / "RFRCompare.jpg", 488, "RFRCompare", "PreviewImage")


def _take(page: Page, path: Path, width: int, *kinds: str) -> None:
    """Run the graph on the page and picture it, or its nodes of some kinds, so many pixels wide."""
    run(page)
    page.wait_for_timeout(2000)
    fit(page)
    page.wait_for_timeout(1000)
    left, top, right, bottom = map(round, page.evaluate(_BOX, list(kinds)))
    with Image.open(io.BytesIO(page.screenshot())) as shot:
        picture = shot.convert("RGB").crop((left - _MARGIN, top - _MARGIN, right + _MARGIN, bottom + _MARGIN))
    height = round(width * picture.height / picture.width)
    picture.resize((width, height), Image.Resampling.LANCZOS).save(path, quality=88)


if __name__ == "__main__":
    main()
