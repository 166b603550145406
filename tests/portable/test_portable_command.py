"""`rfr inpaint` and the portable fill in a process that has no torch."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from rfr_core.portable import PortableInpainter

pytest.importorskip("onnxruntime")

ROOT = Path(__file__).parents[2]
WITHOUT = "import sys\nfor name in {names!r}: sys.modules[name] = None\n"
COMMAND = "from rfr_core.command.cli import main\nmain(sys.argv[1:])"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a picture and its mask."""
    with Image.open(ROOT / "examples" / "creek.jpg") as image:
        image.convert("RGB").crop((100, 100, 180, 160)).save(tmp_path / "photo.png")
    mask = Image.new("L", (80, 60))
    mask.paste(255, (20, 20, 45, 35))
    mask.save(tmp_path / "photo_mask.png")
    return tmp_path


def run(folder: Path, code: str, *arguments: str, missing: tuple[str, ...] = ("torch",)) -> subprocess.CompletedProcess:
    path = f"sys.path.insert(0, {str(ROOT)!r})\n"
    code = WITHOUT.format(names=missing) + path + code
    return subprocess.run([sys.executable, "-c", code, *arguments], cwd=folder, capture_output=True, text=True)


def pixels(path: Path) -> np.ndarray:
    with Image.open(path) as image:
        return np.array(image)


def test_a_picture_is_filled_without_torch(folder: Path) -> None:
    done = run(folder, COMMAND, "inpaint", "photo.png", "photo_mask.png", "-o", "filled.png", "--json")
    assert done.returncode == 0, done.stderr
    assert done.stderr == "rfr: PyTorch is not installed; filling with onnxruntime, in float32.\n"
    facts = json.loads(done.stdout)
    assert facts["status"] == "filled"
    assert facts["hole_ratio"] == pytest.approx(25 * 15 / (80 * 60))
    expected = PortableInpainter()(pixels(folder / "photo.png"), pixels(folder / "photo_mask.png"))
    assert np.abs(pixels(folder / "filled.png").astype(int) - expected.astype(int)).max() <= 1


def test_folders_are_filled_without_torch(folder: Path) -> None:
    pixels_16 = np.zeros((60, 80), dtype=np.uint16)
    Image.fromarray(pixels_16).save(folder / "alone.png")
    done = run(folder, COMMAND, "inpaint", ".", "-o", "filled", "--exact")
    assert done.returncode == 1, done.stderr
    assert done.stdout == "1 filled, 0 skipped, 1 failed\n"
    assert "needs PyTorch" in done.stderr
    assert [path.name for path in (folder / "filled").iterdir()] == ["photo.png"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--grow", "3"), "--grow needs PyTorch"),
        (("--invert", "--steps-dir", "steps"), "--invert, --steps-dir need PyTorch"),
        (("--model", "owner/name"), "--model needs PyTorch"),
        (("--device", "cuda"), "--device needs PyTorch"),
        (("--box", "1,1,2,2"), "--box needs PyTorch"),
    ],
)
def test_options_that_need_torch_are_refused(folder: Path, arguments: tuple[str, ...], said: str) -> None:
    done = run(folder, COMMAND, "inpaint", "photo.png", "photo_mask.png", "-o", "filled.png", *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"rfr: {said}")
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize("arguments", [("info",), ("restore", "photo.png", "-o", "new.png")], ids=lambda a: a[0])
def test_commands_that_need_torch_say_so(folder: Path, arguments: tuple[str, ...]) -> None:
    done = run(folder, COMMAND, *arguments)
    assert done.returncode == 2
    assert done.stderr == "rfr: This needs PyTorch, which is not installed; run pip install torch.\n"


def test_without_onnxruntime_it_says_what_to_install(folder: Path) -> None:
    missing = ("torch", "onnxruntime")
    done = run(folder, COMMAND, "inpaint", "photo.png", "photo_mask.png", "-o", "filled.png", missing=missing)
    assert done.returncode == 2
    assert "run pip install onnxruntime." in done.stderr
    assert not (folder / "filled.png").exists()


def test_python_needs_neither_torch_nor_onnx_nor_the_hub(folder: Path) -> None:
    code = """
import numpy as np
from PIL import Image
from rfr_core.portable import PortableInpainter
filled = PortableInpainter()(Image.open("photo.png"), Image.open("photo_mask.png"))
print(filled.size, sorted(name for name in ("torch", "onnx", "huggingface_hub") if sys.modules.get(name)))
"""
    done = run(folder, code, missing=("torch", "onnx", "onnxscript", "huggingface_hub", "typer"))
    assert done.stdout == "(80, 60) []\n", done.stderr
