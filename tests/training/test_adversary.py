"""Losses that look at features: LPIPS to learn from, and a discriminator that learns while it is learned from."""

from __future__ import annotations

from copy import deepcopy

import pytest
import torch
from accelerate import Accelerator
from torch import Tensor

from rfr_core.errors import ConfigError
from rfr_core.training.losses.adversary import Adversary, Shown
from rfr_core.training.losses.inpainting import Judges, LossWeights, inpainting_loss
from rfr_core.training.losses.lpips import ShiftTolerantLPIPS
from rfr_core.training.losses.vgg import VGG16Features

NONE = LossWeights(hole=0, valid=0, perceptual=0, style=0, variation=0)


@pytest.fixture(autouse=True)
def seeded() -> None:
    torch.manual_seed(0)


def pictures(count: int = 4, side: int = 48) -> Tensor:
    """Fine stripes (N, 3, S, S) at chance places, which a soft fill lacks."""
    phase = torch.rand(count, 3, 1, 1) * 6
    return 0.5 + 0.4 * torch.sin(torch.arange(side) * 1.6 + phase).expand(-1, -1, side, -1)


def square_hole(count: int = 4, side: int = 48) -> Tensor:
    hole = torch.zeros(count, 1, side, side)
    hole[..., 12:36, 8:32] = 1
    return hole


def test_a_discriminator_learns_what_a_hole_lacks_and_says_in_which_direction() -> None:
    adversary, hole = Adversary(Accelerator(cpu=True), 4e-3), square_hole()
    told = []
    for _ in range(60):
        truth = pictures()
        shown = Shown(torch.where(hole > 0, 0.5, truth), truth, hole)
        adversary.terms(shown)
        told.append(float(adversary.learn([shown], 4e-3)))
    assert told[0] == pytest.approx(2, abs=0.3)
    assert told[-1] < 0.5
    truth = pictures()
    soft = torch.where(hole > 0, 0.5, truth).requires_grad_()
    terms = adversary.terms(Shown(soft, truth, hole))
    same = adversary.terms(Shown(truth, truth, hole))
    assert float(same["feature_matching"].max()) < 1e-4  # its norms are estimated anew each time
    assert bool((terms["feature_matching"] > 0).all())
    assert bool((terms["adversarial"] > same["adversarial"]).all())
    (terms["feature_matching"] + terms["adversarial"]).sum().backward()
    assert soft.grad is not None
    assert float((soft.grad * hole).abs().sum()) > 0
    nearer = torch.where(hole > 0, soft.detach() - 0.05 * soft.grad.sign(), truth)
    changed = adversary.terms(Shown(nearer, truth, hole))
    assert bool((torch.stack([*changed.values()]).sum(0) < torch.stack([*terms.values()]).sum(0)).all())


def test_a_discriminator_goes_on_where_it_was() -> None:
    first, second = (Adversary(Accelerator(cpu=True), 1e-3) for _ in range(2))
    hole, truth = square_hole(), pictures()
    shown = Shown(torch.where(hole > 0, 0.5, truth), truth, hole)
    first.terms(shown)
    first.learn([shown], 1e-3)
    second.load_state_dict(deepcopy(first.state_dict()))
    for _ in range(2):
        ours, theirs = (adversary.terms(shown) for adversary in (first, second))
        assert all(torch.equal(ours[name], theirs[name]) for name in ours)
        assert first.learn([shown], 1e-3) == second.learn([shown], 1e-3)


def test_a_discriminator_learns_from_all_batches_of_a_step() -> None:
    adversary, hole, truth = Adversary(Accelerator(cpu=True), 4e-3), square_hole(), pictures()
    telling, silent = Shown(torch.where(hole > 0, 0.5, truth), truth, hole), Shown(truth, truth, hole)
    for _ in range(40):
        adversary.learn([telling, silent], 4e-3)  # the last alone tells nothing
    made, real = (adversary.terms(shown)["adversarial"] for shown in (telling, silent))
    assert bool((made > real + 1).all())


@pytest.mark.parametrize("trunk", ["alex", "vgg"])
def test_lpips_can_be_learned_from(trunk: str) -> None:
    # "cpu:0" is what a process of several on a CPU calls its device.
    lpips, truth = ShiftTolerantLPIPS(trunk, torch.device("cpu:0")), pictures(2, 64)  # type: ignore[arg-type]
    flat = torch.full_like(truth, 0.5).requires_grad_()
    before = lpips.distance(flat, truth)
    assert float(lpips.distance(truth, truth).abs().max()) < 1e-9
    before.sum().backward()
    assert flat.grad is not None
    assert bool(flat.grad.isfinite().all())
    after = lpips.distance(flat.detach() - 0.02 * flat.grad.sign(), truth)
    assert bool((after < before).all())
    whole, _ = lpips(flat.detach(), truth[:1], torch.ones(1, 1, 64, 64))
    assert whole[0].item() == pytest.approx(before[0].item(), rel=1e-2)


def test_all_of_them_count_per_pixel_of_the_hole() -> None:
    truth = pictures(2, 64)
    judges = Judges(VGG16Features(), ShiftTolerantLPIPS("vgg"), Adversary(Accelerator(cpu=True), 1e-3))
    weights = LossWeights(hole=0, valid=0, perceptual=0, style=0, variation=0, direction=2, lpips=3, feature_matching=5)
    values = {}
    for side in (8, 32):
        hole = torch.zeros(2, 1, 64, 64)
        hole[..., 16 : 16 + side, 16 : 16 + side] = 1
        output = torch.where(hole > 0, 0.5, truth)
        total, values[side] = inpainting_loss(output, truth, 1 - hole, weights, judges)
        assert set(values[side]) == {"direction", "lpips", "feature_matching"}
        expected = 2 * values[side]["direction"] + 3 * values[side]["lpips"] + 5 * values[side]["feature_matching"]
        assert total.item() == pytest.approx(expected.item(), rel=1e-5)
    for name, small in values[8].items():
        assert 0.1 < small / values[32][name] < 10, name  # of a hole 16 times as large


@pytest.mark.parametrize(
    ("term", "match"), [("direction", "need VGG"), ("lpips", "needs LPIPS"), ("adversarial", "need a discriminator")]
)
def test_what_a_term_lacks_is_said(term: str, match: str) -> None:
    truth = pictures()
    with pytest.raises(ConfigError, match=match):
        inpainting_loss(truth, truth, 1 - square_hole(), LossWeights(**{**vars(NONE), term: 1}))
