"""The networks that the paper compares with: their size, their shapes, and one training step of each by the trainer."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from PIL import Image
from torch import Tensor, nn

from rfr_core.baselines.coarse_to_fine import CoarseToFine
from rfr_core.baselines.edge_connect import EdgeConnect
from rfr_core.baselines.edge_generator import EdgeGenerator
from rfr_core.baselines.gated_conv_net import GatedConvNet
from rfr_core.baselines.pconv_unet import PConvUNet
from rfr_core.baselines.pluralistic_net import PluralisticNet
from rfr_core.baselines.prvs_net import PRVSNet
from rfr_core.checkpoints.loading import load_network
from rfr_core.config import RFRConfig
from rfr_core.errors import CheckpointError, ConfigError
from rfr_core.network.rfr_net import RFRNet
from rfr_core.training.data.samples import DataConfig
from rfr_core.training.evaluation.protocol import Case
from rfr_core.training.losses.inpainting import LossWeights
from rfr_core.training.run.architectures import (
    ARCHITECTURES,
    EDGES,
    PICTURES,
    PLURALISTIC,
    STRUCTURE,
    Architecture,
    build_network,
    read_network,
    save_network,
    task_of,
)
from rfr_core.training.run.edges import EDGE, complete_edges, evaluate_edges, gray_and_edges
from rfr_core.training.run.recipe import EvaluationConfig, Phase, Recipe
from rfr_core.training.run.trainer import fit

SMALL = RFRConfig(width=8, kernel_size=3, recurrences=2, norm="group")
FILLING = (PICTURES, PLURALISTIC, STRUCTURE, EDGES)
NETWORKS = [name for name in ARCHITECTURES if task_of(name) in FILLING]
EDGE_NETWORKS = [name for name in NETWORKS if name.startswith("edges")]
FILLERS = [name for name in NETWORKS if name not in EDGE_NETWORKS]


def count(network: nn.Module) -> int:
    return sum(parameter.numel() for parameter in network.parameters())


def sample(channels: int, *shape: int) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(1)
    n, height, width = shape
    known = torch.ones(n, 1, height, width)
    known[..., height // 4 : height // 2 + 1, width // 4 : width // 2 + 1] = 0
    return torch.rand(n, channels, height, width, generator=generator), known


def small(architecture: Architecture, seed: int = 0) -> nn.Module:
    torch.manual_seed(seed)
    return build_network(architecture, SMALL).eval()


def recipe(architecture: Architecture, pictures: Path, output: Path) -> Recipe:
    # Edges need no VGG, whatever the weights.
    loss = LossWeights() if architecture in EDGE_NETWORKS else LossWeights(perceptual=0, style=0)
    return Recipe(
        output=str(output),
        phases=(Phase(steps=2, batch=2, crop=32, learning_rate=1e-3, loss=loss),),
        network=SMALL,
        architecture=architecture,
        data=DataConfig(pictures=(str(pictures),)),
        ema=0.0,
        workers=0,
        preview_every=2,
    )


def test_sizes_are_those_of_the_paper() -> None:
    # Table 2: 31 M, 33 M and more than 100 M.
    with torch.device("meta"):
        assert count(RFRNet(RFRConfig(attention=None))) == 30_699_264
        assert count(GatedConvNet(RFRConfig(width=48))) == 3_926_862  # 4.1 M in its authors' paper
        assert count(PluralisticNet(RFRConfig(width=32))) == 5_978_240  # as in its authors' code
        assert count(PConvUNet(RFRConfig())) == 32_859_729
        assert count(CoarseToFine(RFRConfig())) == 110_754_054
        # EdgeConnect's generator has 10.8 million with its biases.
        assert count(EdgeGenerator(RFRConfig(), reasoning=False)) == 10_483_201
        assert count(EdgeConnect(RFRConfig())) == 20_978_948  # twice that, and the channels of pictures
        assert count(PRVSNet(RFRConfig())) == 55_542_663  # 55,543,043 in its authors' code


@pytest.mark.parametrize("architecture", NETWORKS)
def test_every_network_trains_previews_and_is_kept(architecture: Architecture, pictures: Path, tmp_path: Path) -> None:
    folder = fit(recipe(architecture, pictures, tmp_path / "run"))
    lines = [json.loads(line) for line in (tmp_path / "run" / "log.jsonl").read_text().splitlines()]
    assert len(lines) == 2
    with Image.open(tmp_path / "run" / "previews" / "0000002.jpg") as grid:
        assert grid.height == 4 * 34
    torch.manual_seed(2020)
    start, trained = build_network(architecture, SMALL), read_network(folder)
    assert not trained.training
    moved = [k for k, v in trained.state_dict().items() if not torch.equal(v, start.state_dict()[k])]
    # Of a small hole PRVS's first layer completes all edges, and leaves its second layer's nothing to learn.
    assert len(moved) > (0.8 if architecture == "prvs" else 0.9) * len(list(start.parameters()))
    state = torch.load(tmp_path / "run" / "state.pt", weights_only=True)["network"]
    assert all(torch.equal(value, state[name]) for name, value in trained.state_dict().items())


@pytest.mark.parametrize("architecture", ["pconv-unet", "pluralistic", "edges-rfr"])
def test_a_baseline_is_resumed(architecture: Architecture, pictures: Path, tmp_path: Path) -> None:
    whole = recipe(architecture, pictures, tmp_path / "whole")
    fit(whole)
    part = recipe(architecture, pictures, tmp_path / "part")
    fit(Recipe(**{**vars(part), "phases": (Phase(**{**vars(part.phases[0]), "steps": 1}),)}))
    fit(part, resume=True)
    expected, actual = (read_network(tmp_path / name / "model").state_dict() for name in ("whole", "part"))
    assert all(torch.equal(actual[name], value) for name, value in expected.items())


@pytest.mark.parametrize("architecture", ["gated-conv", "pluralistic", "edges-residual", "defects"])
def test_training_goes_on_from_another_runs_network(architecture: Architecture, pictures: Path, tmp_path: Path) -> None:
    first = read_network(fit(recipe(architecture, pictures, tmp_path / "first")))
    settled = recipe(architecture, pictures, tmp_path / "second")
    phase = Phase(**{**vars(settled.phases[0]), "learning_rate": 1e-9, "warmup": 0})
    changes = {"phases": (phase,), "init": str(tmp_path / "first" / "model")}
    second = read_network(fit(Recipe(**{**vars(settled), **changes})))
    for name, value in first.named_parameters():
        torch.testing.assert_close(second.get_parameter(name), value, rtol=0, atol=1e-6)
    with pytest.raises(CheckpointError, match="does not fit the recipe's network, rfr; give its own architecture"):
        fit(Recipe(**{**vars(recipe("rfr", pictures, tmp_path / "other")), "init": changes["init"]}))


@pytest.mark.parametrize("size", [(1, 1), (9, 33), (37, 3), (64, 48)])
@pytest.mark.parametrize("architecture", NETWORKS)
def test_any_size_is_taken(architecture: Architecture, size: tuple[int, int]) -> None:
    network = small(architecture)
    channels = 2 if architecture in EDGE_NETWORKS else 3
    with torch.inference_mode():
        output = network(*sample(channels, 2, *size), "auto")
    assert output.shape == (2, 1 if architecture in EDGE_NETWORKS else 3, *size)
    assert bool(torch.isfinite(output).all())


@pytest.mark.parametrize("architecture", NETWORKS)
def test_what_lies_under_the_hole_is_never_seen(architecture: Architecture) -> None:
    network = small(architecture)
    image, known = sample(2 if architecture in EDGE_NETWORKS else 3, 1, 48, 40)
    with torch.inference_mode():
        expected = network(image, known)
        assert torch.equal(network(torch.where(known > 0, image, float("nan")), known), expected)
        assert not torch.equal(network(image * 0.5, known), expected)


@pytest.mark.parametrize("norm", ["group", "batch"])
def test_the_draft_is_trained_too(norm: str) -> None:
    network = build_network("coarse-to-fine", RFRConfig.from_dict({"width": 8, "norm": norm})).train()
    draft, refined = network(*sample(3, 2, 64, 64))
    assert draft.shape == refined.shape == (2, 3, 64, 64)
    assert not torch.equal(draft, refined)
    draft.square().mean().backward()
    assert all(p.grad is not None for name, p in network.named_parameters() if name.startswith("coarse"))


def test_the_edge_generator_recurs_as_often_as_it_is_told() -> None:
    network = small("edges-rfr")
    image, known = sample(2, 1, 64, 64)
    with torch.inference_mode():
        outputs = [network(image, known, number) for number in (1, 2, 5)]
        assert torch.equal(network(image, known), outputs[1])
    assert not torch.equal(outputs[0], outputs[1])
    assert not torch.equal(outputs[1], outputs[2])


def test_edges_of_a_picture() -> None:
    image = torch.zeros(3, 64, 64)
    image[:, :, 32:] = 0.8
    gray, edges = gray_and_edges(image)
    torch.testing.assert_close(gray, image[0], atol=1e-6, rtol=0)
    columns = edges.sum(0).nonzero().flatten().tolist()
    assert columns
    assert all(30 <= column <= 33 for column in columns)
    assert not gray_and_edges(torch.full((3, 64, 64), 0.5))[1].any()


class Oracle(nn.Module):
    """Answers with given logits."""

    def __init__(self, logits: Tensor) -> None:
        super().__init__()
        self.logits = nn.Parameter(logits)

    def forward(self, image: Tensor, known: Tensor) -> Tensor:
        return self.logits


def test_edge_scores_count_the_hole_alone() -> None:
    truth = torch.zeros(1, 3, 64, 64)
    truth[..., 32:] = 0.8
    hole = torch.zeros(1, 1, 64, 64)
    hole[..., 16:48, 16:48] = 1
    case = Case("30-40", "steps", truth, hole)
    edges = gray_and_edges(truth[0])[1][None, None]

    def scores(shown: Tensor) -> dict[str, float]:
        return dict(evaluate_edges(Oracle(torch.logit(shown, 1e-4)), [case])["30-40"])

    assert scores(edges) == pytest.approx({"ap": 1, "precision": 1, "recall": 1})
    assert scores(edges * (1 - hole))["recall"] == 0
    shifted = scores(edges.roll(8, 3))
    assert shifted["precision"] == shifted["recall"] == 0
    assert shifted["ap"] < 0.1
    both = scores(torch.maximum(edges, edges.roll(8, 3)))
    assert both["precision"] == pytest.approx(0.5)
    assert both["recall"] == 1
    completed, expected = complete_edges(Oracle(torch.full((1, 1, 64, 64), -9.0)), case)
    assert torch.equal(completed[hole == 0], expected[hole == 0])
    assert bool((completed[hole > 0] < EDGE).all())


def test_checkpoints_that_do_not_fit_are_named(tmp_path: Path) -> None:
    save_network("pconv-unet", small("pconv-unet"), tmp_path / "a")
    with pytest.raises(CheckpointError, match="architecture"):
        load_network(tmp_path / "a")
    (tmp_path / "a" / "model.safetensors").write_bytes(b"nothing")
    with pytest.raises(CheckpointError, match="holds no pconv-unet"):
        read_network(tmp_path / "a")
    (tmp_path / "a" / "config.json").write_text('{"architecture": "unet"}')
    with pytest.raises(ConfigError, match="known are rfr, pconv-unet"):
        read_network(tmp_path / "a")
    with pytest.raises(CheckpointError, match=r"none"):
        read_network(tmp_path / "none")


def test_edge_generators_are_not_judged_as_fillers(pictures: Path, tmp_path: Path) -> None:
    settings = vars(recipe("edges-rfr", pictures, tmp_path / "run"))
    with pytest.raises(ConfigError, match="fig10"):
        Recipe(**{**settings, "evaluation": EvaluationConfig(pictures="a", holes="b")})
