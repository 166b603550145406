"""Takes the pictures of nodes and example workflows, in a real ComfyUI with the bundled model.

Run it from the repository's root, as the host tests with COMFYUI_PATH: ``python tests/host/pictures.py``. A workflow
with nodes that this ComfyUI lacks keeps the picture that it has.
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

from comfy_page import box_of, build, enter, fit, load, open_page, run, strip_of
from comfy_server import ROOT, Host
from graphs import NEEDS_A_MODEL
from PIL import Image
from playwright.sync_api import Page

_STRIPS = {"RFRInpaint", "RFRRecurrences"}  # shown halfway
_MARGIN = 12  # pixels around the nodes
_NODES = {  # of which workflow a node's picture is taken, and kinds or numbers of what else is on it
    "restore_scratches": [("RFRCompare", "PreviewImage"), ("RFRExample",), ("RFRLoadModel",)],
    "watch_recurrences": [("RFRInpaint",), ("RFRRecurrences",), ("RFRAttentionMap", "7")],
    "compare_models": [("RFRRandomMask",)],
}
_ALONE = {"RFRLoadMask": {"image": "mask.png"}, "RFRFetchModel": {}}  # in none of them; widget: value


def main() -> None:
    """Takes all of them."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        host = Host(Path(os.environ["COMFYUI_PATH"]), Path(folder))
        host.put_pack()
        host.add_input(ROOT / "examples" / "flower_mask.png", "mask.png")
        with host, open_page(host) as page:
            page.set_viewport_size({"width": 1900, "height": 1700})
            for path in sorted((ROOT / "example_workflows").glob("*.json")):
                workflow = json.loads(path.read_text(encoding="utf-8"))
                if lacking := _lacking(page, workflow):
                    print(f"{path.stem} is left as it is: this ComfyUI has no {', '.join(sorted(lacking))}.")
                    continue
                load(page, workflow)
                if path.stem not in NEEDS_A_MODEL:
                    run(page)
                page.wait_for_timeout(8000)  # until the host's message that it is done has gone
                fit(page)
                page.wait_for_timeout(1000)
                _take(page, path.with_suffix(".jpg"), 1000)
                for kinds in _NODES.get(path.stem, ()):
                    _take_nodes(page, *kinds)
            enter(page, host)
            for number, (kind, values) in enumerate(_ALONE.items()):
                # The host shows on a node what the one before with its number showed: each has a number of its own.
                before = {f"before {place}": ["PreviewImage", -500, 0, {}] for place in range(number)}
                build(page, before | {"node": [kind, 0, 0, values]}, [])
                _take_nodes(page, kind)


def _lacking(page: Page, workflow: dict[str, Any]) -> set[str]:
    """The kinds of a workflow's nodes that the host does not have."""
    return {node["type"] for node in workflow["nodes"]} - set(
        page.evaluate("Object.keys(LiteGraph.registered_node_types)")
    )


def _take_nodes(page: Page, kind: str, *others: str) -> None:
    """Picture a node for its help, with others beside it."""
    if kind in _STRIPS:
        slider = strip_of(page, kind).locator("input")
        slider.fill("2")
        slider.blur()
        page.evaluate("() => window.app.canvas.deselectAll()")
    fit(page, kind, *others)
    page.wait_for_timeout(1500)
    left, _, right, _ = box_of(page, kind, *others)
    width = min(640, right - left + 2 * _MARGIN)
    _take(page, ROOT / "web" / "docs" / f"{kind}.jpg", width, kind, *others)


def _take(page: Page, path: Path, width: int, *kinds: str) -> None:
    """Picture the graph on the page, or its nodes of some kinds, so many pixels wide."""
    left, top, right, bottom = box_of(page, *kinds)
    with Image.open(io.BytesIO(page.screenshot())) as shot:
        picture = shot.convert("RGB").crop((left - _MARGIN, top - _MARGIN, right + _MARGIN, bottom + _MARGIN))
    height = round(width * picture.height / picture.width)
    picture.resize((width, height), Image.Resampling.LANCZOS).save(path, quality=70, optimize=True)


if __name__ == "__main__":
    main()
