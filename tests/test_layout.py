"""The layout of the library: which folder may import which, and what can be imported without torch."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest
from draw_layout import DRAWING, drawing

ROOT = Path(__file__).parents[1]
CORE = ROOT / "rfr_core"
# Front doors at the root of the library count as folders of their own.
MAY_IMPORT = {
    "errors": set(),
    "files": set(),
    "lazy": set(),
    "version": set(),
    "config": {"errors"},
    "options": {"config", "errors"},
    "metrics": {"errors", "ops"},
    "hub": {"errors"},
    "ops": {"errors", "lazy"},
    "images": {"errors", "files"},
    "texture": {"errors", "lazy", "ops"},
    "network": {"config", "errors", "ops"},
    "baselines": {"config", "errors", "ops", "images", "network"},
    "holes": {"errors", "images", "lazy", "options"},
    "checkpoints": {"config", "errors", "files", "hub", "network", "texture"},
    "inference": {"config", "errors", "files", "ops", "network", "texture"},
    "fill": {"config", "errors", "lazy", "options", "ops", "images", "holes", "network", "texture", "inference"},
}
MAY_IMPORT["defects"] = {"config", "errors", "lazy", "ops", "images", "holes", "inference", "fill"}
MAY_IMPORT["inpainter"] = {*MAY_IMPORT["fill"], "fill", "checkpoints"}
MAY_IMPORT["portable"] = {"config", "errors", "lazy", "options", "ops", "images", "texture", "fill"}
MAY_IMPORT["sequence"] = {*MAY_IMPORT["inpainter"], "inpainter"}
MAY_IMPORT["views"] = {*MAY_IMPORT["fill"], "fill"}
MAY_IMPORT["training"] = {*MAY_IMPORT} - {"views"}
MAY_IMPORT["command"] = {*MAY_IMPORT}


def folder_of(module: str) -> str:
    return module.split(".")[1] if "." in module else "rfr_core"


def imported(path: Path) -> list[str]:
    """Modules of the library that a file imports, in functions too, but not for type checking alone."""
    tree = ast.parse(path.read_text("utf-8"))
    ignored = {
        id(child)
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)
        for child in ast.walk(node)
    }
    found = []
    for node in ast.walk(tree):
        if id(node) in ignored:
            continue
        if isinstance(node, ast.ImportFrom) and node.module:
            found.append(node.module)
        elif isinstance(node, ast.Import):
            found += [alias.name for alias in node.names]
    return [name for name in found if name.split(".")[0] == "rfr_core"]


@pytest.mark.parametrize("folder", sorted(MAY_IMPORT))
def test_imports_go_one_way(folder: str) -> None:
    place = CORE / folder
    files = sorted(place.rglob("*.py")) if place.is_dir() else [place.with_suffix(".py")]
    assert files
    for path in files:
        for module in imported(path):
            target = folder_of(module)
            if target != folder:
                assert target in MAY_IMPORT[folder], f"{path.relative_to(ROOT)} imports {module}"
            elif path.name != "__init__.py":
                assert module.count(".") > 1, f"{path.relative_to(ROOT)} imports its own package's __init__"


def test_every_folder_is_in_the_table_and_says_what_it_is_for() -> None:
    for init in CORE.glob("*/__init__.py"):
        assert init.parent.name in MAY_IMPORT
        assert (ast.get_docstring(ast.parse(init.read_text("utf-8"))) or "").endswith(".")


def test_there_is_no_circle() -> None:
    done: set[str] = set()
    while len(done) < len(MAY_IMPORT):
        free = {name for name, allowed in MAY_IMPORT.items() if name not in done and allowed - {name} <= done}
        assert free, f"circle among {sorted(set(MAY_IMPORT) - done)}"
        done |= free


@pytest.mark.parametrize(
    "module",
    [
        "rfr_core",
        "rfr_core.images",
        "rfr_core.hub",
        "rfr_core.options",
        "rfr_core.command.cli",
        "rfr_core.portable.portable_inpainter",
    ],
)
def test_it_can_be_imported_without_torch(module: str) -> None:
    code = f"import sys, {module}; print('torch' in sys.modules)"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True)
    assert result.stdout.strip() == "False"


def test_the_public_names_are_listed_and_there() -> None:
    import rfr_core

    assert dir(rfr_core) == rfr_core.__all__
    assert all(getattr(rfr_core, name) is not None for name in rfr_core.__all__)


def test_the_drawing_shows_the_table() -> None:
    assert DRAWING.read_text("utf-8") == drawing(MAY_IMPORT), "run python tests/draw_layout.py"


def test_no_two_modules_or_classes_have_names_that_are_taken_for_each_other() -> None:
    # Two of one name, or a name and its plural, would be taken for each other whatever their folders are.
    paths = [*CORE.rglob("*.py"), *(ROOT / "rfr_nodes").rglob("*.py")]
    modules = [path.stem for path in paths if not path.stem.startswith("_") and path.parent.name != "rfr_nodes"]
    classes = [
        node.name
        for path in paths
        for node in ast.parse(path.read_text("utf-8")).body
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_")
    ]
    for names in (modules, classes):
        assert len(set(names)) == len(names), sorted(name for name in set(names) if names.count(name) > 1)
        assert not [name for name in names if name + "s" in names]
