"""The command ``rfr`` as its users see it: files, output, exit codes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from golden import empty_released_state
from hub_server import HubServer
from PIL import Image, ImageDraw

from rfr_core.checkpoints.loading import load_network
from rfr_core.checkpoints.model import RFRModel
from rfr_core.checkpoints.saving import save_pretrained
from rfr_core.command.cli import main
from rfr_core.config import RFRConfig
from rfr_core.images.picture_files import Picture, read_picture, save_picture
from rfr_core.inpainter import Inpainter
from rfr_core.network.rfr_net import RFRNet

HEIGHT, WIDTH = 60, 80


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.manual_seed(1)
    return save_pretrained(RFRNet(RFRConfig(width=8, norm="group", recurrences=3)), tmp_path_factory.mktemp("model"))


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder to work in, with a picture and its mask."""
    monkeypatch.chdir(tmp_path)
    picture(0).save("photo.png")
    mask().save("mask.png")
    return tmp_path


def picture(seed: int) -> Image.Image:
    pixels = np.random.default_rng(seed).integers(0, 256, (HEIGHT, WIDTH, 3), dtype=np.uint8)
    return Image.fromarray(pixels)


def mask() -> Image.Image:
    image = Image.new("L", (WIDTH, HEIGHT))
    ImageDraw.Draw(image).rectangle((30, 20, 45, 35), fill=255)
    return image


def folders(count: int) -> None:
    for index in range(count):
        for folder, image in (("photos", picture(index)), ("masks", mask())):
            Path(folder).mkdir(exist_ok=True)
            image.save(Path(folder, f"{index}.png"))


def pixels(path: str | Path) -> np.ndarray:
    with Image.open(path) as image:
        return np.array(image)


class Command:
    """Runs ``rfr`` in this process; ``out`` and ``err`` hold what it printed."""

    def __init__(self, capsys: pytest.CaptureFixture[str], model: Path) -> None:
        self.capsys = capsys
        self.model = str(model)
        self.out = self.err = ""

    def __call__(self, *arguments: str) -> int:
        with pytest.raises(SystemExit) as caught:
            main(list(arguments))
        self.out, self.err = self.capsys.readouterr()
        return int(caught.value.code or 0)

    def inpaint(self, *arguments: str) -> int:
        return self("inpaint", *arguments, "--model", self.model, "--device", "cpu", "--dtype", "float32")

    def refused(self, *arguments: str) -> str:
        """The one sentence on stderr of a command that exits with 2."""
        assert self(*arguments) == 2
        assert self.out == ""
        lines = self.err.splitlines()
        assert len(lines) == 1, self.err
        assert lines[0].startswith("rfr: ")
        assert lines[0].endswith(".")
        return lines[0]

    def json(self) -> list[dict]:
        return [json.loads(line) for line in self.out.splitlines()]


@pytest.fixture
def rfr(capsys: pytest.CaptureFixture[str], model: Path) -> Command:
    return Command(capsys, model)


# One picture


def test_a_hole_is_filled_and_the_rest_stays(here: Path, rfr: Command, model: Path) -> None:
    assert rfr.inpaint("photo.png", "mask.png", "-o", "out.png") == 0
    assert rfr.out.startswith("out.png: 5.3% of it filled in 3 recurrences")
    assert rfr.err == ""
    expected = Inpainter(load_network(model), device="cpu", dtype="float32")(picture(0), mask())
    np.testing.assert_array_equal(pixels("out.png"), np.array(expected))
    outside = np.array(mask()) == 0
    np.testing.assert_array_equal(pixels("out.png")[outside], pixels("photo.png")[outside])
    assert (pixels("out.png") != pixels("photo.png"))[~outside].any()


def test_every_option_reaches_its_place(here: Path, rfr: Command, model: Path) -> None:
    painted = Image.new("RGBA", (40, 30), (0, 0, 255, 255))
    ImageDraw.Draw(painted).rectangle((15, 10, 22, 17), fill=(100, 0, 255, 255))
    painted.save("small.png")
    arguments = ["--recurrences", "2", "--grow", "2", "--feather", "3", "--threshold", "0.3", "--channel", "red"]
    arguments += ["--context", "0.5", "--resize-mask"]
    assert rfr.inpaint("photo.png", "small.png", "-o", "out.png", *arguments) == 0
    inpainter = Inpainter(load_network(model), device="cpu", dtype="float32")
    options = {"recurrences": 2, "grow": 2, "feather": 3, "threshold": 0.3, "channel": "red", "context": 0.5}
    expected = inpainter(picture(0), painted, **options, resize=True)  # type: ignore[arg-type]
    np.testing.assert_array_equal(pixels("out.png"), np.array(expected))
    inverted = Image.eval(mask(), lambda value: 255 - value)
    inverted.save("inverted.png")
    assert rfr.inpaint("photo.png", "inverted.png", "-o", "inverted_out.png", "--invert") == 0
    assert rfr.inpaint("photo.png", "mask.png", "-o", "out.png") == 0
    np.testing.assert_array_equal(pixels("inverted_out.png"), pixels("out.png"))


def test_boxes_colours_and_a_mask_are_filled_together(here: Path, rfr: Command) -> None:
    painted = picture(0)
    ImageDraw.Draw(painted).rectangle((60, 5, 70, 9), fill=(255, 0, 255))
    painted.save("painted.png")
    arguments = ["--box", "-10,-8,6,5", "--box=2,3,4,4", "--colour", "#ff00ff", "--tolerance", "0"]
    assert rfr.inpaint("painted.png", "mask.png", "-o", "out.png", *arguments) == 0
    hole = np.array(mask()) > 0
    hole[5:10, 60:71] = hole[52:57, 70:76] = hole[3:7, 2:6] = True
    changed = (pixels("out.png") != np.array(painted)).any(-1)
    assert not changed[~hole].any()
    assert changed[hole].mean() > 0.9
    assert "outside the picture" in rfr.refused("inpaint", "painted.png", "-o", "out.png", "--box", "80,0,5,5")
    assert "expected x,y,width,height" in rfr.refused("inpaint", "painted.png", "-o", "out.png", "--box", "1,2")


def test_gaps_are_filled_and_what_is_to_be_avoided_is_not_looked_at(here: Path, rfr: Command, model: Path) -> None:
    outline = Image.new("L", (WIDTH, HEIGHT))
    ImageDraw.Draw(outline).rectangle((30, 20, 45, 35), outline=255)
    outline.save("outline.png")
    avoid = Image.new("L", (WIDTH, HEIGHT))
    ImageDraw.Draw(avoid).rectangle((50, 0, WIDTH, HEIGHT), fill=255)
    avoid.save("avoid.png")
    arguments = ["--fill-gaps", "--avoid", "avoid.png"]
    inpainter = Inpainter(load_network(model), device="cpu", dtype="float32")
    expected = inpainter(picture(0), outline, fill_gaps=True, avoid=avoid)
    assert rfr.inpaint("photo.png", "outline.png", "-o", "out.png", *arguments) == 0
    np.testing.assert_array_equal(pixels("out.png"), np.array(expected))
    assert rfr.inpaint("photo.png", "-o", "box.png", "--box", "30,20,16,16", "--avoid", "avoid.png") == 0
    np.testing.assert_array_equal(pixels("box.png"), pixels("out.png"))


_DETAILS = {
    "auto": [],
    "on": ["--detail"],
    "texture": ["--detail", "texture"],
    "off": ["--no-detail"],
    "off, word": ["--detail", "off"],
    "exact": ["--exact"],
    "exact, word": ["--detail", "exact"],
}


def test_texture_or_the_least_error_can_be_asked_for(here: Path, rfr: Command) -> None:
    torch.manual_seed(0)
    network = RFRModel(RFRConfig(width=8, norm="group", recurrences=2, detail=True, refinement=8))
    save_pretrained(network, "refined")
    shown = {}
    for name, flags in _DETAILS.items():
        options = ["--model", "refined", "--device", "cpu", "--dtype", "float32", *flags]
        assert rfr("inpaint", "photo.png", "mask.png", "-o", f"{name}.png", *options) == 0
        shown[name] = pixels(f"{name}.png")
    assert np.array_equal(shown["auto"], shown["on"])
    for old, word in (("on", "texture"), ("off", "off, word"), ("exact", "exact, word")):
        assert np.array_equal(shown[old], shown[word])
    assert not np.array_equal(shown["on"], shown["off"])
    assert not np.array_equal(shown["exact"], shown["off"])
    assert not np.array_equal(shown["exact"], shown["on"])
    common = ("inpaint", "photo.png", "mask.png", "-o", "x.png", "--exact")
    assert "exclude each other" in rfr.refused(*common, "--no-detail", "--model", "refined")
    assert "this network has no refinement" in rfr.refused(*common, "--model", rfr.model)


def test_steps_are_written_and_the_last_is_the_result(here: Path, rfr: Command) -> None:
    assert rfr.inpaint("photo.png", "mask.png", "-o", "out.png", "--steps-dir", "all/steps", "--json") == 0
    assert sorted(path.name for path in Path("all/steps").iterdir()) == ["step_01.png", "step_02.png", "step_03.png"]
    np.testing.assert_array_equal(pixels("all/steps/step_03.png"), pixels("out.png"))
    assert (pixels("all/steps/step_01.png") != pixels("out.png")).any()
    [facts] = rfr.json()
    assert facts["status"] == "filled"
    assert facts["recurrences"] == 3
    assert facts["hole_ratio"] == pytest.approx(256 / (HEIGHT * WIDTH))


def test_transparency_is_filled_when_there_is_no_mask(here: Path, rfr: Command) -> None:
    image = picture(0)
    image.putalpha(Image.eval(mask(), lambda value: 255 - value))
    image.save("holed.png")
    assert rfr.inpaint("holed.png", "-o", "out.png") == 0
    assert (pixels("out.png")[..., 3] == 255).all()


def test_turned_pictures_come_back_upright_with_their_metadata(here: Path, rfr: Command) -> None:
    exif = Image.Exif()
    exif[0x0112], exif[0x010E] = 6, "a turned photo"
    profile = bytes(16) + b"RGB " + bytes(108)
    picture(0).save("turned.jpg", exif=exif, icc_profile=profile)
    mask().transpose(Image.Transpose.ROTATE_270).save("upright_mask.png")
    assert rfr.inpaint("turned.jpg", "upright_mask.png", "-o", "out.png") == 0
    with Image.open("out.png") as out:
        assert out.size == (HEIGHT, WIDTH)
        assert out.getexif().get(0x010E) == "a turned photo"
        assert out.getexif().get(0x0112, 1) == 1
        assert out.info["icc_profile"] == profile


def test_an_empty_hole_gives_the_picture_back(here: Path, rfr: Command) -> None:
    Image.new("L", (WIDTH, HEIGHT)).save("empty.png")
    assert rfr.inpaint("photo.png", "empty.png", "-o", "out.png") == 3
    assert "nothing to fill" in rfr.out
    np.testing.assert_array_equal(pixels("out.png"), pixels("photo.png"))


def test_a_cmyk_picture_has_steps_too(here: Path, rfr: Command) -> None:
    picture(0).convert("CMYK").save("ink.tif")
    assert rfr.inpaint("ink.tif", "mask.png", "-o", "out.tif", "--steps-dir", "steps") == 0
    with Image.open("out.tif") as out, Image.open("steps/step_01.png") as step:
        assert (out.mode, step.mode) == ("CMYK", "RGB")


def test_a_result_goes_into_a_folder_under_its_picture_s_name(here: Path, rfr: Command) -> None:
    Path("results").mkdir()
    assert rfr.inpaint("photo.png", "mask.png", "-o", "results") == 0
    assert pixels("results/photo.png").shape == (HEIGHT, WIDTH, 3)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ("none.png mask.png -o x.png", "none.png does not exist"),
        ("photo.png none.png -o x.png", "none.png does not exist"),
        ("photo.png mask.png -o x.gif", "x.gif ends in .gif"),
        ("photo.png mask.png -o none/x.png", "The folder none does not exist"),
        ("photo.png mask.png -o photo.png", "would replace photo.png"),
        ("photo.png mask.png -o ./mask.png", "would replace mask.png"),
        ("photo.png -o x.png", "has no transparency"),
        ("photo.png -o x.png --invert", "Invert and resize are about a mask"),
        ("photo.png small.png -o x.png", "80×60"),
        ("photo.png full.png -o x.png", "covers the whole picture"),
        ("text.png mask.png -o x.png", "text.png is of no format"),
        ("photo.png text.png -o x.png", "The mask cannot be read"),
        ("holed.png mask.png -o x.jpg", "cannot hold transparency"),
        ("photo.png folder -o x.png", "is a folder"),
        ("folder mask.png -o x", "holds no pictures"),
        ("photo.png mask.png -o x.png --recurrences 0", "Recurrences is 0"),
        ("photo.png mask.png -o x.png --recurrences -3", "Recurrences is -3"),
        ("photo.png mask.png -o x.png --recurrences many", "Recurrences is 'many'"),
        ("photo.png mask.png -o x.png --threshold 0", "Threshold is 0"),
        ("photo.png mask.png -o x.png --channel hue", "Channel is 'hue'"),
        ("photo.png mask.png -o x.png --avoid none.png", "The mask none.png does not exist"),
        ("photo.png mask.png -o x.png --avoid folder", "The mask folder of what to avoid is a folder"),
        ("photo.png mask.png -o x.png --avoid small.png", "80×60"),
        ("photo.png mask.png -o x.png --avoid full.png", "Hole and avoid cover the whole picture"),
        ("photo.png mask.png -o x.png --shard 3/2", "Shard is '3/2'"),
        ("photo.png mask.png -o x.png --model none", "There is no checkpoint none"),
        ("photo.png mask.png -o x.png --device abacus", "device is 'abacus'"),
        ("photo.png mask.png -o x.png --dtype int8", "dtype is 'int8'"),
    ],
)
def test_bad_input_is_one_sentence(arguments: str, sentence: str, here: Path, rfr: Command) -> None:
    Image.new("L", (10, 10)).save("small.png")
    Image.new("L", (WIDTH, HEIGHT), 255).save("full.png")
    Image.new("RGBA", (WIDTH, HEIGHT)).save("holed.png")
    Path("text.png").write_text("not a picture")
    Path("folder").mkdir()
    before = {path: path.stat().st_mtime_ns for path in here.rglob("*")}
    default_model = [] if "--model" in arguments else ["--model", rfr.model]
    assert sentence in rfr.refused("inpaint", *arguments.split(), *default_model)
    assert {path: path.stat().st_mtime_ns for path in here.rglob("*")} == before


def test_a_failed_write_leaves_the_older_file(here: Path, rfr: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    Path("out.png").write_text("older")

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    assert "No space left on device" in rfr.refused(
        "inpaint", "photo.png", "mask.png", "-o", "out.png", "--model", rfr.model
    )
    assert Path("out.png").read_text() == "older"
    assert sorted(path.name for path in here.iterdir()) == ["mask.png", "out.png", "photo.png"]


# Folders


def test_a_folder_is_filled_pair_by_pair(here: Path, rfr: Command, model: Path) -> None:
    folders(9)
    Path("photos/notes.txt").write_text("no picture")
    assert rfr.inpaint("photos", "masks", "-o", "new/out", "--steps-dir", "steps") == 0
    assert rfr.out == "9 filled, 0 skipped, 0 failed\n"
    inpainter = Inpainter(load_network(model), device="cpu", dtype="float32")
    assert len(list(Path("new/out").iterdir())) == 9
    for index in (0, 8):
        expected = np.array(inpainter(picture(index), mask()))
        np.testing.assert_array_equal(pixels(f"new/out/{index}.png"), expected)
        np.testing.assert_array_equal(pixels(f"steps/{index}.png/step_03.png"), expected)


def test_what_fails_is_reported_and_the_others_go_on(here: Path, rfr: Command) -> None:
    folders(5)
    Path("photos/1.png").write_bytes(Path("photos/1.png").read_bytes()[:3000])
    Path("masks/2.png").unlink()
    mask().save("masks/3.bmp")
    assert rfr.inpaint("photos", "masks", "-o", "out", "--json") == 1
    assert sorted(path.name for path in Path("out").iterdir()) == ["0.png", "4.png"]
    status = {Path(facts["image"]).name: facts["status"] for facts in rfr.json()}
    assert status == {"0.png": "filled", "1.png": "failed", "2.png": "failed", "3.png": "failed", "4.png": "filled"}
    errors = rfr.err.splitlines()
    assert len(errors) == 3
    assert "1.png is damaged" in errors[0]
    assert "2.png needs one mask of its name, but there is none" in errors[1]
    assert "3.bmp and 3.png" in errors[2]


def test_memory_that_is_too_small_for_one_picture_leaves_the_others(
    here: Path, rfr: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    folders(3)
    ImageDraw.Draw(large := Image.new("L", (WIDTH, HEIGHT))).rectangle((0, 0, 60, 59), fill=255)
    large.save("masks/1.png")
    run_through = RFRNet.steps

    def limited(network: RFRNet, image: torch.Tensor, known: torch.Tensor, *arguments, **options):
        if float(known.mean()) < 0.5:
            raise torch.OutOfMemoryError("out of memory")
        return run_through(network, image, known, *arguments, **options)

    monkeypatch.setattr(RFRNet, "steps", limited)
    assert rfr.inpaint("photos", "masks", "-o", "out") == 1
    assert f"{Path('photos/1.png')}: The memory does not suffice" in rfr.err
    assert sorted(path.name for path in Path("out").iterdir()) == ["0.png", "2.png"]


def test_what_is_done_is_skipped(here: Path, rfr: Command) -> None:
    folders(3)
    Path("out").mkdir()
    Path("out/1.png").write_text("done")
    assert rfr.inpaint("photos", "masks", "-o", "out") == 0
    assert rfr.out == "2 filled, 1 skipped, 0 failed\n"
    assert Path("out/1.png").read_text() == "done"
    assert rfr("inpaint", "photos", "masks", "-o", "out", "--model", "no-model-is-needed") == 0
    assert rfr.out == "0 filled, 3 skipped, 0 failed\n"
    assert rfr.inpaint("photos", "masks", "-o", "out", "--overwrite", "--json") == 0
    assert [facts["status"] for facts in rfr.json()] == ["filled"] * 3
    assert pixels("out/1.png").shape == (HEIGHT, WIDTH, 3)


def test_shards_share_the_work(here: Path, rfr: Command) -> None:
    folders(5)
    for shard, expected in (("1/2", ["0.png", "2.png", "4.png"]), ("2/2", ["1.png", "3.png"])):
        assert rfr.inpaint("photos", "masks", "-o", f"out{shard[0]}", "--shard", shard) == 0
        assert sorted(path.name for path in Path(f"out{shard[0]}").iterdir()) == expected
    assert rfr.inpaint("photos", "masks", "-o", "out6", "--shard", "6/6") == 0
    assert rfr.out == "0 filled, 0 skipped, 0 failed\n"


def test_one_mask_serves_a_whole_folder(here: Path, rfr: Command) -> None:
    folders(2)
    assert rfr.inpaint("photos", "mask.png", "-o", "one") == 0
    assert rfr.inpaint("photos", "masks", "-o", "each") == 0
    np.testing.assert_array_equal(pixels("one/1.png"), pixels("each/1.png"))


def test_nothing_to_fill_is_counted_apart_and_has_its_own_status(here: Path, rfr: Command) -> None:
    folders(3)
    Image.new("L", (WIDTH, HEIGHT)).save("masks/1.png")
    assert rfr.inpaint("photos", "masks", "-o", "out") == 3
    assert rfr.out == "2 filled, 0 skipped, 0 failed, 1 with nothing to fill\n"
    np.testing.assert_array_equal(pixels("out/1.png"), pixels("photos/1.png"))
    Path("masks/2.png").unlink()
    assert rfr.inpaint("photos", "masks", "-o", "out", "--overwrite", "--json") == 1
    assert [facts["status"] for facts in rfr.json()] == ["failed", "filled", "empty"]


def test_masks_of_two_values_and_red_paint_are_filled(here: Path, rfr: Command) -> None:
    drawn = np.array(mask()) > 0
    Image.fromarray(drawn.astype(np.uint8)).save("ones.png")
    Image.fromarray(np.dstack([drawn * 255, drawn * 0, drawn * 0]).astype(np.uint8)).save("red.png")
    assert rfr.inpaint("photo.png", "mask.png", "-o", "out.png") == 0
    for name in ("ones", "red"):
        assert rfr.inpaint("photo.png", f"{name}.png", "-o", f"{name}_out.png") == 0
        np.testing.assert_array_equal(pixels(f"{name}_out.png"), pixels("out.png"))
    Image.fromarray(np.where(drawn, np.arange(WIDTH) % 90, 0).astype(np.uint8)).save("dark.png")
    assert "from 0 to 45, and the threshold is 0.5 of 255" in rfr.refused(
        "inpaint", "photo.png", "dark.png", "-o", "x.png", "--model", rfr.model
    )


def test_names_pair_whatever_the_case_and_the_coding_of_accents(here: Path, rfr: Command) -> None:
    for folder in ("photos", "masks"):
        Path(folder).mkdir()
    for name, of_mask in (("Ünder", "U\u0308nder"), ("IMG_1", "img_1"), ("a", "a_mask")):
        picture(0).save(f"photos/{name}.png")
        mask().save(f"masks/{of_mask}.PNG")
    assert rfr.inpaint("photos", "masks", "-o", "out") == 0
    assert rfr.out == "3 filled, 0 skipped, 0 failed\n"


@pytest.mark.parametrize("masks", [[], ["photos"]])
def test_masks_beside_their_pictures_pair(here: Path, rfr: Command, masks: list[str]) -> None:
    Path("photos").mkdir()
    picture(0).save("photos/a.png")
    mask().save("photos/a_mask.png")
    picture(1).save("photos/b.jfif", format="JPEG")
    mask().save("photos/b-mask.png")
    assert rfr.inpaint("photos", *masks, "-o", "out") == 0
    assert sorted(path.name for path in Path("out").iterdir()) == ["a.png", "b.jfif"]
    outside = np.array(mask()) == 0
    np.testing.assert_array_equal(pixels("out/a.png")[outside], pixels("photos/a.png")[outside])


def test_pictures_of_other_kinds_are_named_and_counted(here: Path, rfr: Command) -> None:
    folders(1)
    picture(0).save("photos/anim.gif")
    Path("photos/raw.NEF").touch()
    assert rfr.inpaint("photos", "masks", "-o", "out") == 0
    assert rfr.out == "1 filled, 0 skipped, 0 failed, 2 of a kind that is not read (anim.gif, raw.NEF)\n"
    assert rfr.inpaint("photos", "masks", "-o", "out", "--overwrite", "--json") == 0
    assert sorted(facts["status"] for facts in rfr.json()) == ["filled", "ignored", "ignored"]


def test_a_soft_cut_out_may_become_a_jpeg(here: Path, rfr: Command) -> None:
    image = picture(0)
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    alpha = np.clip(20 * np.hypot(y - 30, x - 40) - 100, 0, 255).astype(np.uint8)
    image.putalpha(Image.fromarray(alpha))
    image.save("holed.png")
    assert rfr.inpaint("holed.png", "-o", "out.jpg") == 0
    assert pixels("out.jpg").shape == (HEIGHT, WIDTH, 3)


def test_sixteen_bit_colour_stays(here: Path, rfr: Command) -> None:
    deep = np.random.default_rng(0).integers(0, 65536, (HEIGHT, WIDTH, 3), np.uint16)
    save_picture(Picture(Image.new("RGB", (WIDTH, HEIGHT)), deep=deep), "deep.png")
    assert rfr.inpaint("deep.png", "mask.png", "-o", "out.tif", "--steps-dir", "steps") == 0
    outside = np.array(mask()) == 0
    for path in ("out.tif", "steps/step_03.png"):
        filled = read_picture(path, as_it_is=True).deep
        assert filled is not None
        np.testing.assert_array_equal(filled[outside], deep[outside])
    assert "cannot hold 16 bits a channel" in rfr.refused(
        "inpaint", "deep.png", "mask.png", "-o", "x.jpg", "--model", rfr.model
    )


def test_what_the_result_lacks_is_told(here: Path, rfr: Command) -> None:
    picture(0).save("photo.jpg", comment=b"a comment")
    assert rfr.inpaint("photo.jpg", "mask.png", "-o", "out.png") == 0
    assert rfr.err == "rfr: out.png lacks the comment.\n"
    assert rfr.inpaint("photo.jpg", "mask.png", "-o", "out.png", "--json") == 0
    assert rfr.json()[0]["dropped"] == ["the comment"]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ("photos masks -o photos", "would lie in photos"),
        ("photos masks -o masks", "would lie in masks"),
        ("photos photos -o out", "Pictures and masks are both in photos"),
        ("photos masks -o out.png", "names a file"),
        ("photos masks -o mask.png/out", "cannot be made"),
    ],
)
def test_bad_folders_are_one_sentence(arguments: str, sentence: str, here: Path, rfr: Command) -> None:
    folders(1)
    assert sentence in rfr.refused("inpaint", *arguments.split(), "--model", rfr.model)


# Checkpoints


def test_info_says_what_a_checkpoint_is(rfr: Command, model: Path) -> None:
    assert rfr("info", str(model)) == 0
    assert "float32" in rfr.out
    assert rfr("info", str(model), "--json") == 0
    [facts] = rfr.json()
    network = load_network(model)
    assert facts["config"] == network.config.to_dict()
    assert facts["parameters"] == sum(parameter.numel() for parameter in network.parameters())
    assert facts["size"] == (model / "model.safetensors").stat().st_size
    assert "There is no checkpoint none" in rfr.refused("info", "none")
    assert rfr("info") == 0
    assert "float16" in rfr.out


def test_a_released_file_is_converted(here: Path, rfr: Command) -> None:
    torch.save({"generator": empty_released_state("small_hole")}, "g.pth")
    assert rfr("convert", "g.pth", "out", "--dtype", "float16", "--json") == 0
    [facts] = rfr.json()
    assert facts["dtype"] == "float16"
    assert facts["config"]["kernel_size"] == 5
    assert "holds a checkpoint already" in rfr.refused("convert", "g.pth", "out")
    assert "Dtype is 'int8'" in rfr.refused("convert", "g.pth", "other", "--dtype", "int8")
    assert "There is no file none.pth" in rfr.refused("convert", "none.pth", "other")
    assert not Path("other").exists()


def test_a_network_is_exported(here: Path, rfr: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    assert rfr("export", rfr.model, "out.pt2", "--recurrences", "1", "--json") == 0
    [facts] = rfr.json()
    assert facts == {"path": "out.pt2", "size": Path("out.pt2").stat().st_size}
    graph = torch.export.load("out.pt2").module()
    shapes = [(1, HEIGHT, WIDTH, 3), (1, HEIGHT, WIDTH)]
    assert graph(*(torch.zeros(shape, dtype=torch.uint8) for shape in shapes)).shape == shapes[0]
    assert "expected .onnx or .pt2" in rfr.refused("export", rfr.model, "out.pth")
    assert "The folder none does not exist" in rfr.refused("export", rfr.model, "none/out.pt2")
    monkeypatch.setitem(sys.modules, "onnxscript", None)
    assert "pip install 'rfr-inpainting[onnx]'" in rfr.refused("export", rfr.model, "out.onnx")
    assert not Path("out.onnx").exists()


def test_the_bundled_model_is_the_default(here: Path, rfr: Command) -> None:
    assert rfr("inpaint", "photo.png", "mask.png", "-o", "out.png", "--device", "cpu") == 0
    outside = np.array(mask()) == 0
    np.testing.assert_array_equal(pixels("out.png")[outside], pixels("photo.png")[outside])


# A process of its own


def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    variables = os.environ | {"PYTHONPATH": str(Path(__file__).parents[2]), "OMP_NUM_THREADS": "1"} | environment
    command = [sys.executable, *arguments]
    return subprocess.run(command, env=variables, capture_output=True, text=True, timeout=600, check=False)


@pytest.mark.parametrize(
    ("words", "shown"), [(["inpaint"], "white = fill"), (["train"], "experiment"), (["train", "fit"], "--resume")]
)
def test_help_does_not_wait_for_torch(words: list[str], shown: str) -> None:
    code = f"import sys; sys.argv = ['rfr', *{words}, '--help']; from rfr_core.command.cli import main\n"
    code += "try: main()\nfinally: print('torch' in sys.modules)"
    process = run("-c", code)
    assert process.returncode == 0
    assert shown in process.stdout
    assert process.stdout.splitlines()[-1] == "False"


def test_bad_settings_are_told_of_before_torch_starts() -> None:
    code = (
        "import sys; sys.argv = ['rfr', 'inpaint', 'photo.png', 'mask.png', '-o', 'out.png', '--recurrences', '65']\n"
    )
    code += "from rfr_core.command.cli import main\ntry: main()\nfinally: print('torch' in sys.modules)"
    process = run("-c", code)
    assert process.returncode == 2
    assert "a whole number from 1 to 64" in process.stderr
    assert process.stdout.splitlines() == ["False"]


def test_a_missing_argument_is_bad_input() -> None:
    process = run("-m", "rfr_core", "inpaint", "photo.png", "mask.png")
    assert process.returncode == 2
    assert "--out" in process.stderr
    assert "Traceback" not in process.stderr


def test_pulled_once_a_model_is_there_without_network(here: Path, model: Path) -> None:
    with HubServer() as hub:
        hub.add("owner/tiny", {path.name: path.read_bytes() for path in model.iterdir()})
        environment = {"HF_ENDPOINT": hub.url, "HF_HOME": str(here / "home"), "HF_HUB_DISABLE_XET": "1"}
        pulled = run("-m", "rfr_core", "pull", "owner/tiny", "--json", **environment)
        assert pulled.returncode == 0, pulled.stderr
        assert json.loads(pulled.stdout)["config"]["width"] == 8
    arguments = ["photo.png", "mask.png", "-o", "out.png", "--model", "owner/tiny", "--device", "cpu"]
    filled = run("-m", "rfr_core", "inpaint", *arguments, **environment, HF_HUB_OFFLINE="1")
    assert filled.returncode == 0, filled.stderr
    assert pixels("out.png").shape == (HEIGHT, WIDTH, 3)
    absent = run("-m", "rfr_core", "pull", "owner/absent", **environment, HF_HUB_OFFLINE="1")
    assert absent.returncode == 2
    assert absent.stderr.startswith("rfr: config.json of owner/absent")
    assert len(absent.stderr.splitlines()) == 1


# The machine


def test_info_tells_of_the_machine(rfr: Command) -> None:
    assert rfr("info", "--system", "--json") == 0
    facts = json.loads(rfr.out)
    assert facts["torch"] == torch.__version__
    assert facts["number format"] in ("float32", "float16", "bfloat16")
    assert rfr("info", "--system") == 0
    assert "device" in rfr.out


def test_the_trainer_is_a_command_of_it(rfr: Command) -> None:
    assert rfr("train", "fit", "missing.toml") == 2
    assert "missing.toml" in rfr.err
