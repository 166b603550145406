"""One graph for other runtimes: equal to the network at any size and for any number of pictures."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from golden import GOLDEN
from network_samples import build
from torch import Tensor

from rfr_core import ConfigError, RFRNet
from rfr_core.inference.export import FillGraph, export_program, save_program

runtime = pytest.importorskip("onnxruntime")
pytest.importorskip("onnxscript")

SHAPES = [(1, 64, 64), (2, 75, 93), (1, 130, 7), (1, 1, 1)]


def pixels(*shape: int, all_hole: bool = False) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(0)
    mask = torch.full(shape, 255 * all_hole, dtype=torch.uint8)
    mask[:, 4:60, 2:25] = 128
    return torch.randint(0, 256, (*shape, 3), generator=generator).to(torch.uint8), mask


def run(session: Any, picture: Tensor, mask: Tensor) -> Tensor:
    return torch.from_numpy(session.run(["filled"], {"picture": picture.numpy(), "mask": mask.numpy()})[0])


def expected(network: RFRNet, picture: Tensor, mask: Tensor, recurrences: int = 2) -> Tensor:
    with torch.no_grad():
        return FillGraph(network, recurrences)(picture, mask)


RESIDUAL = {"blocks": "residual", "downsamples": 2, "attention_scale": 4, "kernel_size": 3, "colour_match": True}
FORMS = {"lite": RESIDUAL, "lite of version 0.1": {"norm": "group", "colour_match": True}, "released": {}}


@pytest.fixture(scope="module", params=list(FORMS.values()), ids=list(FORMS))
def exported(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[RFRNet, Any, Path]:
    """A network, its ONNX file in a session, and the folder with both files."""
    network = build(recurrences=2, **request.param)
    program, folder = export_program(network), tmp_path_factory.mktemp("exported")
    save_program(program, folder / "network.pt2")
    return network, runtime.InferenceSession(save_program(program, folder / "network.onnx")), folder


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("all_hole", [False, True], ids=["hole", "all hole"])
def test_onnx_equals_the_network_at_any_size(exported: tuple, shape: tuple, all_hole: bool) -> None:
    network, session, _ = exported
    picture, mask = pixels(*shape, all_hole=all_hole)
    filled = run(session, picture, mask)
    torch.testing.assert_close(filled, expected(network, picture, mask), rtol=0, atol=1e-3)
    known = mask < 128
    assert torch.equal((filled * 255).round().to(torch.uint8)[known], picture[known])


def test_onnx_equals_the_network_on_golden_pictures(exported: tuple) -> None:
    network, session, _ = exported
    with np.load(GOLDEN / "irregular_96x128_batch2.npz") as file:
        picture = torch.from_numpy(file["image"]).mul(255).round().to(torch.uint8).permute(0, 2, 3, 1).contiguous()
        mask = (1 - torch.from_numpy(file["mask"])[:, 0]).mul(255).to(torch.uint8)
    torch.testing.assert_close(run(session, picture, mask), expected(network, picture, mask), rtol=0, atol=1e-3)


def test_a_program_is_saved_and_equals_the_network_at_any_size(exported: tuple) -> None:
    network, _, folder = exported
    assert sorted(path.name for path in folder.iterdir()) == ["network.onnx", "network.pt2"]
    program = torch.export.load(folder / "network.pt2").module()
    for shape in SHAPES:
        picture, mask = pixels(*shape)
        with torch.no_grad():
            filled = program(picture, mask)
        torch.testing.assert_close(filled, expected(network, picture, mask), rtol=0, atol=1e-5)


@pytest.mark.parametrize("recurrences", ["auto", 0, 65])
def test_a_graph_has_a_fixed_number_of_recurrences(recurrences: Any) -> None:
    with pytest.raises(ConfigError, match=r"(?i)recurrences is"):
        export_program(build(), recurrences)
