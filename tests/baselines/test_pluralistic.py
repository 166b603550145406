"""PIC: its two paths, the fills that it draws, its spectral normalisation and its loss."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from PIL import Image
from torch import Tensor
from torch.distributions import Normal, kl_divergence

from rfr_core.baselines.pluralistic_net import Latent, PluralisticNet, TwoPaths
from rfr_core.baselines.spectral_conv import SpectralConv2d, SpectralUpConv2d
from rfr_core.config import RFRConfig
from rfr_core.errors import ConfigError
from rfr_core.training.data.samples import DataConfig
from rfr_core.training.experiments.cost import costs_of
from rfr_core.training.experiments.trained_systems import SYSTEMS
from rfr_core.training.losses.inpainting import Judges, LossWeights
from rfr_core.training.run.architectures import build_network, read_network, reset_parameters
from rfr_core.training.run.pluralistic import divergence, pluralistic_loss
from rfr_core.training.run.recipe import EvaluationConfig, Phase, Recipe
from rfr_core.training.run.trainer import fit

SMALL = RFRConfig(width=8)
PIXELS = LossWeights(perceptual=0, style=0, variation=0)


def network(seed: int = 0) -> PluralisticNet:
    torch.manual_seed(seed)
    return PluralisticNet(SMALL)


def sample(height: int = 64, width: int = 64) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(1)
    known = torch.ones(2, 1, height, width)
    known[..., height // 4 : height // 2, width // 4 : width // 2] = 0
    return torch.rand(2, 3, height, width, generator=generator), known


def two_paths(net: PluralisticNet, image: Tensor, known: Tensor, seed: int = 3) -> TwoPaths:
    torch.manual_seed(seed)
    paths = net.train()(image, known)
    assert isinstance(paths, TwoPaths)
    return paths


def drawn(net: PluralisticNet, image: Tensor, known: Tensor, seed: int) -> Tensor:
    with torch.inference_mode():
        return net.sample(image, known, torch.Generator().manual_seed(seed))


def test_the_fill_is_the_same_each_time_and_samples_are_those_of_their_seed() -> None:
    net, (image, known) = network().eval(), sample()
    with torch.inference_mode():
        assert torch.equal(net(image, known), net(image, known))
    first, second = drawn(net, image, known, 1), drawn(net, image, known, 2)
    assert torch.equal(drawn(net, image, known, 1), first)
    inside = (known == 0).expand_as(image)
    assert float((first - second).abs()[inside].mean()) > 0.01
    assert not torch.equal(first[0], first[1])


@pytest.mark.parametrize("size", [(1, 1), (9, 33), (70, 66)])
def test_samples_take_any_size_and_see_nothing_under_the_hole(size: tuple[int, int]) -> None:
    net, (image, known) = network().eval(), sample(*size)
    fill = drawn(net, image, known, 1)
    assert fill.shape == image.shape
    assert float(fill.min()) >= 0
    assert float(fill.max()) <= 1
    assert torch.equal(drawn(net, torch.where(known > 0, image, float("nan")), known, 1), fill)


def test_in_training_the_posterior_alone_looks_under_the_hole() -> None:
    image, known = sample(70, 66)
    paths = two_paths(network(), image, known)
    other = two_paths(network(), torch.where(known > 0, image, 1 - image), known)
    sizes = [(9, 9), (18, 17), (35, 33), (70, 66)]
    for pictures in (paths.reconstructed, paths.generated):
        assert [picture.shape[-2:] for picture in pictures] == sizes
    assert not torch.equal(paths.posterior.mean, other.posterior.mean)
    assert not torch.equal(paths.reconstructed[-1], other.reconstructed[-1])
    for mine, theirs in zip((*paths.generated, *paths.prior), (*other.generated, *other.prior), strict=True):
        torch.testing.assert_close(mine, theirs, rtol=0, atol=1e-5)
    assert min(float(latent.deviation.detach().min()) for latent in (paths.posterior, paths.prior)) > 0


@pytest.mark.parametrize(
    "build", [lambda: SpectralConv2d(4, 8), lambda: SpectralConv2d(8, 5, 1), lambda: SpectralUpConv2d(6, 3)]
)
def test_weights_are_used_at_norm_one(build: Callable[[], SpectralConv2d | SpectralUpConv2d]) -> None:
    torch.manual_seed(0)
    layer = build()
    x = torch.rand(1, layer.in_channels, 8, 8)
    for _ in range(300):
        layer.train()(x)
    assert layer.bias is not None
    layer.eval().direction *= 0.7  # as an average over steps would have it
    direction = layer.direction.clone()
    scaled = copy.deepcopy(layer)
    scaled.weight.data *= 5
    torch.testing.assert_close(scaled(x), layer(x))
    assert torch.equal(layer.direction, direction)
    layer.weight.data /= torch.linalg.matrix_norm(layer.weight.data.flatten(1), 2)
    plain = torch.nn.Conv2d.forward if isinstance(layer, SpectralConv2d) else torch.nn.ConvTranspose2d.forward
    torch.testing.assert_close(layer(x), plain(layer, x), rtol=1e-3, atol=1e-4)  # type: ignore[arg-type]


def test_its_costs_can_be_counted() -> None:
    costs = costs_of(SYSTEMS["pluralistic"], ("parameters", "macs"))
    assert costs["parameters"] == pytest.approx(23.849184)
    assert 10 < costs["macs"] < 100


def test_torchs_own_initial_weights_can_be_had() -> None:
    net = network()
    before = net.decoder.start.first.weight.clone()
    net.apply(reset_parameters)
    assert not torch.equal(net.decoder.start.first.weight, before)


def test_divergences_are_those_of_normal_distributions() -> None:
    torch.manual_seed(0)
    one, other = (Latent(torch.randn(2, 3, 4, 4), torch.rand(2, 3, 4, 4) + 0.1) for _ in range(2))
    torch.testing.assert_close(divergence(one, other), kl_divergence(Normal(*one), Normal(*other)))
    assert float(divergence(one, one).abs().max()) < 1e-6


def test_the_loss_asks_of_the_generated_what_is_known_alone() -> None:
    truth, known = sample()
    paths = two_paths(network(), truth, known)
    sizes = [picture.shape[-2:] for picture in paths.generated]
    right = [torch.nn.functional.interpolate(truth, size, mode="area") for size in sizes]
    latent = Latent(torch.zeros(2, 1, 2, 2), torch.sigmoid(8 * (0.8 - known.mean((1, 2, 3), keepdim=True))))
    perfect = TwoPaths(right, right, latent, latent)

    def loss(paths: TwoPaths, weights: LossWeights = PIXELS) -> float:
        return float(pluralistic_loss(paths, truth, known, weights, Judges())[0])

    assert loss(perfect) == pytest.approx(0, abs=1e-5)
    elsewhere = torch.where(known > 0, truth, 1 - truth)
    assert loss(perfect._replace(generated=[*right[:-1], elsewhere])) == pytest.approx(0, abs=1e-5)
    in_hole = float((elsewhere - truth).abs().mean())
    assert loss(perfect._replace(reconstructed=[*right[:-1], elsewhere])) == pytest.approx(6 * in_hole, rel=1e-3)
    off = perfect._replace(prior=Latent(latent.mean + 1, latent.deviation))
    apart = float(divergence(latent, off.prior).mean())
    assert loss(off) == pytest.approx(2 * 6 * apart, rel=1e-3)
    assert loss(off, replace(PIXELS, hole=0.5)) == pytest.approx(apart, rel=1e-3)
    with pytest.raises(ConfigError, match="discriminator"):
        loss(perfect, replace(PIXELS, adversarial=1.0))


def test_the_prior_learns_from_the_posterior_and_not_the_other_way() -> None:
    net, (truth, known) = network(), sample()
    paths = two_paths(net, truth, known)
    parted = paths._replace(reconstructed=[one.detach() for one in paths.reconstructed])
    _, terms = pluralistic_loss(parted, truth, known, PIXELS, Judges())
    terms["prior"].backward()
    assert net.posterior.first.weight.grad is None
    last = net.prior[-1].get_parameter("first.weight")
    assert last.grad is not None
    assert float(last.grad.abs().sum()) > 0


def test_a_run_moves_all_parameters_with_a_discriminator_too(pictures: Path, tmp_path: Path) -> None:
    loss = replace(PIXELS, adversarial=0.1, feature_matching=0.1)
    recipe = Recipe(
        output=str(tmp_path / "run"),
        phases=(Phase(steps=3, batch=2, crop=64, learning_rate=1e-3, loss=loss),),
        network=SMALL,
        architecture="pluralistic",
        data=DataConfig(pictures=(str(pictures),)),
        workers=0,
        evaluation=EvaluationConfig(every=100),
        preview_every=3,
    )
    trained = read_network(fit(recipe))
    torch.manual_seed(recipe.seed)
    start = build_network("pluralistic", SMALL).state_dict()
    unmoved = [name for name, value in trained.named_parameters() if torch.equal(value, start[name])]
    assert not unmoved
    line = json.loads((tmp_path / "run" / "log.jsonl").read_text().splitlines()[0])
    assert {"hole", "valid", "generated", "posterior", "prior", "adversarial", "feature_matching"} <= set(line)
    with Image.open(tmp_path / "run" / "previews" / "0000003.jpg") as grid:
        assert grid.size == (5 * 66, 4 * 66)  # known part, mean, two samples, truth
