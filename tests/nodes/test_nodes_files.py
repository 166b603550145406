"""What the host reads of the pack without running it: names, help, example workflows."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

ROOT = Path(__file__).resolve().parents[2]
WORKFLOWS = sorted((ROOT / "example_workflows").glob("*.json"))


def _node_ids() -> set[str]:
    return {name for path in (ROOT / "rfr_nodes").glob("*.py") for name in _ids_in(path.read_text("utf-8"))}


def _ids_in(source: str) -> list[str]:
    return re.findall(r'node_id="(\w+)"', source)


def test_every_node_has_help_and_every_help_a_node() -> None:
    assert _node_ids() == {path.stem for path in (ROOT / "web" / "docs").glob("*.md")}
    assert _node_ids() == {path.parent.name for path in (ROOT / "web" / "docs").glob("*/zh.md")}
    assert len(_node_ids()) == 10


@pytest.mark.parametrize("name", sorted(_node_ids()))
def test_help_shows_the_node(name: str) -> None:
    text = (ROOT / "web" / "docs" / f"{name}.md").read_text("utf-8")
    assert text.startswith("# ")
    for picture in re.findall(r"!\[[^\]]+\]\(([^)]+)\)", text):
        Image.open(ROOT / "web" / "docs" / picture).verify()
    assert f"({name}.jpg)" in text


def test_every_language_names_the_same_nodes_inputs_and_outputs() -> None:
    english, *others = (json.loads(path.read_text("utf-8")) for path in sorted(ROOT.glob("locales/*/nodeDefs.json")))
    assert set(english) == _node_ids()
    assert others
    for other in others:
        assert set(other) == set(english)
        for name, node in english.items():
            for part in ("inputs", "outputs"):
                assert set(other[name][part]) == set(node[part]), name
                assert all(entry["name"] and entry["tooltip"] for entry in other[name][part].values()), name


def test_the_blueprint_uses_nodes_and_inputs_that_there_are() -> None:
    (subgraph,) = json.loads((ROOT / "subgraphs" / "Erase (RFR).json").read_text("utf-8"))["definitions"]["subgraphs"]
    known = json.loads((ROOT / "locales" / "en" / "nodeDefs.json").read_text("utf-8"))
    for node in subgraph["nodes"]:
        assert {entry["name"] for entry in node["inputs"]} == set(known[node["type"]]["inputs"])


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_example_workflows_use_nodes_that_there_are(path: Path) -> None:
    workflow = json.loads(path.read_text("utf-8"))
    ours = {node["type"] for node in workflow["nodes"] if node["type"].startswith("RFR")}
    assert {"RFRInpaint", "RFRLoadModel"} <= ours <= _node_ids()
    models = [node["widgets_values"][0] for node in workflow["nodes"] if node["type"] == "RFRLoadModel"]
    assert set(models) == {"lite (bundled)"}
    nodes = {node["id"] for node in workflow["nodes"]}
    app_mode = workflow["extra"]["linearData"]
    inputs = {(node["id"], entry["name"]) for node in workflow["nodes"] for entry in node["inputs"]}
    assert {tuple(entry) for entry in app_mode["inputs"]} <= inputs
    assert app_mode["outputs"]
    assert set(app_mode["outputs"]) <= nodes
    for _, source, _, target, *_ in workflow["links"]:
        assert {source, target} <= nodes
    Image.open(path.with_suffix(".jpg")).verify()


def test_the_pack_is_imported_by_path_without_its_folder_on_the_path() -> None:
    script = f"""
import asyncio, importlib.util, sys
before = list(sys.path)
spec = importlib.util.spec_from_file_location("/odd/name_x_1", {str(ROOT / "__init__.py")!r})
pack = importlib.util.module_from_spec(spec)
spec.loader.exec_module(pack)
assert pack.WEB_DIRECTORY == "./web"
try:
    asyncio.run(pack.comfy_entrypoint())
except ModuleNotFoundError as error:
    assert error.name.startswith("comfy_api"), error  # there is no host here
assert sys.path == before
import rfr_core.config, rfr_nodes.host_tensors
assert rfr_core.__file__.startswith({str(ROOT)!r})
"""
    # -I: neither the working directory nor PYTHONPATH helps.
    done = subprocess.run([sys.executable, "-I", "-c", script], capture_output=True, text=True, cwd=ROOT.parent)
    assert done.returncode == 0, done.stderr
