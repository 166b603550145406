"""Data sets as they are unpacked, the irregular masks in their folders, and shards that are streamed."""

from __future__ import annotations

import json
import subprocess
import sys
import tarfile
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor
from torch.utils.data import DataLoader

from rfr_core.config import RFRConfig
from rfr_core.errors import ConfigError, ImageError
from rfr_core.training.data.paper_datasets import Layout, bucket_name, dataset_files, evaluation_files
from rfr_core.training.data.samples import DataConfig, Sample, TrainingPictures, collate, training_files
from rfr_core.training.data.shards import ShardPictures, StreamPlace
from rfr_core.training.data.write_shards import write_shards
from rfr_core.training.evaluation.protocol import read_cases
from rfr_core.training.losses.inpainting import LossWeights
from rfr_core.training.run.recipe import Phase, Recipe
from rfr_core.training.run.trainer import fit

ROOT = Path(__file__).parents[2]
SIDE = 32


def save(path: Path, value: int = 128, side: int = SIDE) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (side, side), (value, value, value)).save(path)
    return path


@pytest.fixture
def celeba(tmp_path: Path) -> Path:
    lines = []
    for number in range(1, 7):
        save(tmp_path / "img_align_celeba" / f"{number:06d}.jpg")
        lines.append(f"{number:06d}.jpg {0 if number < 4 else number // 5 + 1}")
    (tmp_path / "list_eval_partition.txt").write_text("\n".join(lines) + "\n")
    return tmp_path


def test_celeba_is_split_as_published(celeba: Path) -> None:
    names = [[file.stem for file in dataset_files("celeba", celeba, split)] for split in ("train", "val", "test")]
    assert names == [["000001", "000002", "000003"], ["000004"], ["000005", "000006"]]
    listed = (celeba / "list_eval_partition.txt").read_text()
    (celeba / "list_eval_partition.txt").unlink()
    (celeba / "list_eval_partition.csv").write_text("image_id,partition\n" + listed.replace(" ", ","))
    assert [file.stem for file in dataset_files("celeba", celeba, "test")] == names[2]


@pytest.mark.parametrize("size", ["large", "256"])
def test_places2_folders(tmp_path: Path, size: str) -> None:
    save(tmp_path / f"data_{size}" / "a" / "abbey" / "00000001.jpg")
    save(tmp_path / f"data_{size}" / "z" / "zen_garden" / "00000001.jpg")
    save(tmp_path / f"val_{size}" / "Places365_val_00000001.jpg")
    save(tmp_path / f"test_{size}" / "Places365_test_00000001.jpg")
    assert [f.parent.name for f in dataset_files("places2", tmp_path, "train")] == ["abbey", "zen_garden"]
    assert [f.stem for f in dataset_files("places2", tmp_path, "val")] == ["Places365_val_00000001"]
    assert [f.stem for f in dataset_files("places2", tmp_path, "test")] == ["Places365_test_00000001"]
    assert evaluation_files("folder", tmp_path) == tmp_path
    assert evaluation_files("places2", tmp_path) == dataset_files("places2", tmp_path, "val")


def test_paris_streetview_folders(tmp_path: Path) -> None:
    save(tmp_path / "paris_train_original" / "a.JPG")
    save(tmp_path / "paris_eval" / "paris_eval_gt" / "001_im.png")
    save(tmp_path / "paris_eval" / "paris_eval_corrupted" / "001_im.png")
    assert [f.name for f in dataset_files("paris_streetview", tmp_path, "train")] == ["a.JPG"]
    test = dataset_files("paris_streetview", tmp_path, "test")
    assert [f.parent.name for f in test] == ["paris_eval_gt"]
    assert evaluation_files("paris_streetview", tmp_path) == test


@pytest.mark.parametrize(
    ("layout", "match"),
    [
        ("places2", "Places2's train pictures are not in .* expected a folder data_large or"),
        ("celeba", "CelebA's aligned pictures are not in"),
        ("paris_streetview", "expected a folder paris_train_original or train"),
        ("folder", "holds no picture"),
    ],
)
def test_what_is_missing_is_named(tmp_path: Path, layout: Layout, match: str) -> None:
    with pytest.raises(ConfigError, match=match):
        dataset_files(layout, tmp_path, "train")
    with pytest.raises(ConfigError, match=r"none is no folder; give the folder that the data set"):
        dataset_files(layout, tmp_path / "none", "train")


def test_an_incomplete_celeba_is_named(celeba: Path) -> None:
    (celeba / "img_align_celeba" / "000006.jpg").unlink()
    with pytest.raises(ConfigError, match=r"lists 000006.jpg, which .* does not hold"):
        dataset_files("celeba", celeba, "test")
    (celeba / "list_eval_partition.txt").write_text("000001.jpg 0\n")
    with pytest.raises(ConfigError, match="lists no picture of the val split"):
        dataset_files("celeba", celeba, "val")
    (celeba / "list_eval_partition.txt").unlink()
    with pytest.raises(ConfigError, match=r"has no list_eval_partition.txt"):
        dataset_files("celeba", celeba, "val")


def test_training_takes_a_data_set_by_its_layout(celeba: Path) -> None:
    config = DataConfig(pictures=(str(celeba),), layout="celeba")
    assert len(training_files(config)) == 3
    assert TrainingPictures(config, 32, 1)[5].image.shape == (3, 32, 32)
    assert len(training_files(DataConfig(pictures=(str(celeba),), layout="celeba", split="test"))) == 2


@pytest.mark.parametrize(
    ("folder", "bucket"),
    [
        ("10-20", "10-20"),
        ("0.1-0.2", "10-20"),
        ("(0.1, 0.2]", "10-20"),
        ("10%-20%", "10-20"),
        ("0.01-0.1", "00-10"),
        ("mask_50_60", "50-60"),
        ("object", "object"),
        ("20-10", "20-10"),
        ("set 1-2000", "set 1-2000"),
    ],
)
def test_names_of_ratio_folders(folder: str, bucket: str) -> None:
    assert bucket_name(folder) == bucket


def test_the_six_ratio_folders_of_the_irregular_masks(tmp_path: Path) -> None:
    save(tmp_path / "pictures" / "a.png")
    for tenth in range(6):
        mask = np.zeros((SIDE, SIDE), np.uint8)
        mask[: round((tenth + 0.5) / 10 * SIDE)] = 255
        folder = tmp_path / "masks" / f"{max(0.01, tenth / 10):g}-{(tenth + 1) / 10:g}"
        folder.mkdir(parents=True)
        Image.fromarray(mask).save(folder / "0.png")
    cases = list(read_cases(tmp_path / "pictures", tmp_path / "masks", size=SIDE))
    assert [case.bucket for case in cases] == [f"{t}0-{t + 1}0" for t in range(6)]
    ratios = [float(case.hole.mean()) for case in cases]
    assert all(tenth / 10 <= ratio <= (tenth + 1) / 10 for tenth, ratio in enumerate(ratios))


def test_masks_whose_holes_are_black(tmp_path: Path) -> None:
    save(tmp_path / "pictures" / "a.png")
    mask = np.full((SIDE, SIDE), 255, np.uint8)
    mask[:8] = 0
    (tmp_path / "masks").mkdir()
    Image.fromarray(mask).save(tmp_path / "masks" / "0.png")
    places = {"pictures": (str(tmp_path / "pictures"),), "holes": (str(tmp_path / "masks"),)}
    config = DataConfig(**places, irregular=0, folder=1, invert=True)  # pyright: ignore[reportArgumentType]
    assert float(TrainingPictures(config, SIDE, 1)[0].known.mean()) == pytest.approx(0.75)


# Shards: every picture is of one gray value, its number.


@pytest.fixture
def shards(tmp_path: Path) -> Path:
    for number in range(24):
        save(tmp_path / "pictures" / f"{number % 2}" / f"{number}.png", 10 * number)
    assert len(write_shards(tmp_path / "pictures", tmp_path / "shards", 4)) == 6
    return tmp_path / "shards"


def config(shards: Path) -> DataConfig:
    return DataConfig(shards=(f"{shards.as_posix()}/*.tar",))


def numbers(image: Tensor) -> list[int]:
    return [round(float(one.mean()) * 25.5) for one in image]


def drawn(shards: Path, count: int, place: StreamPlace, workers: int = 0) -> list[Sample]:
    dataset = ShardPictures(config(shards), 16, 7, place)
    loader = DataLoader(dataset, place.batch, num_workers=workers, collate_fn=collate)
    return list(islice(loader, count))


def test_every_picture_is_streamed_once_a_round(shards: Path) -> None:
    batches = drawn(shards, 12, StreamPlace(batch=4))
    seen = [number for batch in batches for number in numbers(batch.image)]
    assert sorted(seen[:24]) == sorted(seen[24:]) == list(range(24))
    assert seen[:24] != seen[24:]
    assert all(0 < float(known.mean()) < 1 for batch in batches for known in batch.known)


def test_processes_share_the_pictures(shards: Path) -> None:
    seen = []
    for rank in range(2):
        batches = drawn(shards, 3, StreamPlace(batch=4, rank=rank, processes=2))
        seen += [number for batch in batches for number in numbers(batch.image)]
    assert sorted(seen) == list(range(24))


@pytest.mark.parametrize("workers", [0, 2])
def test_a_stream_goes_on_where_it_stopped(shards: Path, workers: int) -> None:
    readers = max(1, workers)
    whole = drawn(shards, 9, StreamPlace(batch=2, workers=readers), workers)
    for done in (3, 4):
        rest = drawn(shards, 9 - done, StreamPlace(batch=2, done=done, workers=readers), workers)
        for expected, actual in zip(whole[done:], rest, strict=True):
            assert torch.equal(actual.image, expected.image)
            assert torch.equal(actual.known, expected.known)


def test_what_is_no_picture_is_told_and_left_out(shards: Path, tmp_path: Path) -> None:
    (tmp_path / "note.txt").write_text("nothing")
    (tmp_path / "broken.png").write_bytes(b"nothing")
    shard = shards / "odd.tar"
    with tarfile.open(shard, "w") as archive:
        archive.add(tmp_path / "note.txt", "00.txt")
        archive.add(tmp_path / "broken.png", "01.png")
        archive.add(save(tmp_path / "good.png"), "02.png")
    dataset = ShardPictures(DataConfig(shards=(str(shard),)), 16, 1, StreamPlace())
    samples = list(islice(dataset, 3))  # of three rounds
    assert numbers(torch.stack([sample.image for sample in samples])) == [13] * 3
    skipped = [text for sample in samples for text in sample.skipped]
    assert {text.split(" of ")[0] for text in skipped} == {"00", "01"}
    assert any("holds no picture" in text for text in skipped)


def test_mistakes_with_shards_are_named(shards: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"fits no file; correct data\.shards"):
        ShardPictures(config(tmp_path / "none"), 16, 1, StreamPlace())
    with pytest.raises(ConfigError, match="6 files for 8 readers"):
        ShardPictures(config(shards), 16, 1, StreamPlace(processes=4, workers=2))
    with pytest.raises(ConfigError, match="leave one of them out"):
        DataConfig(pictures=("a",), shards=("b",))
    (shards / "000000.tar").write_bytes(b"nothing")
    with pytest.raises(ImageError, match=r"A shard is damaged .*000000\.tar"):
        drawn(shards, 12, StreamPlace(batch=4))
    with tarfile.open(shards / "000000.tar", "w") as archive:
        archive.add(__file__, "a.txt")
    dataset = ShardPictures(DataConfig(shards=(str(shards / "000000.tar"),)), 16, 1, StreamPlace())
    with pytest.raises(ImageError, match=r"No picture in the shards can be read \(a of .* holds no picture"):
        next(iter(dataset))
    with pytest.raises(ConfigError, match="per_shard is 0"):
        write_shards(tmp_path / "pictures", tmp_path / "more", 0)


def test_packing_keeps_what_is_there(shards: Path, tmp_path: Path) -> None:
    before = (shards / "000003.tar").stat().st_mtime_ns
    (shards / "000002.tar").unlink()
    command = [sys.executable, "-m", "train", "shards", str(tmp_path / "pictures"), "-o", str(shards)]
    result = subprocess.run([*command, "--per-shard", "4"], cwd=ROOT, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    assert "6 shards" in result.stdout
    assert (shards / "000003.tar").stat().st_mtime_ns == before
    seen = [number for batch in drawn(shards, 6, StreamPlace(batch=4)) for number in numbers(batch.image)]
    assert sorted(seen) == list(range(24))


def test_training_streams_and_resumes(shards: Path, tmp_path: Path) -> None:
    def recipe(name: str, steps: int) -> Recipe:
        phase = Phase(steps=steps, batch=2, crop=32, learning_rate=1e-3, loss=LossWeights(perceptual=0, style=0))
        network = RFRConfig(width=8, kernel_size=3, recurrences=1, norm="group")
        output = str(tmp_path / name)
        return Recipe(output, (phase,), network, data=config(shards), workers=0, preview_every=3)

    def losses(name: str) -> list[float]:
        return [json.loads(line)["loss"] for line in (tmp_path / name / "log.jsonl").read_text().splitlines()]

    fit(recipe("whole", 4))
    fit(recipe("part", 2))
    fit(recipe("part", 4), resume=True)
    assert losses("part") == losses("whole")
    assert [file.name for file in (tmp_path / "whole" / "previews").iterdir()] == ["0000003.jpg"]
