"""Fixtures for the tests against a real ComfyUI, which run only where COMFYUI_PATH names its checkout.

COMFYUI_PYTHON: the interpreter that has the host's requirements and this pack's; ours where it is not set.
COMFYUI_FRONT_ENDS: more front ends to test the page with, folders with its files, separated as in PATH.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from comfy_server import Host
from hub_server import HubServer
from PIL import Image

from rfr_core import RFRConfig, RFRNet
from rfr_core.checkpoints.saving import save_pretrained

WIDTH, HEIGHT = 112, 96
HOLE = (40, 30, 72, 62)  # left, top, right, bottom
MODEL = "tiny/model.safetensors"
REPOSITORY = "someone/tiny"


@pytest.fixture(scope="session")
def comfyui() -> Path:
    """The host's checkout."""
    path = os.environ.get("COMFYUI_PATH")
    if not path:
        pytest.skip("COMFYUI_PATH names no ComfyUI checkout")
    return Path(path)


@pytest.fixture(scope="session")
def hub(comfyui: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[HubServer]:
    """A Hub on the loopback interface with one repository."""
    folder = write_model(tmp_path_factory.mktemp("hub"))
    with HubServer() as server:
        server.add(REPOSITORY, {file.name: file.read_bytes() for file in folder.iterdir()})
        yield server


@pytest.fixture(scope="session")
def host(comfyui: Path, hub: HubServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Host]:
    """A running host with the pack linked in, a tiny model and a few files to load."""
    base = tmp_path_factory.mktemp("comfyui")
    environment = {"HF_ENDPOINT": hub.url, "HF_HOME": str(base / "huggingface")}
    with prepared(Host(comfyui, base, environment=environment)) as running:
        yield running


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
