"""``rfr mask`` and ``rfr restore`` as their users see them."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from defect_scenes import marked, scene
from PIL import Image

from rfr_core.command.cli import main

SPECKS = marked((slice(50, 53), slice(40, 43)), (slice(20, 220), slice(120, 122)))


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as ended:
        main(list(arguments))
    out, err = capsys.readouterr()
    return int(ended.value.code or 0), out, err


def saved(path: Path, seed: int = 0) -> np.ndarray:
    """A picture with white specks, written to a file."""
    picture = torch.where(SPECKS, 1.0, scene(seed))
    pixels = picture[0].permute(1, 2, 0).mul(255).round().byte().numpy()
    path.parent.mkdir(exist_ok=True)
    Image.fromarray(pixels).save(path)
    return pixels


def read(path: Path) -> np.ndarray:
    with Image.open(path) as opened:
        return np.array(opened)


def test_a_mask_of_the_defects_is_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    saved(tmp_path / "scan.png")
    out = tmp_path / "mask.png"
    code, text, _ = run(capsys, "mask", str(tmp_path / "scan.png"), "-o", str(out), "--json")
    assert code == 0
    mask = read(out)
    assert set(np.unique(mask)) == {0, 255}
    assert mask[SPECKS[0, 0].numpy()].all()
    assert json.loads(text)["ratio"] == pytest.approx((mask > 0).mean())
    only = tmp_path / "dust.png"
    assert run(capsys, "mask", str(tmp_path / "scan.png"), "-o", str(only), "--kinds", "dust")[0] == 0
    assert not read(only)[100:200, 110:130].any()


def test_a_folder_gives_a_mask_for_each_and_tells_of_what_is_no_picture(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    saved(tmp_path / "scans" / "a.png")
    (tmp_path / "scans" / "b.jpg").write_text("no picture")
    code, text, errors = run(capsys, "mask", str(tmp_path / "scans"), "-o", str(tmp_path / "masks"))
    assert code == 1
    assert [path.name for path in (tmp_path / "masks").iterdir()] == ["a.png"]
    assert text.count("\n") == errors.count("\n") == 1
    assert "b.jpg is" in errors


def test_restored_is_what_was_found_and_nothing_else(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = saved(tmp_path / "scan.png")
    paths = [str(tmp_path / name) for name in ("scan.png", "mask.png", "out.png")]
    assert run(capsys, "mask", paths[0], "-o", paths[1])[0] == 0
    assert run(capsys, "restore", paths[0], "-o", paths[2], "--device", "cpu")[0] == 0
    mask, after = read(tmp_path / "mask.png") > 0, read(tmp_path / "out.png")
    np.testing.assert_array_equal(after[~mask], before[~mask])
    true = scene()[0].permute(1, 2, 0).mul(255).numpy()
    assert np.abs(after - true)[mask].mean() < 5 < np.abs(before - true)[mask].mean()


def test_what_a_folder_shares_is_one_mask(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for seed in range(7):
        saved(tmp_path / "photos" / f"{seed}.png", seed)
    Image.new("RGB", (30, 20)).save(tmp_path / "photos" / "other.png")
    out = tmp_path / "common.png"
    code, text, _ = run(capsys, "mask", str(tmp_path / "photos"), "-o", str(out), "--common")
    assert code == 0
    assert text.endswith("from 7 of 8 pictures\n")
    assert read(out)[SPECKS[0, 0].numpy()].all()


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["mask", "scan.png", "-o", "scan.png"], "would replace"),
        (["mask", "scan.png", "-o", "m.png", "--kinds", "dirt"], "choose among dust, hair"),
        (["mask", "scan.png", "-o", "m.png", "--common"], "is no folder of pictures"),
        (["mask", "nothing.png", "-o", "m.png"], "does not exist"),
        (["restore", "scan.png", "-o", "out.png", "--kinds", ""], "choose among dust, hair"),
    ],
)
def test_bad_input_is_refused_in_a_sentence(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    sentence: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    saved(tmp_path / "scan.png")
    code, text, errors = run(capsys, *arguments)
    assert (code, text) == (2, "")
    assert errors.startswith("rfr: ")
    assert sentence in errors
    assert [path.name for path in tmp_path.iterdir()] == ["scan.png"]
