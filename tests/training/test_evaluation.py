import json
import math
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from rfr_core import Inpainter, metrics
from rfr_core.errors import ConfigError, HoleError, ImageError, RFRError
from rfr_core.ops.pyramid import pull_push
from rfr_core.training.evaluation.patterns import KINDS, levels_off, patterns
from rfr_core.training.evaluation.patterns import to_markdown as pattern_table
from rfr_core.training.evaluation.protocol import Table, evaluate, read_cases, to_markdown, write_json

SIZE = 32


def gray(image: Tensor, hole: Tensor) -> Tensor:
    return torch.full_like(image, 0.5)


def save_hole(path: Path, rows: int, size: int = SIZE) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    mask = np.zeros((size, size), np.uint8)
    mask[:rows] = 255
    Image.fromarray(mask).save(path)


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    folder = tmp_path / "pictures"
    folder.mkdir()
    rng = np.random.default_rng(3)
    for i in range(5):
        Image.fromarray(rng.integers(0, 256, (40 + i, 50, 3), dtype=np.uint8)).save(folder / f"{i}.png")
    (folder / "notes.txt").write_text("no picture")
    return folder


@pytest.fixture
def holes(tmp_path: Path) -> Path:
    folder = tmp_path / "holes"
    for i in range(2):
        save_hole(folder / "10-20" / f"{i}.png", 5 + i)
        save_hole(folder / "object" / f"{i}.png", 8 + i)
    return folder


def test_picture_i_meets_hole_i_mod_n(pictures: Path, holes: Path):
    cases = list(read_cases(pictures, holes, size=SIZE))
    assert [case.bucket for case in cases] == ["10-20"] * 5 + ["object"] * 5
    assert [case.picture for case in cases[:5]] == ["0", "1", "2", "3", "4"]
    assert [case.hole.sum().item() / SIZE for case in cases] == [5, 6, 5, 6, 5, 8, 9, 8, 9, 8]


def test_pictures_are_centre_squares_scaled_with_lanczos(pictures: Path, holes: Path):
    case = next(iter(read_cases(pictures, holes, size=SIZE)))
    with Image.open(pictures / "0.png") as image:
        expected = image.crop((5, 0, 45, 40)).resize((SIZE, SIZE), Image.Resampling.LANCZOS)
    shown = case.truth[0].mul(255).round().byte().permute(1, 2, 0).numpy()
    np.testing.assert_array_equal(shown, np.asarray(expected))


def test_a_fill_never_sees_the_truth_and_only_its_hole_counts(pictures: Path, holes: Path):
    cases = list(read_cases(pictures, holes, size=SIZE, buckets=["object"]))
    seen: list[tuple[Tensor, Tensor]] = []

    def fill(image: Tensor, hole: Tensor) -> Tensor:
        seen.append((image, hole))
        return torch.full_like(image, 0.5)

    table = evaluate(fill, pictures, holes, size=SIZE, buckets=["object"])
    scores = []
    for case, (image, hole) in zip(cases, seen, strict=True):
        assert torch.equal(image, torch.where(hole > 0, 0, case.truth))
        composite = torch.where(hole > 0, 128 / 255, case.truth)
        scores.append(metrics.psnr(composite, case.truth).item())
    assert table["object"]["psnr"] == pytest.approx(sum(scores) / len(scores))
    assert table["object"]["psnr_hole"] < table["object"]["psnr"]


def test_limit_takes_a_spread_part_of_the_full_evaluation(pictures: Path, holes: Path):
    full = {(c.bucket, c.picture): c.hole for c in read_cases(pictures, holes, size=SIZE)}
    part = list(read_cases(pictures, holes, size=SIZE, limit=2))
    assert [case.picture for case in part] == ["0", "2", "0", "2"]
    assert all(torch.equal(case.hole, full[case.bucket, case.picture]) for case in part)
    assert len(list(read_cases(pictures, holes, size=SIZE, limit=99))) == 10


def test_masks_without_buckets_are_sorted_by_ratio(pictures: Path, tmp_path: Path):
    folder = tmp_path / "flat"
    for rows in (2, 12, 13, 32):  # of 32
        save_hole(folder / f"{rows}.png", rows)
    table = evaluate(gray, pictures, folder, size=SIZE)
    assert [row.bucket for row in table.rows] == ["00-10", "30-40", "40-50", "90-100"]


def test_masks_are_scaled_to_the_size(pictures: Path, tmp_path: Path):
    save_hole(tmp_path / "large" / "a.png", 16, size=64)
    case = next(iter(read_cases(pictures, tmp_path / "large", size=SIZE)))
    assert case.hole.unique().tolist() == [0, 1]
    assert case.hole.mean().item() == 0.25


def test_tables_as_markdown_and_json(pictures: Path, holes: Path, tmp_path: Path):
    table = evaluate(gray, pictures, holes, size=SIZE, limit=2)
    lines = to_markdown({"gray": table, "again": table}).splitlines()
    assert lines[0] == "| holes | pictures | gray PSNR / SSIM / l1 | again |"
    first = f"{table['10-20']['psnr']:.2f} / {table['10-20']['ssim']:.4f} / {table['10-20']['l1']:.4f}"
    cell = first.replace(" 0.", " .")
    assert lines[2] == f"| 10-20 | 2 | {cell} | {cell} |"
    write_json(tmp_path / "table.json", table.to_dict())
    read = json.loads((tmp_path / "table.json").read_text())
    assert read["object"]["pictures"] == 2
    assert read["object"]["ssim"] == pytest.approx(table["object"]["ssim"], abs=1e-6)
    assert not list(tmp_path.glob(".*.tmp"))


def test_a_perfect_fill_is_infinite_and_null_in_json(pictures: Path, holes: Path):
    truths = {case.image.sum().item(): case.truth for case in read_cases(pictures, holes, size=SIZE)}
    table: Table = evaluate(lambda image, hole: truths[image.sum().item()], pictures, holes, size=SIZE)
    assert math.isinf(table["object"]["psnr"])
    assert table.to_dict()["object"]["psnr"] is None
    assert table["object"]["ssim"] == pytest.approx(1)


def test_refusals(pictures: Path, holes: Path, tmp_path: Path):
    empty = tmp_path / "empty"
    empty.mkdir()
    save_hole(tmp_path / "black" / "a.png", 0)
    (tmp_path / "wide").mkdir()
    Image.new("L", (40, 32), 255).save(tmp_path / "wide" / "a.png")

    def refused(error: type[RFRError], words: str, *folders: Path, **options: object) -> None:
        with pytest.raises(error, match=words):
            evaluate(gray, *folders, **{"size": SIZE, **options})  # type: ignore[arg-type]

    refused(ImageError, "not a folder", tmp_path / "none", holes)
    refused(ImageError, "holds no picture", empty, holes)
    refused(HoleError, "not a folder", pictures, tmp_path / "none")
    refused(HoleError, "holds no masks", pictures, empty)
    refused(HoleError, "marks nothing", pictures, tmp_path / "black")
    refused(HoleError, "40×32 pixels", pictures, tmp_path / "wide")
    refused(ConfigError, "no bucket '20-30'.* 10-20, object", pictures, holes, buckets=["20-30"])
    refused(ConfigError, "limit is 0", pictures, holes, limit=0)
    refused(ConfigError, "size is 4", pictures, holes, size=4)
    with pytest.raises(ConfigError, match="could not be written"):
        write_json(tmp_path / "none" / "table.json", {})


def test_the_bundled_model_goes_on_with_drawn_patterns() -> None:
    kinds = ("checkers", "tiles", "horizon", "gradient", "flat")
    inpainter = Inpainter.from_pretrained("lite", device="cpu")
    for detail in ("texture", "exact"):
        off = levels_off(partial(inpainter, detail=detail), (case for case in patterns() if case.kind in kinds))
        assert max(off["checkers"], off["tiles"], off["flat"], off["gradient"]) < 1
        assert off["horizon"] < 2


def test_patterns_are_fixed_and_say_how_far_a_fill_is_off() -> None:
    cases = patterns()
    assert [case.kind for case in cases[::2]] == list(KINDS)
    for case, again in zip(cases, patterns(), strict=True):
        assert torch.equal(case.truth, again.truth)
        assert torch.equal(case.truth * 255, (case.truth * 255).round())
        assert 0.03 < float(case.hole.mean()) < 0.35
        assert float(case.truth.min()) >= 0
        assert float(case.truth.max()) <= 1
    truths = iter(case.truth for case in cases)
    right = levels_off(lambda image, hole: next(truths), cases)
    assert set(right) == set(KINDS)
    assert max(right.values()) == 0
    interpolated = levels_off(lambda image, hole: pull_push(image, 1 - hole), cases)
    assert interpolated["flat"] < 0.1 < 1 < interpolated["gradient"] < interpolated["checkers"]
    assert "| flat | 0.0 |" in pattern_table({"right": right})
