"""The network that finds defects: its samples, its training as a user would run it, and its weights."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from defect_scenes import scene
from PIL import Image
from safetensors.torch import load_file

from rfr_core.defects import KINDS, draw_defects, find_defects
from rfr_core.defects.drawn_defects import Whole
from rfr_core.errors import CheckpointError, ConfigError
from rfr_core.training.command import app
from rfr_core.training.data.defect_samples import DefectSamples, collate_defects
from rfr_core.training.data.samples import DataConfig
from rfr_core.training.run.recipe import load_recipe
from rfr_core.training.run.trainer import fit

RECIPE = Path(__file__).parents[2] / "train" / "recipes" / "defects.toml"


@pytest.fixture(scope="module")
def photographs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("photographs")
    for seed in range(3):
        pixels = scene(seed)[0].permute(1, 2, 0).mul(255).round().byte().numpy()
        Image.fromarray(pixels).save(folder / f"{seed}.png")
    return folder


@pytest.fixture(scope="module")
def samples(photographs: Path) -> DefectSamples:
    return DefectSamples(DataConfig(pictures=(str(photographs),), scale=(0.5, 2.0)), 96, 7)


def test_a_sample_is_a_function_of_its_number_and_names_every_pixel(samples: DefectSamples) -> None:
    batch = collate_defects([samples[number] for number in range(40)])
    again = samples[11]
    assert torch.equal(batch.picture[11], again.picture)
    assert torch.equal(batch.truth[11], again.truth)
    assert batch.picture.shape == (40, 3, 96, 96)
    assert 0 <= float(batch.picture.min()) <= float(batch.picture.max()) <= 1
    assert batch.truth.shape == (40, 96, 96)
    assert set(batch.truth.unique().tolist()) <= set(range(1 + len(KINDS)))
    marked = (batch.truth > 0).flatten(1).any(1)
    assert 8 < int(marked.sum()) < 38  # some crops are clean
    assert 0 < float((batch.truth > 0).float().mean()) < 0.1


def test_a_crop_of_a_large_picture_has_fewer_and_larger_defects() -> None:
    clean = torch.full((1, 3, 200, 200), 0.5)
    fine, coarse = (
        [draw_defects(clean, kinds=["dust"], generator=seed, whole=Whole(side, amount)).hole for seed in range(12)]
        for side, amount in ((400, 0.5), (4000, 0.05))
    )
    share = [np.mean([float(hole.float().mean()) for hole in holes]) for holes in (fine, coarse)]
    # A tenth of the specks, each with many times the pixels.
    assert 2 < share[1] / share[0] < 20


def test_the_recipe_trains_a_network_that_finds(photographs: Path, tmp_path: Path) -> None:
    settings = [f'data.pictures=["{photographs.as_posix()}"]', f"output={(tmp_path / 'run').as_posix()}"]
    settings += ["phases.0.steps=3", "phases.0.batch=2", "phases.0.crop=64", "network.width=8", "preview_every=3"]
    folder = fit(RECIPE, [*settings, "precision=no", "workers=0"])
    assert (tmp_path / "run" / "previews" / "0000003.jpg").is_file()
    file = tmp_path / "finder.safetensors"
    app(["finder", str(folder), "-o", str(file)], standalone_mode=False)
    assert {str(values.dtype) for name, values in load_file(file).items() if "weight" in name} == {"torch.float16"}
    picture = draw_defects(scene(), generator=1).picture
    found = find_defects(picture, weights=file, sensitivity=1.0)
    assert bool(found.all())  # whatever it has learned by now: all is at least as likely as 0
    assert not torch.equal(found, find_defects(picture, sensitivity=0.5))


def test_what_is_no_such_network_is_refused(
    photographs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "no.safetensors").write_bytes(b"none")
    with pytest.raises(CheckpointError, match="holds no network that finds defects"):
        find_defects(scene(), weights=tmp_path / "no.safetensors")
    with pytest.raises(CheckpointError, match="holds no network that finds defects"):
        find_defects(scene(), weights=tmp_path / "missing.safetensors")
    with pytest.raises(SystemExit) as ended:
        app(["finder", str(tmp_path), "-o", str(tmp_path / "out.safetensors")])
    assert ended.value.code == 2
    assert capsys.readouterr().err.count("\n") == 1
    assert not (tmp_path / "out.safetensors").exists()
    with pytest.raises(ConfigError, match=r"name data\.pictures in place of data\.shards"):
        load_recipe(RECIPE, ["data.pictures=[]", 'data.shards=["a.tar"]'])
    with pytest.raises(ConfigError, match="judged by python -m benchmarks defects"):
        load_recipe(RECIPE, ["evaluation.pictures=eval"])
