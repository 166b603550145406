"""Fixtures for the tests against a real ComfyUI, which run only where COMFYUI_PATH names its checkout.

COMFYUI_PYTHON: the interpreter that has the host's requirements and this pack's; ours where it is not set.
COMFYUI_FRONT_ENDS: more front ends to test the page with, folders with its files, separated as in PATH.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from comfy_server import Host
from hub_server import HubServer
from prepared_host import REPOSITORY, prepared, write_model


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
