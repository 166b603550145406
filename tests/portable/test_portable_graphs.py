"""The parts of a network as graphs without weights: equal to the network, and written anew."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from rfr_core import ConfigError, Inpainter, RFRConfig, RFRError, save_pretrained
from rfr_core.checkpoints.loading import load_network
from rfr_core.checkpoints.model import RFRModel
from rfr_core.command.cli import main
from rfr_core.inference.parts import write_parts
from rfr_core.inference.runner import Runner
from rfr_core.ops.box import Box
from rfr_core.portable import PortableInpainter
from rfr_core.portable.network_graphs import NetworkGraphs

pytest.importorskip("onnxruntime")

SMALL = RFRConfig(
    width=8,
    channels=(8, 8, 8),
    kernel_size=3,
    downsamples=2,
    recurrences=3,
    attention_scale=4,
    blocks="residual",
    tail_width=8,
    refinement=8,
    detail=True,
    colour_match=True,
)


@pytest.fixture(scope="module")
def runner() -> Runner:
    return Runner(load_network(), torch.device("cpu"), torch.float32)


@pytest.fixture(scope="module")
def graphs() -> NetworkGraphs:
    return NetworkGraphs(threads=1)


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of another network than the bundled one, with its parts."""
    pytest.importorskip("onnxscript")
    torch.manual_seed(3)
    folder = save_pretrained(RFRModel(SMALL), tmp_path_factory.mktemp("small"))
    with pytest.raises(SystemExit) as ended:
        main(["export", str(folder), str(folder), "--parts"])
    assert not ended.value.code
    assert {path.name for path in folder.glob("*.onnx")} == {"encode.onnx", "recur.onnx", "decode.onnx", "refine.onnx"}
    return folder


@pytest.mark.parametrize("recurrences", [1, 2, 5])
@pytest.mark.parametrize("size", [(1, 64, 96), (2, 75, 40), (1, 3, 5)], ids=str)
def test_the_bundled_graphs_give_what_the_network_gives(
    graphs: NetworkGraphs, runner: Runner, size: tuple[int, int, int], recurrences: int
) -> None:
    count, height, width = size
    image = torch.rand(count, 3, height, width, generator=torch.Generator().manual_seed(0))
    known = torch.ones(count, 1, height, width, dtype=torch.bool)
    known[:, :, height // 3 :, width // 4 : width // 2] = False
    made = graphs.run(image.numpy(), known.numpy(), recurrences)
    with torch.inference_mode():
        run = runner.run(image, known, recurrences, keep_scores=False)
        *_, last = run.steps()
        assert np.abs(made.decoded - run.decode(last).numpy()).max() < 1e-4
    assert ((made.known > 0) == (last.known.numpy() > 0)).all()


def test_the_bundled_graphs_decode_a_box_as_in_the_whole(graphs: NetworkGraphs) -> None:
    image = np.random.default_rng(0).random((1, 3, 90, 131), dtype=np.float32)
    known = np.ones((1, 1, 90, 131), dtype=bool)
    known[..., 30:52, 40:70] = False
    whole = graphs.run(image, known, 2)
    for box in (Box(30, 40, 52, 70), Box(0, 0, 90, 131), Box(64, 96, 90, 131)):
        part = graphs.run(image, known, 2, box)
        assert np.abs(part.decoded - whole.decoded[(..., *box.slices)]).max() < 1e-5
        assert (part.known == whole.known).all()


@pytest.mark.parametrize("texture", [0.0, 0.9])
@pytest.mark.parametrize("size", [(40, 64), (35, 9), (1, 1)], ids=str)
def test_the_bundled_refinement_is_that_of_the_network(
    graphs: NetworkGraphs, runner: Runner, size: tuple[int, int], texture: float
) -> None:
    stack = torch.rand(1, 10, *size, generator=torch.Generator().manual_seed(0))
    known = stack[:, :1] < 0.5
    made = graphs.refine(stack[0].numpy(), known[0, 0].numpy(), texture)
    assert np.abs(made - runner.refine(stack, known, texture=texture)[0].numpy()).max() < 1e-4


def test_parts_of_another_network_are_written_without_its_weights(small: Path) -> None:
    rng = np.random.default_rng(0)
    image = Image.fromarray(rng.integers(0, 256, (6, 8, 3), dtype=np.uint8)).resize((80, 60), Image.Resampling.BICUBIC)
    mask = Image.new("L", image.size)
    mask.paste(255, (20, 20, 60, 45))
    expected = Inpainter.from_pretrained(small, device="cpu", dtype="float32")(image, mask, detail="off")
    filled = PortableInpainter(small, threads=1)(image, mask, detail="off")
    assert np.abs(np.asarray(filled).astype(int) - np.asarray(expected).astype(int)).max() <= 1
    assert all(path.stat().st_size < 2**16 for path in small.glob("*.onnx"))


def test_new_weights_need_no_new_graphs(small: Path, tmp_path: Path) -> None:
    pytest.importorskip("onnxscript")
    torch.manual_seed(4)
    write_parts(RFRModel(SMALL), tmp_path)
    assert all(path.read_bytes() == (small / path.name).read_bytes() for path in tmp_path.glob("*.onnx"))


def test_graphs_of_another_configuration_are_refused(small: Path, tmp_path: Path) -> None:
    torch.manual_seed(3)
    folder = save_pretrained(RFRModel(RFRConfig.from_dict(SMALL.to_dict() | {"recurrences": 2})), tmp_path)
    for path in small.glob("*.onnx"):
        shutil.copy(path, folder)
    with pytest.raises(RFRError, match="of another configuration"):
        PortableInpainter(folder)


def test_networks_of_another_form_have_no_parts(tmp_path: Path) -> None:
    pytest.importorskip("onnxscript")
    with pytest.raises(ConfigError, match="residual blocks"):
        write_parts(RFRModel(RFRConfig(width=8)), tmp_path)
    with pytest.raises(RFRError, match="does not exist"):
        write_parts(RFRModel(SMALL), tmp_path / "none")


def test_parts_have_no_number_of_recurrences(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["export", "lite", str(tmp_path), "--parts", "--recurrences", "3"])
    assert ended.value.code == 2
    assert "--recurrences is about one graph" in capsys.readouterr().err
