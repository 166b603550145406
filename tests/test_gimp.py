"""The part of the GIMP plug-in that needs no GIMP: how it calls the command."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType
from unittest.mock import MagicMock

import pytest

PLUG_IN = Path(__file__).parents[1] / "integrations" / "gimp" / "rfr_inpaint" / "rfr_inpaint.py"


@pytest.fixture
def plug_in(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    for name in ("gi", "gi.repository"):
        monkeypatch.setitem(sys.modules, name, MagicMock(Gimp=MagicMock(PlugIn=object)))
    spec = importlib.util.spec_from_file_location("rfr_inpaint", PLUG_IN)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def program(folder: Path, text: str) -> str:
    path = folder / "rfr"
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return str(path)


@pytest.mark.skipif(sys.platform == "win32", reason="the stand-in is a shell script")
def test_the_command_is_run_and_its_sentence_is_shown(
    plug_in: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    paths = tmp_path / "picture.png", tmp_path / "mask.png", tmp_path / "filled.png"
    monkeypatch.setenv("RFR", program(tmp_path, 'echo "$@" > "$5"'))
    plug_in.fill(*paths)
    assert paths[2].read_text() == f"inpaint {paths[0]} {paths[1]} -o {paths[2]}\n"
    monkeypatch.setenv("RFR", program(tmp_path, "echo 'rfr: No hole.' >&2; exit 2"))
    with pytest.raises(RuntimeError, match=r"^rfr: No hole\.$"):
        plug_in.fill(*paths)


def test_a_missing_command_is_told(plug_in: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("RFR", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(RuntimeError, match="pipx install"):
        plug_in.fill(tmp_path, tmp_path, tmp_path)
