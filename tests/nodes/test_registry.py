"""What ComfyUI's registry gets: the pack's description, what is packed, and that nothing in it looks like harm."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib  # pyright: ignore[reportMissingImports]

ROOT = Path(__file__).resolve().parents[2]
MOST_BYTES = 19 * 2**20
SUSPICIOUS = re.compile(
    r"\bsubprocess\b|\bsocket\b|\bos\.(environ|system|popen)|(?<!\.)\b(exec|eval|compile|__import__)\("
    r"|\b(pickle|marshal|ctypes|urllib|requests)\b|exec_module"
)
EXPLAINED = {"__init__.py", "rfr_core/checkpoints/released.py"}  # in FOR_REVIEWERS.md


def _git(*arguments: str) -> list[str]:
    done = subprocess.run(["git", *arguments, "-z"], cwd=ROOT, capture_output=True, text=True)
    if done.returncode:
        pytest.skip("this is no git checkout")
    return [name for name in done.stdout.split("\0") if name]


def _packed() -> list[str]:
    left_out = set(_git("ls-files", "-ci", "--exclude-from=.comfyignore"))
    return [name for name in _git("ls-files", "-c") if name not in left_out and (ROOT / name).exists()]


def test_the_pack_describes_itself_as_the_registry_asks() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    comfy = project["tool"]["comfy"]
    assert project["project"]["urls"]["Repository"].startswith("https://github.com/")
    assert comfy["PublisherId"]
    assert comfy["DisplayName"]
    assert comfy["requires-comfyui"] == ">=0.3.64"
    assert any(name.startswith("Environment :: GPU") for name in project["project"]["classifiers"])
    for key, limit, shape in (("Icon", 400, 1), ("Banner", 1300, 21 / 9)):
        path = ROOT / comfy[key].partition("/main/")[2]
        with Image.open(path) as image:
            assert max(image.size) <= limit
            assert image.width / image.height == pytest.approx(shape, rel=0.01)


def test_what_is_packed_is_what_the_nodes_need_and_small() -> None:
    packed = _packed()
    assert sum((ROOT / name).stat().st_size for name in packed) <= MOST_BYTES
    unneeded = (
        "tests/",
        "benchmarks/",
        "train/",
        "docs/",
        "integrations/",
        ".ci/",
        ".github/",
        "rfr_nodes/demo/",
        "rfr_core/training/",
    )
    assert not [name for name in packed if name.startswith(unneeded)]
    needed = {
        "__init__.py",
        "pyproject.toml",
        "requirements.txt",
        "rfr_core/weights/model.safetensors",
        "rfr_nodes/extension.py",
        "web/rfr.js",
        "web/docs/RFRInpaint.md",
        "locales/zh/nodeDefs.json",
        "subgraphs/Erase (RFR).json",
        "example_workflows/outpaint.jpg",
    }
    assert needed <= set(packed)


def test_nothing_packed_looks_like_harm_but_what_is_explained() -> None:
    found = {name for name in _packed() if name.endswith(".py") and SUSPICIOUS.search((ROOT / name).read_text("utf-8"))}
    assert found == EXPLAINED
    explanation = (ROOT / "FOR_REVIEWERS.md").read_text("utf-8")
    assert all(f"`{name}`" in explanation for name in found)


def test_the_packed_nodes_import_nothing_that_is_left_out(tmp_path: Path) -> None:
    for name in _packed():
        if name.startswith("rfr_core/") and name.endswith(".py"):
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).write_bytes((ROOT / name).read_bytes())
    nodes = "\n".join((ROOT / name).read_text("utf-8") for name in _packed() if name.startswith("rfr_nodes/"))
    modules = sorted(set(re.findall(r"^from (rfr_core[\w.]*) import", nodes, flags=re.M)))
    code = "".join(f"import {module}\n" for module in modules)
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
