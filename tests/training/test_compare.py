import json
import sys
import types
import warnings
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image, ImageOps
from typer.testing import CliRunner

from rfr_core import Inpainter, RFRConfig, RFRNet
from rfr_core.checkpoints.model import RFRModel
from rfr_core.checkpoints.saving import save_pretrained
from rfr_core.ops.pyramid import pull_push
from rfr_core.training.command import app
from rfr_core.training.evaluation.compare_methods import compare
from rfr_core.training.evaluation.distribution import distribution_scores
from rfr_core.training.evaluation.measure import peak_mib
from rfr_core.training.evaluation.near_duplicates import MAX_SHARE, difference_hash, near_duplicates
from rfr_core.training.evaluation.peers import PEERS, find_peer, tensor_fill
from rfr_core.training.evaluation.protocol import evaluate
from rfr_core.training.losses.lpips import ShiftTolerantLPIPS

SIZE = 48


def photograph(seed: int, height: int = 60, width: int = 80) -> Image.Image:
    """Smooth structure at several scales, as photographs have it."""
    rng = np.random.default_rng(seed)
    layers = [
        Image.fromarray(rng.integers(0, 256, (n, n, 3), dtype=np.uint8)).resize((width, height)) for n in (3, 6, 15)
    ]
    return Image.blend(Image.blend(layers[0], layers[1], 0.4), layers[2], 0.3)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data")
    (folder / "eval").mkdir()
    for seed in range(3):
        photograph(seed).save(folder / "eval" / f"{seed}.png")
    for bucket, rows in (("10-20", 8), ("object", 16)):
        (folder / "holes" / bucket).mkdir(parents=True)
        mask = np.zeros((SIZE, SIZE), np.uint8)
        mask[10 : 10 + rows, 4:44] = 255
        Image.fromarray(mask).save(folder / "holes" / bucket / "a.png")
    torch.manual_seed(0)
    save_pretrained(RFRNet(RFRConfig(width=8, norm="group", recurrences=2)), folder / "tiny")
    return folder


def run(*arguments: object) -> tuple[int, str, str]:
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    return result.exit_code, result.stdout, result.stderr


@pytest.mark.parametrize("name", PEERS)
def test_peers_fill_holes_and_see_nothing_of_them(name: str):
    peer = PEERS[name]
    if not peer.is_available():
        pytest.skip(f"{peer.package} is not installed")
    image = np.array(photograph(1, 64, 64))
    hole = np.zeros((64, 64), bool)
    hole[26:36, 30:40] = True
    erased, inverted = image.copy(), image.copy()
    erased[hole], inverted[hole] = 0, 255 - image[hole]
    filled = peer.fill(erased, hole)
    assert filled.shape == image.shape
    assert filled.dtype == np.uint8
    assert np.abs(filled[hole].astype(int) - image[hole]).mean() < np.abs(erased[hole].astype(int) - image[hole]).mean()
    np.testing.assert_array_equal(peer.fill(inverted, hole)[hole], filled[hole])


def test_comparison_scores_every_method_as_evaluation_does(data: Path, tmp_path: Path):
    pytest.importorskip("cv2")
    out = tmp_path / "new" / "out"
    told: list[tuple[str, int, int]] = []
    found = compare(
        [str(data / "tiny")],
        ["telea", "ns"],
        data / "eval",
        data / "holes",
        out,
        size=SIZE,
        progress=lambda *state: told.append(state),
    )
    assert list(found.tables) == ["Telea", "Navier-Stokes", "RFR tiny"]
    fills = {
        "Telea": tensor_fill(find_peer("telea")),
        "Navier-Stokes": tensor_fill(find_peer("ns")),
        "RFR tiny": Inpainter.from_pretrained(data / "tiny", device="cpu"),
    }
    for title, fill in fills.items():
        table = evaluate(fill, data / "eval", data / "holes", size=SIZE)
        for bucket in ("10-20", "object"):
            for name, value in table[bucket].items():
                assert found.tables[title][bucket][name] == pytest.approx(value, abs=2e-2 if "psnr" in name else 1e-3)
    assert told[:6] == [("RFR tiny", done, 6) for done in range(1, 7)]  # what may fail by its name comes first
    assert told[-1] == ("Scores", 6, 6)

    read = json.loads((out / "comparison.json").read_text())
    telea = read["methods"]["Telea"]
    assert telea["buckets"]["object"]["psnr"] == pytest.approx(found.tables["Telea"]["object"]["psnr"], abs=1e-5)
    assert telea["buckets"]["object"]["seconds"] > 0
    assert (telea["peak_mib"] is None) == (peak_mib() is None)
    assert read["training_pictures_checked"] is None
    text = (out / "comparison.md").read_text()
    assert text == found.to_markdown()
    best = max(table["object"]["psnr"] for table in found.tables.values())
    assert f"**{best:.2f}**" in text
    with Image.open(out / "sheet.jpg") as sheet:
        assert sheet.width >= 5 * SIZE  # input, three fills, truth
        assert 4 * SIZE <= sheet.height < 6 * SIZE + 200  # of both buckets the fills and the recurrences
    assert sorted(path.name for path in out.iterdir()) == ["comparison.json", "comparison.md", "sheet.jpg"]


@pytest.mark.parametrize("blocks", ["plain", "residual"])
def test_a_model_is_compared_without_its_network(blocks: str, data: Path, tmp_path: Path):
    torch.manual_seed(1)
    scale = {"attention_scale": 4, "downsamples": 2} if blocks == "residual" else {"norm": "group"}
    network = RFRNet(RFRConfig.from_dict({"width": 8, "recurrences": 2, "blocks": blocks, **scale}))
    torch.nn.init.normal_(network.decoder.out.weight, std=0.1)
    save_pretrained(network, tmp_path / "net")
    arguments = ([str(tmp_path / "net")], [], data / "eval", data / "holes", tmp_path / "out")
    found = compare(*arguments, size=SIZE, without_network=True)
    assert list(found.tables) == ["RFR net", "RFR net, without the network"]

    def interpolated(image: torch.Tensor, hole: torch.Tensor) -> torch.Tensor:
        return pull_push(image, 1 - hole)

    table = evaluate(interpolated, data / "eval", data / "holes", size=SIZE)
    without, whole = (found.tables[title] for title in ("RFR net, without the network", "RFR net"))
    for bucket in ("10-20", "object"):
        assert without[bucket]["psnr"] == pytest.approx(table[bucket]["psnr"], abs=0.05)
        assert whole[bucket]["psnr"] != pytest.approx(table[bucket]["psnr"], abs=0.05)


def test_peers_run_once_in_a_work_folder(data: Path, tmp_path: Path):
    pytest.importorskip("cv2")
    ran: list[str] = []
    arguments = (data / "eval", data / "holes", tmp_path / "out")
    options = {"size": SIZE, "work": tmp_path / "work", "progress": lambda title, *_: ran.append(title)}
    for _ in range(2):
        compare([], ["telea"], *arguments, **options)
    assert ran.count("Telea") == 6
    assert len(list((tmp_path / "work").glob("*/telea/*.png"))) == 6
    compare([], ["telea"], *arguments, limit=1, **options)
    assert ran.count("Telea") == 8


def test_near_duplicates_of_training_pictures_are_found(tmp_path: Path):
    original = photograph(5, 300, 400)
    copies = {
        "small.png": original.resize((90, 70)),
        "trimmed.png": original.crop((10, 8, 390, 292)),
        "mirrored.png": ImageOps.mirror(original),
        "dark.png": original.point([round(0.7 * value) for value in range(256)] * 3),
        "gray.png": original.convert("L"),
    }
    for name, image in copies.items():
        image.save(tmp_path / name)
    original.save(tmp_path / "original.jpg", quality=30)
    for seed in range(10, 40):
        photograph(seed).save(tmp_path / f"other-{seed}.png")
    others = [*sorted(tmp_path.glob("other-*")), tmp_path / "original.jpg"]
    found = near_duplicates([*(tmp_path / name for name in copies), tmp_path / "other-12.png"], others[:2] + others[3:])
    assert [(pair.picture.name, pair.other.name) for pair in found] == [(name, "original.jpg") for name in copies]
    assert all(pair.share <= MAX_SHARE for pair in found)
    assert (difference_hash(original) != difference_hash(photograph(6, 300, 400))).mean() > 2 * MAX_SHARE


def test_training_pictures_in_the_evaluation_are_refused(data: Path, tmp_path: Path):
    pytest.importorskip("cv2")
    train = tmp_path / "train"
    (train / "deeper").mkdir(parents=True)
    photograph(77).save(train / "77.png")
    options = ("compare", "--pictures", data / "eval", "--holes", data / "holes", "--size", SIZE, "--train", train)
    options = (*options, "--peer", "telea", "--model", data / "tiny", "--limit", 1)
    code, shown, _ = run(*options, "-o", tmp_path / "clean")
    assert code == 0
    assert "one of the 1 training pictures" in shown
    photograph(1).resize((160, 120)).save(train / "deeper" / "again.jpg")
    code, _, complaint = run(*options, "-o", tmp_path / "leaky")
    assert code == 2
    assert complaint.startswith("1 evaluation picture(s) are near-duplicates")
    assert "again.jpg" in complaint
    assert not (tmp_path / "leaky").exists()


def test_evaluate_command(data: Path, tmp_path: Path):
    pytest.importorskip("cv2")
    options = ("evaluate", "--model", data / "tiny", "--pictures", data / "eval", "--holes", data / "holes")
    options = (*options, "--size", SIZE, "--bucket", "object", "--device", "cpu")
    code, shown, _ = run(*options, "--json", tmp_path / "scores.json")
    assert code == 0
    assert shown.splitlines()[0] == "| holes | pictures | RFR tiny PSNR / SSIM / l1 | Telea | Navier-Stokes |"
    scores = json.loads((tmp_path / "scores.json").read_text())
    assert scores["Telea"]["object"]["psnr"] > scores["RFR tiny"]["object"]["psnr"]  # untrained
    code, shown, _ = run(*options, "--no-telea", "--limit", 1)
    assert code == 0
    assert "Telea" not in shown


def test_a_model_with_detail_is_judged_exact_and_without_it_as_well(data: Path, tmp_path: Path):
    torch.manual_seed(0)
    model = tmp_path / "fine"
    save_pretrained(RFRModel(RFRConfig(width=8, norm="group", recurrences=2, detail=True, refinement=8)), model)
    folders = (data / "eval", data / "holes")
    found = compare([str(model)], [], *folders, tmp_path / "out", size=SIZE, buckets=["object"])
    inpainter = Inpainter.from_pretrained(model, device="cpu")
    fills = {
        "RFR fine": inpainter,
        "RFR fine, exact": partial(inpainter, detail="exact"),
        "RFR fine, no detail": partial(inpainter, detail=False),
    }
    assert list(found.tables) == list(fills)
    for title, fill in fills.items():
        table = evaluate(fill, *folders, size=SIZE, buckets=["object"])
        assert found.tables[title]["object"]["psnr"] == pytest.approx(table["object"]["psnr"], abs=2e-2)
    code, shown, _ = run("evaluate", "--model", model, "--pictures", folders[0], "--holes", folders[1], "--no-telea")
    assert code == 0
    assert [cell.strip() for cell in shown.splitlines()[0].split("|")[3:-1]] == [
        "RFR fine PSNR / SSIM / l1",
        *list(fills)[1:],
    ]


def test_lpips_equals_the_packages_own_code(monkeypatch: pytest.MonkeyPatch):
    for name in ("torchvision", "torchvision.models", "IPython", "torchsummary"):  # what the package imports unused
        monkeypatch.setitem(sys.modules, name, types.ModuleType(name))
    monkeypatch.setattr(sys.modules["torchvision"], "models", sys.modules["torchvision.models"], raising=False)
    monkeypatch.setattr(sys.modules["IPython"], "embed", None, raising=False)
    monkeypatch.setattr(sys.modules["torchsummary"], "summary", None, raising=False)
    stlpips = pytest.importorskip("stlpips_pytorch.stlpips")
    generator = torch.Generator().manual_seed(0)
    truth = torch.rand(1, 3, SIZE, SIZE, generator=generator)
    results = torch.cat([torch.rand(1, 3, SIZE, SIZE, generator=generator), truth.flip(3), truth])
    hole = torch.zeros(1, 1, SIZE, SIZE)
    hole[..., 10:30, 5:25] = 1
    whole, inside = ShiftTolerantLPIPS()(results, truth, hole)
    build = {"net": "alex", "variant": "shift_tolerant", "verbose": False}
    with torch.inference_mode():
        expected = stlpips.LPIPS(**build)(2 * results - 1, 2 * truth - 1).flatten()
        spatial = stlpips.LPIPS(**build, spatial=True)(2 * results - 1, 2 * truth - 1)
    torch.testing.assert_close(whole, expected)
    torch.testing.assert_close(inside, (spatial * hole).sum((1, 2, 3)) / hole.sum())
    assert whole[2].item() == pytest.approx(0, abs=1e-9)


def test_refusals_are_one_sentence(data: Path, tmp_path: Path):
    pytest.importorskip("cv2")
    folders = ("--pictures", data / "eval", "--holes", data / "holes", "--size", SIZE)
    tiny = ("--model", data / "tiny")
    (tmp_path / "file").write_text("not a folder")

    def refused(words: str, *arguments: object) -> None:
        code, shown, complaint = run(*arguments)
        assert code == 2
        assert not shown
        last = complaint.strip().splitlines()[-1]
        assert words in last
        assert "Traceback" not in complaint

    refused("no recipe", "fit", tmp_path / "none.toml")
    refused("is not a folder", "evaluate", *tiny, "--pictures", tmp_path / "none")
    refused("no checkpoint", "evaluate", "--model", tmp_path / "none", *folders)
    refused("could not be written", "evaluate", *tiny, *folders, "--no-telea", "--json", tmp_path / "none" / "a.json")
    refused("no peer 'lama'", "compare", "-o", tmp_path / "out", *folders, "--peer", "lama")
    refused("no checkpoint", "compare", "-o", tmp_path / "out", *folders, "--peer", "ns", "--model", tmp_path / "none")
    refused("no bucket '90-100'", "compare", "-o", tmp_path / "out", *folders, *tiny, "--bucket", "90-100")
    refused("cannot be written to", "compare", "-o", tmp_path / "file", *folders, *tiny)
    refused("not a folder with pictures", "compare", "-o", tmp_path / "out", *folders, *tiny, "--train", tmp_path)
    assert not (tmp_path / "out").exists()


class Detector(torch.nn.Module):
    """As an Inception network takes pictures and gives features: here those of a coarse copy."""

    def forward(self, image: torch.Tensor, return_features: bool = False) -> torch.Tensor:
        coarse = torch.nn.functional.adaptive_avg_pool2d(image.float() / 255, 2).flatten(1)
        return coarse if return_features else coarse[:, :1]


def scripted(network: torch.nn.Module, path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # the file that everyone has is TorchScript
        torch.jit.script(network).save(str(path))


@pytest.fixture
def detector(tmp_path: Path) -> Path:
    scripted(Detector(), tmp_path / "inception.pt")
    return tmp_path / "inception.pt"


def test_fills_are_scored_together_by_an_inception_network(data: Path, detector: Path, tmp_path: Path):
    found = compare(
        [str(data / "tiny")], ["telea"], data / "eval", data / "holes", tmp_path / "out", size=SIZE,
        inception=detector,
    )  # fmt: skip
    for table in found.tables.values():
        for row in table.rows:
            assert row.scores["fid"] >= 0
            assert 0 <= row.scores["u_ids"] <= 1
            assert row.scores["p_ids"] in (0, 1 / 3, 2 / 3, 1)
    text = (tmp_path / "out" / "comparison.md").read_text("utf-8")
    assert "| FID | U-IDS | P-IDS | s/picture |" in text
    assert "of fewer than some thousand" in text
    kept = json.loads((tmp_path / "out" / "comparison.json").read_text())["methods"]
    assert all("fid" in scores for method in kept.values() for scores in method["buckets"].values())


def test_scores_of_distributions_tell_how_far_apart_they_are():
    truth = torch.randn(400, 6, generator=torch.Generator().manual_seed(0))
    near = torch.randn(400, 6, generator=torch.Generator().manual_seed(1))
    same, alike, apart = (distribution_scores(fills, truth) for fills in (truth, near, near + 3))
    assert same["fid"] < 1e-3
    assert same["fid"] < alike["fid"] < 0.5
    assert apart["fid"] == pytest.approx(6 * 9, rel=0.2)  # the squared distance of the means
    assert alike["u_ids"] > 0.4
    assert alike["p_ids"] > 0.35
    assert apart["u_ids"] < 0.01
    assert apart["p_ids"] < 0.01
    assert all(np.isnan(value) for value in distribution_scores(truth[:1], truth[:1]).values())


def test_what_is_no_inception_network_is_refused(data: Path, tmp_path: Path):
    (tmp_path / "text.pt").write_text("no archive")
    scripted(torch.nn.Flatten(), tmp_path / "other.pt")
    common = ("--peer", "telea", "--pictures", data / "eval", "--holes", data / "holes", "--size", SIZE)
    for name, match in (("text.pt", "is no TorchScript file"), ("none.pt", "is no TorchScript file"),
                        ("other.pt", "takes no bytes with return_features")):  # fmt: skip
        options = ("--model", data / "tiny", *common, "--inception", tmp_path / name, "-o", tmp_path / "out")
        code, _, error = run("compare", *options)
        assert code == 2
        assert match in error.splitlines()[-1]
