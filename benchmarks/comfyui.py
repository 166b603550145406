"""A small hole in a large photograph: RFR Inpaint in a running ComfyUI, film strip included, against the library there.

COMFYUI_PATH names the host's checkout, and COMFYUI_PYTHON its Python where that is another.
"""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.pictures import save_photo
from benchmarks.report import Table, Value
from benchmarks.setting import Setting
from benchmarks.timing import Times

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "host"))

from comfy_server import Client, Host
from graphs import INPAINT, LOAD_MASK, Graph, node

_SIZE, _HOLE = (4000, 3000), 200

# In the host: the library alone as a node, an end for graphs that does nothing, and the process's clocks.
_PROBE = """
import time
from aiohttp import web
from server import PromptServer

class LibraryFill:
    INPUTS = {"image": ("IMAGE",), "mask": ("MASK",), "threshold": ("FLOAT",)}
    INPUT_TYPES = classmethod(lambda cls: {"required": cls.INPUTS})
    RETURN_TYPES, FUNCTION, CATEGORY = ("IMAGE",), "fill", "probe"
    inpainter = None

    def fill(self, image, mask, threshold):
        from rfr_core import Inpainter  # the pack's, which is loaded by now

        cls = type(self)
        cls.inpainter = cls.inpainter or Inpainter(device="cpu", dtype="float32")
        filled = cls.inpainter(image.movedim(-1, 1), mask, threshold=threshold)
        return (filled.movedim(1, -1).contiguous(),)

class End:
    INPUT_TYPES = classmethod(lambda cls: {"required": {"image": ("IMAGE",)}})
    RETURN_TYPES, FUNCTION, CATEGORY, OUTPUT_NODE = (), "end", "probe", True

    def end(self, image):
        return ()

NODE_CLASS_MAPPINGS = {"LibraryFill": LibraryFill, "End": End}

@PromptServer.instance.routes.get("/clocks")
async def clocks(request):
    return web.json_response({"wall": time.perf_counter(), "cpu": time.process_time()})
"""


def run(setting: Setting) -> Table:
    comfyui = os.environ.get("COMFYUI_PATH")
    title = f"RFR Inpaint in ComfyUI: a {_HOLE}-pixel hole in {_SIZE[0]}×{_SIZE[1]} pixels, bundled model, float32"
    columns = ("what", "s", "times the library")
    if not comfyui:
        return Table(title, columns, [], ["Left out: COMFYUI_PATH names no ComfyUI checkout."])
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as name:
        host = Host(Path(comfyui), Path(name))
        host.put_pack()
        (host.base / "custom_nodes" / "probe.py").write_text(_PROBE)
        for path in save_photo(Path(name), "photo", _SIZE, _HOLE):
            host.add_input(path)
        with host, host.client() as client:
            times = _times(host, client, setting)
    rows: list[list[Value]] = [[what, times.of(what), times.ratio(what, "library")] for what in times.seconds]
    return Table(title, columns, rows)


def _times(host: Host, client: Client, setting: Setting) -> Times:
    """Of each round, the node's and the library's alone: all before them is cached."""
    seconds: dict[str, list[float]] = {"RFR Inpaint": [], "library": []}
    for number in range(setting.rounds + 1):
        for what, taken in seconds.items():
            before = host.get("/clocks")[setting.clock]
            ran = client.run(_graph(what, threshold=0.5 + number / 1000))  # another value, so that it runs again
            assert ran.error is None, ran.sentence
            taken.append(host.get("/clocks")[setting.clock] - before)
    return Times({what: taken[1:] for what, taken in seconds.items()})  # the first loads pictures and model


def _graph(what: str, **settings: Any) -> Graph:
    inputs = {"image": ("image", 0), "mask": ("mask", 0)} | settings
    model = {"model": ("model", 0)}
    return {
        "image": node("LoadImage", image="photo.jpg"),
        "mask": node("RFRLoadMask", image="photo.png", **LOAD_MASK),
        "model": node("RFRLoadModel", model_name="lite (bundled)", precision="float32"),
        "fill": node("LibraryFill", **inputs) if what == "library" else node("RFRInpaint", **model, **INPAINT | inputs),
        "end": node("End", image=("fill", 0)),
    }
