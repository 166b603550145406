"""Training samples: a function of seed and number alone, with holes and crops as the recipe asks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from rfr_core.errors import ConfigError, ImageError
from rfr_core.images.picture_files import read_picture
from rfr_core.training.data.packed import pack
from rfr_core.training.data.samples import DataConfig, Position, TrainingHoles, TrainingPictures, collate, random_crop


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pictures")
    random = np.random.default_rng(0)
    for index, (width, height) in enumerate([(90, 70), (64, 64), (40, 120)]):
        pixels = random.integers(0, 256, (height, width, 3), dtype=np.uint8)
        pixels[..., 0] = index * 100  # red tells the pictures apart
        (folder / "deep").mkdir(exist_ok=True)
        Image.fromarray(pixels).save(folder / ("deep" if index == 2 else "") / f"{index}.png")
    return folder


def dataset(source: Path, crop: int = 32, seed: int = 1, **settings: object) -> TrainingPictures:
    return TrainingPictures(DataConfig(pictures=(str(source),), **settings), crop, seed)  # type: ignore[arg-type]


def test_a_sample_depends_on_seed_and_number_alone(folder: Path) -> None:
    settings = {"object": 0.5, "jitter": 0.1, "scale": (0.3, 1.0), "zoom": (1.0, 2.0)}
    first, second = dataset(folder, **settings), dataset(folder, cache=True, **settings)
    for index in (7, 0, 7, 3):
        a, b = first[index], second[index]
        assert torch.equal(a.image, b.image)
        assert torch.equal(a.known, b.known)
    assert not torch.equal(first[0].image, dataset(folder, seed=2, **settings)[0].image)
    assert not torch.equal(first[0].known, first[6].known)


def test_samples_have_the_promised_form(folder: Path) -> None:
    batch = collate([dataset(folder, 48, scale=(0.5, 2.0))[i] for i in range(6)])
    assert batch.image.shape == (6, 3, 48, 48)
    assert batch.image.dtype == torch.float32
    assert 0 <= batch.image.min() <= batch.image.max() <= 1
    assert batch.known.shape == (6, 1, 48, 48)
    assert set(batch.known.unique().tolist()) == {0.0, 1.0}
    assert batch.skipped == []


def test_every_picture_is_used_once_a_round(folder: Path) -> None:
    data = dataset(folder)
    for round_ in range(4):
        reds = [round(float(data[round_ * 3 + i].image[0].mean()) * 255) for i in range(3)]
        assert sorted(reds) == [0, 100, 200]


def test_drawn_holes_are_spread_over_the_ratio_buckets(folder: Path) -> None:
    ratios = [1 - float(dataset(folder, 64)[i].known.mean()) for i in range(6)]
    assert [int(ratio * 10) for ratio in ratios] == [0, 1, 2, 3, 4, 5]


def test_zoomed_holes_keep_within_the_limit(folder: Path) -> None:
    for most, zoom in ((0.4, 2.0), (0.2, 1.0), (0.05, 2.0)):
        data = dataset(folder, object=0.5, zoom=(zoom, zoom), most=most)
        ratios = [1 - float(data[i].known.mean()) for i in range(60)]
        assert min(ratios) > 0
        assert max(ratios) <= most + 1e-6
        assert sum(ratio > 0.5 * most for ratio in ratios) > 8


def test_masks_of_a_folder_are_cut_to_the_limit(folder: Path, tmp_path: Path) -> None:
    mask = np.full((10, 10), 255, np.uint8)
    mask[0, 0] = 0
    Image.fromarray(mask).save(tmp_path / "a.png")
    data = dataset(folder, 50, irregular=0.0, folder=1.0, holes=(str(tmp_path),), most=0.3)
    for index in range(4):
        assert 0.27 < 1 - float(data[index].known.mean()) <= 0.3 + 1e-6


def test_strokes_are_those_of_the_released_code(folder: Path) -> None:
    data = dataset(folder, 256, irregular=0.0, strokes=1.0, most=1.0)
    shares = [1 - float(data[number].known.mean()) for number in range(40)]
    assert 0.4 < sum(shares) / len(shares) < 0.65
    assert max(shares) > 0.65  # the six buckets end at 0.6


def test_holes_of_a_folder_are_white_where_they_fill(folder: Path, tmp_path: Path) -> None:
    mask = np.zeros((10, 10), np.uint8)
    mask[:, :3] = 255
    Image.fromarray(mask).save(tmp_path / "a.png")
    data = dataset(folder, 50, irregular=0.0, folder=1.0, holes=(str(tmp_path),))
    for index in range(4):
        assert 1 - float(data[index].known.mean()) == pytest.approx(0.3)


def test_without_scale_the_largest_square_is_scaled(folder: Path) -> None:
    image = Image.new("RGB", (60, 40), (10, 10, 10))
    image.paste((200, 200, 200), (0, 20, 60, 40))
    crop = random_crop(image, 20, DataConfig(), np.random.default_rng(0))
    assert crop[0, :8].max() < 0.1
    assert crop[0, 12:].min() > 0.7


def test_crops_and_holes_as_released(folder: Path) -> None:
    ramp = Image.fromarray(np.linspace(0, 255, 100).astype(np.uint8)[:, None].repeat(100, 1)).convert("RGB")
    config = DataConfig(form="released")
    crops = [random_crop(ramp, 25, config, np.random.default_rng(i)) for i in range(60)]
    spans = [float(crop.max() - crop.min()) for crop in crops]
    assert min(spans) < 0.35  # of a quarter of the picture
    assert max(spans) > 0.9
    tops = []
    for form in ("free", "released"):
        data = dataset(folder, 48, form=form, object=1.0, irregular=0.0)
        tops.append([float(data[i].known[0, :24].mean()) for i in range(20)])
    assert tops[0] != tops[1]
    with pytest.raises(ConfigError, match="a scale of its own"):
        DataConfig(form="released", scale=(0.5, 1.0))


def test_flat_crops_are_drawn_anew() -> None:
    pixels = np.full((64, 640, 3), 128, np.uint8)
    pixels[:, 320:] = np.random.default_rng(0).integers(0, 256, (64, 320, 3), dtype=np.uint8)
    image = Image.fromarray(pixels)

    def flat(deviation: float) -> int:
        config = DataConfig(scale=(1.0, 1.0), deviation=deviation)
        crops = [random_crop(image, 32, config, np.random.default_rng(i)) for i in range(40)]
        return sum(bool(crop.std() < 0.01) for crop in crops)

    assert flat(0.0) > 12
    assert flat(10.0) < 6


def test_a_broken_picture_is_named_and_another_takes_its_place(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "broken.jpg").write_bytes(b"\xff\xd8\xff not a picture")
    Image.new("RGB", (40, 40), (9, 9, 9)).save(tmp_path / "whole.png")
    samples = [dataset(tmp_path)[i] for i in range(2)]
    assert sum(len(sample.skipped) for sample in samples) == 1
    assert "broken.jpg" in "".join(text for sample in samples for text in sample.skipped)
    for sample in samples:
        assert sample.image.std() == pytest.approx(0, abs=1e-3)
    (tmp_path / "whole.png").unlink()
    with pytest.raises(ImageError, match="None of the 1 pictures can be read"):
        dataset(tmp_path)[0]


def test_two_processes_see_what_one_with_a_doubled_batch_sees() -> None:
    single = list(Position(10, 4, 3))
    halves = [list(Position(10, 2, 3, rank, 2)) for rank in (0, 1)]
    assert single == list(range(10, 22))
    for step in range(3):
        both = [i for half in halves for i in half[2 * step : 2 * step + 2]]
        assert both == single[4 * step : 4 * step + 4]


def test_missing_folders_are_named(tmp_path: Path, folder: Path) -> None:
    with pytest.raises(ConfigError, match="pictures names no folder"):
        TrainingPictures(DataConfig(), 32, 0)
    with pytest.raises(ConfigError, match="which is no folder"):
        dataset(tmp_path / "missing")
    (tmp_path / "empty").mkdir()
    with pytest.raises(ConfigError, match="holds no picture"):
        dataset(tmp_path / "empty")
    with pytest.raises(ConfigError, match="names no folder of masks"):
        DataConfig(folder=1.0)
    with pytest.raises(ConfigError, match="must add up"):
        DataConfig(irregular=0.0)
    with pytest.raises(ConfigError, match="zoom is"):
        DataConfig(zoom=(2.0, 1.0))


def test_holes_of_a_bank_are_few_and_turned_and_cropped_anew(folder: Path) -> None:
    settings: dict[str, Any] = {"bank": 2, "zoom": (2.0, 2.0), "irregular": 0.5, "object": 0.5}
    holes = [dataset(folder, **settings)[i].known for i in range(12)]
    assert all(0 < float((1 - hole).mean()) <= 0.75 for hole in holes)
    assert len({hole.numpy().tobytes() for hole in holes}) > 6
    again = dataset(folder, **settings)
    assert torch.equal(again[7].known, holes[7])  # whatever was drawn before
    numbers = TrainingHoles(again.config, 32)
    for i in range(20):
        numbers.draw(i, np.random.default_rng(i), [])
    assert len(numbers._bank) == 2


def test_drawn_pictures_take_their_share(folder: Path) -> None:
    mixed, crops = dataset(folder, synthetic=0.5), dataset(folder, synthetic=1e-9)
    same = sum(torch.equal(crops[i].image, mixed[i].image) for i in range(60))
    assert 15 < same < 45
    drawn = dataset(folder, synthetic=1.0)
    for i in range(40):
        image = drawn[i].image
        assert image.shape == (3, 32, 32)
        assert 0 <= float(image.min()) <= float(image.max()) <= 1
    assert torch.equal(drawn[3].image, dataset(folder, synthetic=1.0)[3].image)


@pytest.mark.parametrize(("name", "value"), [("bank", -1), ("synthetic", 1.5)])
def test_wrong_shares_are_named(name: str, value: Any) -> None:
    with pytest.raises(ConfigError, match=f"{name} (is )?{value}"):
        DataConfig(**{name: value})


def test_a_packed_copy_is_small_and_keeps_names(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "in" / "deep").mkdir(parents=True)
    Image.effect_noise((300, 200), 60).convert("RGB").save(tmp_path / "in" / "deep" / "large.png")
    Image.effect_noise((30, 40), 60).convert("RGB").save(tmp_path / "in" / "small.png")
    count, size = pack(tmp_path / "in", tmp_path / "out", side=100)
    large, small = tmp_path / "out" / "deep" / "large.webp", tmp_path / "out" / "small.webp"
    assert count == 2
    assert size == large.stat().st_size + small.stat().st_size
    assert read_picture(large).image.size == (150, 100)
    assert read_picture(small).image.size == (30, 40)
    before = large.stat().st_mtime_ns
    pack(tmp_path / "in", tmp_path / "out", side=100)
    assert large.stat().st_mtime_ns == before  # a copy goes on where it stopped
    with pytest.raises(ConfigError, match="quality 0"):
        pack(tmp_path / "in", tmp_path / "out", quality=0)
