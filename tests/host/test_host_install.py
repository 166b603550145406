"""The pack as users get it: cloned into custom_nodes, with a pip-installed copy beside it, models kept elsewhere."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from comfy_server import PACK, ROOT, Host
from graphs import fill
from prepared_host import prepared, write_model

PARTS = ("__init__.py", "rfr_core", "rfr_nodes", "web", "examples", "example_workflows", "pyproject.toml")


@pytest.fixture(scope="module")
def host(comfyui: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Host]:
    base = tmp_path_factory.mktemp("clone")
    installed = base / "site-packages"
    source = base / "source"
    _copy(source)
    shutil.copy(ROOT / "README.md", source)
    shutil.copy(ROOT / "LICENSE", source)
    pip = [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--target", str(installed), str(source)]
    subprocess.run(pip, check=True)
    elsewhere = write_model(base / "elsewhere" / "kept").parent
    paths = base / "paths.yaml"
    paths.write_text(f"mine:\n  rfr: {elsewhere}\n")
    clone = base / "custom_nodes" / PACK
    _copy(clone)
    environment = {"PYTHONPATH": str(installed)}
    options = ("--extra-model-paths-config", str(paths))
    with prepared(Host(comfyui, base, options=options, environment=environment)) as running:
        yield running


def _copy(target: Path) -> None:
    target.mkdir(parents=True)
    for part in PARTS:
        source = ROOT / part
        if source.is_dir():
            shutil.copytree(source, target / part, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, target)


def test_a_clone_works_beside_an_installed_copy(host: Host) -> None:
    with host.client() as client:
        run = client.run(fill(recurrences=2))
    assert run.error is None
    assert Path(host.get("/probe")["rfr_core"]).is_relative_to(host.base / "custom_nodes" / PACK)


def test_models_in_other_folders_are_found(host: Host) -> None:
    names = host.get("/object_info/RFRLoadModel")["RFRLoadModel"]["input"]["required"]["model_name"][1]["options"]
    assert {"lite (bundled)", "kept/model.safetensors", "tiny/model.safetensors"} <= set(names)
    graph = fill(recurrences=2)
    graph["model"]["inputs"]["model_name"] = "kept/model.safetensors"
    with host.client() as client:
        assert client.run(graph).error is None
