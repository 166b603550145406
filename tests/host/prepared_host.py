"""A host with the pack, a model and pictures in it, ready to be started."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from comfy_server import Host
from PIL import Image

from rfr_core import RFRConfig, RFRNet
from rfr_core.checkpoints.saving import save_pretrained

WIDTH, HEIGHT = 112, 96
HOLE = (40, 30, 72, 62)  # left, top, right, bottom
MODEL = "tiny/model.safetensors"
REPOSITORY = "someone/tiny"


def prepared(host: Host) -> Host:
    """The host with the pack, a model and input files, ready to be started."""
    host.put_pack()
    (host.base / "custom_nodes" / "probe.py").write_text(_PROBE)
    write_model(host.base / "models" / "rfr" / "tiny")
    write_pictures(host.base / "input")
    return host


def write_model(folder: Path) -> Path:
    """A checkpoint of the smallest kind, with random weights."""
    torch.manual_seed(0)
    return save_pretrained(RFRNet(RFRConfig(width=8, norm="group")), folder)


def write_pictures(folder: Path) -> None:
    """photo.png, its mask in several forms, and a mask of another size."""
    rng = np.random.default_rng(0)
    noise = Image.fromarray(rng.integers(0, 256, (6, 7, 3), dtype=np.uint8)).resize((WIDTH, HEIGHT))
    noise.save(folder / "photo.png")
    noise.transpose(Image.Transpose.FLIP_LEFT_RIGHT).save(folder / "other.png")
    mask = Image.new("L", (WIDTH, HEIGHT))
    mask.paste(255, HOLE)
    mask.save(folder / "mask.png")
    mask.resize((WIDTH // 2, HEIGHT // 2)).save(folder / "small_mask.png")
    erased = noise.convert("RGBA")
    erased.putalpha(mask.point(lambda value: 255 - value))
    erased.save(folder / "erased.png")
    deep = np.full((HEIGHT, WIDTH), 20_000, dtype=np.uint16)
    deep[HOLE[1] : HOLE[3], HOLE[0] : HOLE[2]] = 40_000
    Image.fromarray(deep).save(folder / "deep_mask.png")


# What another node pack sees of ours.
_PROBE = """
import importlib.util, sys
from aiohttp import web
from server import PromptServer

NODE_CLASS_MAPPINGS = {}

@PromptServer.instance.routes.get("/probe")
async def probe(request):
    return web.json_response({
        "path": sys.path,
        "rfr_core": getattr(sys.modules.get("rfr_core"), "__file__", None),
        "train": getattr(importlib.util.find_spec("train"), "origin", None),
    })
"""
