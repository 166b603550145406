"""What only a CUDA device can show: that it fills as the CPU does, in all ways that a fill can be asked for."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from rfr_core import Inpainter, RFRConfig, RFRNet
from rfr_core.errors import DeviceError
from rfr_core.options import Detail
from rfr_core.training.run.recipe import load_recipe
from rfr_core.training.run.trainer import fit
from rfr_core.views.recording import Recording

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")

PHOTO = Path(__file__).parents[2] / "examples" / "creek.jpg"
DEVICE = "cuda"


@cache
def inpainter(device: str, dtype: str = "auto") -> Inpainter:
    return Inpainter.from_pretrained(device=device, dtype=dtype)


@cache
def photo(width: int, height: int) -> np.ndarray:
    with Image.open(PHOTO) as picture:
        return np.asarray(picture.convert("RGB").resize((width, height)))


def hole_in(picture: np.ndarray, *boxes: tuple[int, int, int, int]) -> np.ndarray:
    hole = np.zeros(picture.shape[:2], bool)
    for top, left, bottom, right in boxes:
        hole[top:bottom, left:right] = True
    return hole


def off(one: np.ndarray, other: np.ndarray, hole: np.ndarray) -> float:
    """Mean difference in the hole, of 0 to 255."""
    return float(np.abs(one.astype(int) - other)[hole].mean())


@pytest.mark.parametrize(("detail", "most"), [(False, 0.1), ("exact", 1.0), (True, 12.0)])
def test_fills_as_the_cpu_does(detail: Detail | bool, most: float) -> None:
    picture = photo(400, 300)
    hole = hole_in(picture, (100, 120, 160, 190), (20, 300, 26, 390))
    expected = inpainter("cpu", "float32")(picture, hole, detail=detail)
    for dtype in ("float32", "float16", "bfloat16"):
        filled = inpainter(DEVICE, dtype)(picture, hole, detail=detail)
        assert np.array_equal(filled[~hole], picture[~hole])
        assert not np.array_equal(filled[hole], picture[hole])
        assert off(filled, expected, hole) <= max(most, 0.1 if dtype == "float32" else 2.0)


def test_patches_of_a_large_hole_are_searched_there() -> None:
    picture = photo(400, 300)
    hole = hole_in(picture, (60, 100, 220, 260))
    filled = inpainter(DEVICE)(picture, hole)
    assert np.array_equal(filled[~hole], picture[~hole])
    assert np.array_equal(filled, inpainter(DEVICE)(picture, hole))
    assert off(filled, inpainter("cpu", "float32")(picture, hole), hole) <= 20


def test_auto_is_float16_there() -> None:
    assert inpainter("auto").device.type == "cuda"
    assert inpainter("auto").dtype == torch.float16


@pytest.mark.parametrize("recurrences", ["auto", "early", 6])
def test_a_deep_hole_is_filled_small_first(recurrences: str | int) -> None:
    picture = photo(1500, 1200)
    hole = hole_in(picture, (200, 300, 1000, 1200))
    filled = inpainter(DEVICE)(picture, hole, recurrences=recurrences, detail=False)
    assert np.array_equal(filled[~hole], picture[~hole])
    assert off(filled, inpainter("cpu")(picture, hole, recurrences=recurrences, detail=False), hole) < 3


def test_tensors_on_the_device_stay_there() -> None:
    pictures = torch.from_numpy(photo(160, 120).copy()).permute(2, 0, 1)[None].float().div(255).repeat(3, 1, 1, 1)
    holes = torch.zeros(3, 1, 120, 160)
    for index in range(3):
        holes[index, :, 40:60, 30 * index : 30 * index + 40] = 1
    filled = inpainter(DEVICE)(pictures.cuda(), holes.cuda())
    assert filled.device.type == "cuda"
    assert torch.equal(torch.where(holes > 0, 0, filled.cpu()), torch.where(holes > 0, 0, pictures))
    assert bool((filled.cpu() != pictures)[holes.expand_as(pictures) > 0].float().mean() > 0.5)


def test_recurrences_and_attention_are_recorded() -> None:
    picture = photo(300, 240)
    hole = hole_in(picture, (80, 100, 140, 170))
    image = torch.from_numpy(picture.copy()).permute(2, 0, 1)[None].float() / 255
    recording = Recording(image, torch.from_numpy(hole)[None, None].float())
    for step in inpainter(DEVICE).steps(picture, hole):
        recording.add(step)
    wanted = torch.zeros(240, 300, dtype=torch.bool)
    wanted[110, 130] = True
    attention = recording.attention(len(recording), wanted)
    assert len(recording) >= 4
    assert attention is not None
    assert 0.5 < float(attention.sum()) < 1.01


def test_a_full_memory_is_said_so() -> None:
    picture = photo(1200, 900)
    filler = inpainter(DEVICE)
    torch.cuda.empty_cache()
    try:
        torch.cuda.set_per_process_memory_fraction(torch.cuda.memory_reserved() / torch.cuda.mem_get_info()[1])
        with pytest.raises(DeviceError, match="The memory does not suffice"):
            filler(picture, hole_in(picture, (100, 100, 800, 1100)), detail=False)
    finally:
        torch.cuda.set_per_process_memory_fraction(1.0)


@pytest.mark.parametrize("precision", ["no", "fp16", "bf16"])
def test_trains(precision: str, tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    Image.fromarray(photo(160, 120)).save(tmp_path / "photos" / "creek.png")
    recipe = tmp_path / "recipe.toml"
    recipe.write_text(
        f'''output = "{(tmp_path / "run").as_posix()}"
precision = "{precision}"
workers = 0
ema = 0.9
[network]
width = 16
recurrences = 2
norm = "group"
[data]
pictures = ["{(tmp_path / "photos").as_posix()}"]
[[phases]]
steps = 3
batch = 2
crop = 64
learning_rate = 1e-3
[phases.loss]
perceptual = 0.0
style = 0.0
'''
    )
    model = fit(load_recipe(recipe, []))
    picture = photo(96, 80)
    hole = hole_in(picture, (30, 30, 50, 50))
    filled = Inpainter.from_pretrained(model, device=DEVICE, dtype="float32")(picture, hole)
    assert np.array_equal(filled[~hole], picture[~hole])


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # PyTorch's compiler uses what it warns of
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_a_compiled_network_fills_as_any_other() -> None:
    torch.manual_seed(0)
    network = RFRNet(RFRConfig(width=16, recurrences=2))
    usual, compiled = (Inpainter(network, device=DEVICE, dtype="float32", compile=compile) for compile in (False, True))
    for width, height in ((96, 72), (136, 96)):
        picture = photo(width, height)
        hole = hole_in(picture, (20, 30, 44, 60))
        assert off(compiled(picture, hole), usual(picture, hole), hole) < 0.5
