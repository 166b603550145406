"""Networks that complete edges first and fill pictures along them: EdgeConnect and PRVS."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image, ImageDraw
from torch import Tensor

from rfr_core.baselines.canny_edges import canny_edges
from rfr_core.baselines.structured_network import StructuredFill, StructuredNetwork
from rfr_core.config import RFRConfig
from rfr_core.errors import ConfigError
from rfr_core.training.data.samples import DataConfig
from rfr_core.training.losses.inpainting import LossWeights
from rfr_core.training.run.architectures import Architecture, build_network, read_network
from rfr_core.training.run.recipe import EvaluationConfig, Phase, Recipe
from rfr_core.training.run.trainer import fit

SMALL = RFRConfig(width=8, kernel_size=3, recurrences=2, norm="group")
STRUCTURED: list[Architecture] = ["edge-connect", "edge-connect-rfr", "prvs"]
PIXELS = LossWeights(perceptual=0, style=0)


def network_of(architecture: Architecture, seed: int = 0) -> StructuredNetwork:
    torch.manual_seed(seed)
    network = build_network(architecture, SMALL).eval()
    assert isinstance(network, StructuredNetwork)
    return network


def halves(side: int = 64) -> tuple[Tensor, Tensor]:
    """A picture (1, 3, S, S) dark above and bright below, and what is known (1, 1, S, S) around a square hole."""
    image = torch.full((1, 3, side, side), 0.2)
    image[..., side // 2 :, :] = 0.8
    known = torch.ones(1, 1, side, side)
    known[..., side // 4 : 3 * side // 4, side // 4 : 3 * side // 4] = 0
    return image, known


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Photographs of two fields, whose border runs straight through them."""
    folder, rng = tmp_path_factory.mktemp("fields"), np.random.default_rng(3)
    for number in range(8):
        picture = Image.new("RGB", (96, 80), tuple(rng.integers(0, 90, 3).tolist()))
        left, right = rng.integers(20, 60, 2).tolist()
        ImageDraw.Draw(picture).polygon([(0, left), (96, right), (96, 80), (0, 80)], fill=(220, 210, 200))
        picture.save(folder / f"{number}.png")
    return folder


def recipe(architecture: Architecture, pictures: Path, output: Path, steps: int, **phase: object) -> Recipe:
    settings = {"steps": steps, "batch": 2, "crop": 32, "learning_rate": 2e-3, "loss": PIXELS, **phase}
    return Recipe(
        output=str(output),
        phases=(Phase(**settings),),  # pyright: ignore[reportArgumentType]
        network=SMALL,
        architecture=architecture,
        data=DataConfig(pictures=(str(pictures),), cache=True),
        ema=0.0,
        workers=0,
        save_every=2,
        preview_every=steps,
    )


def losses(folder: Path) -> list[dict[str, float]]:
    return [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]


def test_edges_of_the_known_part_stop_at_the_hole() -> None:
    image, known = halves()
    edges = canny_edges(image)
    assert bool(edges[..., 30:34, 4:60].amax(-2).all())  # the border of the fields
    assert not edges[..., :24, :].any()
    blank = torch.where(known > 0, image, 0)
    found = canny_edges(blank, known)
    assert bool(found[..., 30:34, 4:12].amax(-2).all())
    assert not (found * (1 - known)).any()
    assert not found[..., :24, :].any()  # nor is the hole's border an edge
    assert bool(canny_edges(blank)[..., :24, :].any())


@pytest.mark.parametrize("architecture", STRUCTURED)
def test_edges_that_are_given_take_the_place_of_those_found(architecture: Architecture) -> None:
    network, (image, known) = network_of(architecture), halves()
    with torch.inference_mode():
        expected = network(image, known)
        found = canny_edges(torch.where(known > 0, image, 0), known)
        assert torch.equal(network(image, known, None, found), expected)
        assert torch.equal(network(image, known, None, torch.where(known > 0, found, 1.0)), expected)
        assert not torch.equal(network(image, known, None, 1 - found), expected)


@pytest.mark.parametrize(("architecture", "sides"), [("edge-connect", [48]), ("prvs", [24, 48])])
def test_edges_come_at_growing_sizes_and_reach_the_middle_of_the_hole(
    architecture: Architecture, sides: list[int]
) -> None:
    network, (image, known) = network_of(architecture), halves(48)
    edges = canny_edges(image)
    filled = network.train()(image, known, None, edges)
    assert isinstance(filled, StructuredFill)
    assert [logits.shape[-1] for logits in filled.edges] == sides
    for logits in filled.edges:
        middle = logits[..., logits.shape[-2] // 2, logits.shape[-1] // 2]
        (gradient,) = torch.autograd.grad(middle.sum(), [next(network.parameters())], retain_graph=True)
        assert bool((gradient != 0).any())


def test_prvs_learns_edges_from_the_picture_and_edge_connect_does_not() -> None:
    image, known = halves(48)
    for architecture, name in (("edge-connect", "structure.out.weight"), ("prvs", "up.6.edge.weight")):
        network = network_of(architecture).train()  # pyright: ignore[reportArgumentType]
        filled = network(image, known, None, canny_edges(image))
        filled.picture.square().mean().backward()
        gradient = network.get_parameter(name).grad
        assert (gradient is not None and bool(gradient.any())) == (architecture == "prvs")


@pytest.mark.parametrize("architecture", STRUCTURED)
def test_training_brings_edges_and_pictures_nearer(architecture: Architecture, pictures: Path, tmp_path: Path) -> None:
    edges = LossWeights(hole=1, valid=0.2)
    folder = fit(recipe(architecture, pictures, tmp_path / "run", 40, edge_output=edges))
    logged = losses(tmp_path / "run")
    for term in ("hole", "edge_hole"):
        early, late = (np.mean([line[term] for line in part]) for part in (logged[:8], logged[-8:]))
        assert late < 0.9 * early, term
    image, known = halves()
    with torch.inference_mode():
        fill = read_network(folder)(image, known)
    assert fill.shape == image.shape


@pytest.mark.parametrize("architecture", ["edge-connect", "prvs"])
def test_edges_have_a_discriminator_of_their_own_that_goes_on_after_a_stop(
    architecture: Architecture, pictures: Path, tmp_path: Path
) -> None:
    edges = LossWeights(hole=0, valid=0, feature_matching=10, adversarial=1)
    both = {"edge_output": edges, "loss": replace(PIXELS, adversarial=0.1)}
    fit(recipe(architecture, pictures, tmp_path / "whole", 4, **both))
    fit(recipe(architecture, pictures, tmp_path / "part", 2, **both))
    fit(recipe(architecture, pictures, tmp_path / "part", 4, **both), resume=True)
    whole, part = losses(tmp_path / "whole"), losses(tmp_path / "part")
    for line in whole:
        assert {"discriminator", "edge_discriminator", "edge_adversarial", "edge_feature_matching"} <= line.keys()
    for name in ("loss", "discriminator", "edge_discriminator"):
        assert [line[name] for line in part] == pytest.approx([line[name] for line in whole], rel=1e-4)


def test_gated_conv_learns_against_a_discriminator(pictures: Path, tmp_path: Path) -> None:
    fit(recipe("gated-conv", pictures, tmp_path / "run", 3, loss=replace(PIXELS, adversarial=0.1)))
    for line in losses(tmp_path / "run"):
        assert {"hole", "adversarial", "discriminator"} <= line.keys()
        assert line["discriminator"] > 0


def test_a_run_is_judged_while_it_trains(pictures: Path, tmp_path: Path) -> None:
    holes = tmp_path / "holes" / "object"
    holes.mkdir(parents=True)
    mask = Image.new("L", (64, 64))
    ImageDraw.Draw(mask).rectangle((20, 20, 40, 40), fill=255)
    mask.save(holes / "0.png")
    judged = EvaluationConfig(str(pictures), str(tmp_path / "holes"), size=64, buckets=("object",), limit=2, every=2)
    fit(replace(recipe("edge-connect", pictures, tmp_path / "run", 2), evaluation=judged))
    assert (tmp_path / "run" / "best" / "model.safetensors").is_file()


def test_terms_of_edges_are_refused_where_there_are_none(pictures: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="edge_output is for a network that completes edges and fills"):
        recipe("gated-conv", pictures, tmp_path, 2, edge_output=PIXELS)
