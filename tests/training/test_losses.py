"""The losses agree with the released ones, on data that the released code made."""

from __future__ import annotations

import math
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest
import torch
from golden import GOLDEN, golden_weight
from safetensors.torch import save_file

from rfr_core import metrics
from rfr_core.errors import CheckpointError, ConfigError
from rfr_core.training.losses.inpainting import Judges, LossWeights, inpainting_loss
from rfr_core.training.losses.vgg import VGG16Features

NONE = LossWeights(hole=0, valid=0, perceptual=0, style=0, variation=0)


@pytest.fixture(scope="module")
def golden() -> dict[str, np.ndarray]:
    with np.load(GOLDEN / "loss_terms.npz") as file:
        return {name: file[name] for name in file.files}


@pytest.fixture(scope="module")
def vgg(golden: dict[str, np.ndarray]) -> VGG16Features:
    model = VGG16Features()
    seed = int(golden["vgg_seed"])
    model.load_state_dict({k: golden_weight(k, v.shape, seed) for k, v in model.state_dict().items()})
    return model


def tensors(golden: dict[str, np.ndarray]) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    return torch.from_numpy(golden["fake"]), torch.from_numpy(golden["real"]), torch.from_numpy(golden["mask"])


def test_released_terms_and_total(golden: dict[str, np.ndarray], vgg: VGG16Features) -> None:
    total, terms = inpainting_loss(*tensors(golden), LossWeights(), Judges(vgg))
    names = {"variation": "total_variation"}
    for name, value in terms.items():
        assert value.item() == pytest.approx(float(golden[names.get(name, name)]), rel=1e-4), name
    assert set(terms) == {"hole", "valid", "perceptual", "style", "variation"}
    assert total.item() == pytest.approx(float(golden["total_released"]), rel=1e-4)


def test_the_papers_loss_compares_the_output_alone(golden: dict[str, np.ndarray], vgg: VGG16Features) -> None:
    output, truth, known = tensors(golden)
    total, terms = inpainting_loss(output, truth, known, LossWeights.paper(), Judges(vgg))
    expected = [(vgg(output)[i] - vgg(truth)[i]).abs().mean() for i in range(3)]
    assert terms["perceptual"].item() == pytest.approx(torch.stack(expected).sum().item(), rel=1e-5)
    weighted = 0.1 * terms["perceptual"] + 180 * terms["style"] + terms["valid"] + 6 * terms["hole"]
    assert total.item() == pytest.approx(weighted.item(), rel=1e-5)


def test_per_hole_counts_small_holes_as_much_as_large_ones() -> None:
    truth, output = torch.zeros(2, 3, 8, 8), torch.full((2, 3, 8, 8), 0.5)
    known = torch.ones(2, 1, 8, 8)
    known[0, :, 0, 0] = 0
    known[1, :, 2:] = 0
    weights = replace(NONE, hole=6, squared=1, per="hole")
    total, terms = inpainting_loss(output, truth, known, weights)
    assert terms["hole"].item() == pytest.approx(0.5)
    assert terms["squared"].item() == pytest.approx(0.25)
    assert total.item() == pytest.approx(6 * 0.5 + 0.25)


def test_log_mse_and_ssim_are_psnr_and_ssim() -> None:
    torch.manual_seed(0)
    truth = (torch.rand(2, 3, 32, 32) * 255).round() / 255
    known = torch.ones(2, 1, 32, 32)
    known[0, :, 8:12, 4:30] = 0
    known[1, :, 3:24, 3:24] = 0
    output = torch.where(known > 0, 0.5, (truth + 0.4 * torch.rand_like(truth)).clamp(0, 1))
    output = (output * 255).round() / 255
    total, terms = inpainting_loss(output, truth, known, replace(NONE, log_mse=2, ssim=3))
    composite = torch.where(known > 0, truth, output)
    decibels = metrics.psnr(composite, truth, 1 - known).mean()
    assert terms["log_mse"].item() == pytest.approx(-decibels.item() * math.log(10) / 10, abs=0.01)
    share = (1 - known).mean((1, 2, 3))
    assert terms["ssim"].item() == pytest.approx(((1 - metrics.ssim(composite, truth)) / share).mean().item(), rel=1e-4)
    assert total.item() == pytest.approx((2 * terms["log_mse"] + 3 * terms["ssim"]).item())


def test_blurred_log_mse_is_of_broad_colours_alone() -> None:
    truth, known = torch.full((2, 3, 64, 64), 0.5), torch.ones(2, 1, 64, 64)
    known[..., 16:48, 16:48] = 0
    checker = 0.2 * (-1) ** (torch.arange(64)[:, None] + torch.arange(64)).float()
    weights = replace(NONE, log_mse=1, blurred_log_mse=2)
    total, of_texture = inpainting_loss(truth + checker, truth, known, weights)
    _, of_colour = inpainting_loss(truth + 0.2, truth, known, weights)
    assert of_texture["log_mse"].item() == pytest.approx(of_colour["log_mse"].item())
    assert of_texture["blurred_log_mse"].item() < of_colour["blurred_log_mse"].item() - 3
    assert total.item() == pytest.approx((of_texture["log_mse"] + 2 * of_texture["blurred_log_mse"]).item())


def test_caffe_weights_see_blue_first_and_no_mean(vgg: VGG16Features) -> None:
    caffe = VGG16Features("caffe")
    caffe.load_state_dict(vgg.state_dict())
    image = torch.rand(1, 3, 16, 16)
    means = torch.tensor([103.939, 116.779, 123.68]).view(1, 3, 1, 1)
    expected = vgg(image[:, [2, 1, 0]] * 255 - means)
    for maps, plain, scale in zip(caffe(image), expected, (134, 305, 295), strict=True):
        torch.testing.assert_close(maps, plain / scale)


def test_bad_weights_are_named() -> None:
    with pytest.raises(ConfigError, match="style is -1"):
        LossWeights(style=-1)
    with pytest.raises(ConfigError, match="against is 'all'"):
        LossWeights(against="all")  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="need VGG"):
        inpainting_loss(torch.rand(1, 3, 8, 8), torch.rand(1, 3, 8, 8), torch.ones(1, 1, 8, 8), LossWeights())


def test_vgg_weights_from_the_hub_are_what_was_announced(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    cached = tmp_path / "snapshots" / "commit" / "model.safetensors"
    cached.parent.mkdir(parents=True)
    save_file(VGG16Features().state_dict(), tmp_path / "weights")
    announced = sha256((tmp_path / "weights").read_bytes()).hexdigest()

    def arrives(damage: bytes) -> None:
        (tmp_path / announced).write_bytes((tmp_path / "weights").read_bytes() + damage)
        cached.unlink(missing_ok=True)
        cached.symlink_to(tmp_path / announced)

    monkeypatch.setattr("huggingface_hub.hf_hub_download", lambda *_, **__: str(cached))
    monkeypatch.setattr("rfr_core.hub.hf_hub_download", lambda *_, **__: str(cached))
    arrives(b"")
    VGG16Features.from_pretrained()
    arrives(b"more")
    with pytest.raises(CheckpointError, match=r"another content than announced.* as vgg in the recipe"):
        VGG16Features.from_pretrained()
    assert not cached.exists()
