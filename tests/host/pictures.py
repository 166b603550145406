"""Takes the pictures beside the example workflows: each loaded in a real ComfyUI, run with the bundled model, cropped.

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

from comfy_page import fit, load, open_page, run
from comfy_server import ROOT, Host
from PIL import Image

WIDTH = 1000  # pixels of the finished pictures
_BOX = """() => {
    const { scale, offset } = window.app.canvas.ds, frame = window.app.canvas.canvas.getBoundingClientRect();
    const nodes = window.app.graph.nodes;
    const left = Math.min(...nodes.map((n) => n.pos[0])), top = Math.min(...nodes.map((n) => n.pos[1] - 30));
    const right = Math.max(...nodes.map((n) => n.pos[0] + n.size[0]));
    const bottom = Math.max(...nodes.map((n) => n.pos[1] + n.size[1]));
    const at = (x, y) => [frame.left + (x + offset[0]) * scale, frame.top + (y + offset[1]) * scale];
    return [...at(left, top), ...at(right, bottom)];
}"""
_MARGIN = 12


def main() -> None:
    """Takes all of them."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        host = Host(Path(os.environ["COMFYUI_PATH"]), Path(folder))
        host.put_pack()
        with host, open_page(host) as page:
            page.set_viewport_size({"width": 1900, "height": 1200})
            for path in sorted((ROOT / "example_workflows").glob("*.json")):
                load(page, json.loads(path.read_text(encoding="utf-8")))
                run(page)
                page.wait_for_timeout(2000)
                fit(page)
                page.wait_for_timeout(1000)
                left, top, right, bottom = map(round, page.evaluate(_BOX))
                with Image.open(io.BytesIO(page.screenshot())) as shot:
                    box = (left - _MARGIN, top - _MARGIN, right + _MARGIN, bottom + _MARGIN)
                    picture = shot.convert("RGB").crop(box)
                height = round(WIDTH * picture.height / picture.width)
                picture.resize((WIDTH, height), Image.Resampling.LANCZOS).save(path.with_suffix(".jpg"), quality=88)


if __name__ == "__main__":
    main()
