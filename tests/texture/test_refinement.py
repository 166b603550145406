"""What a network makes of a finished fill and its detail, and how it learns to."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file, save_file
from torch import Tensor

import rfr_core.fill.detail
from rfr_core import Inpainter, RFRConfig, RFRNet
from rfr_core.checkpoints.loading import load_network
from rfr_core.checkpoints.model import RFRModel
from rfr_core.checkpoints.saving import save_pretrained
from rfr_core.errors import CheckpointError, ConfigError
from rfr_core.ops.box import Box
from rfr_core.ops.pyramid import box_blur
from rfr_core.texture.refinement import BLURRY, PATCHED, STACK_CHANNELS, Refinement
from rfr_core.texture.settings import MULTIPLE, REACH
from rfr_core.training.data.input_stacks import (
    InputStacks,
    StackRefiner,
    collate_stacks,
    with_refinement,
    write_stacks,
)
from rfr_core.training.data.samples import DataConfig
from rfr_core.training.losses.inpainting import Judges, LossWeights, PhaseLosses
from rfr_core.training.run.architectures import REFINEMENT, read_network
from rfr_core.training.run.recipe import EvaluationConfig, Phase, Recipe
from rfr_core.training.run.trainer import fit

ROOT = Path(__file__).parents[2]
SMALL = RFRConfig(width=8, norm="group", recurrences=2, detail=True, refinement=8)


def refinement() -> Refinement:
    """One that does more than a fresh one."""
    torch.manual_seed(0)
    made = Refinement(SMALL.refinement)
    torch.nn.init.normal_(made.tail.weight, std=0.05)
    return made.eval()


def without_refinement() -> RFRNet:
    torch.manual_seed(0)
    return RFRNet(replace(SMALL, refinement=0))


def network() -> RFRModel:
    return with_refinement(without_refinement(), refinement())


def stack_of(*size: int) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(1)
    return torch.rand(1, STACK_CHANNELS, *size, generator=generator), torch.rand(1, 1, *size, generator=generator) > 0.4


def picture(height: int, width: int) -> Image.Image:
    blocks = np.random.default_rng(5).integers(0, 256, (height // 12, width // 12, 3), dtype=np.uint8)
    return Image.fromarray(blocks).resize((width, height), Image.Resampling.BICUBIC)


def square(height: int, width: int, top: int, left: int, side: int) -> np.ndarray:
    hole = np.zeros((height, width), bool)
    hole[top : top + side, left : left + side] = True
    return hole


@pytest.mark.parametrize("size", [(1, 1), (3, 40), (33, 9), (64, 48)])
@torch.inference_mode()
def test_any_size_is_refined_from_all_that_is_given(size: tuple[int, int]) -> None:
    refine, (given, known) = refinement(), stack_of(*size)
    result = refine(given, known, texture=0.9)
    assert result.shape == (1, 3, *size)
    assert bool(result.isfinite().all())
    assert not torch.equal(refine(given, ~known, texture=0.9), result)
    assert not torch.equal(refine(given, known, texture=0.5), result)
    for first, end in ((0, 3), (3, 6), (6, 9), (9, 10)):  # blurry fill, picture, copies and mismatch
        changed = given.clone()
        changed[:, first:end] *= 0.5
        assert not torch.equal(refine(changed, known, texture=0.9), result)


@torch.inference_mode()
def test_each_picture_gets_the_texture_that_is_wanted_of_it() -> None:
    refine, (given, known) = refinement(), stack_of(24, 32)
    both = refine(given.repeat(2, 1, 1, 1), known.repeat(2, 1, 1, 1), texture=torch.tensor([0.3, 1.0]))
    for result, texture in zip(both, (0.3, 1.0), strict=True):
        torch.testing.assert_close(result, refine(given, known, texture=texture)[0])


@pytest.mark.parametrize("size", [(64, 72), (131, 97)])
@pytest.mark.parametrize("box", [(0, 0, 9, 7), (20, 31, 50, 40), (33, 5, 64, 72), (27, 28, 28, 29)])
@torch.inference_mode()
def test_a_part_is_refined_as_in_the_whole(size: tuple[int, int], box: tuple[int, int, int, int]) -> None:
    refine, (given, known) = refinement(), stack_of(*size)
    part = refine(given, known, texture=0.7, box=Box(*box))
    torch.testing.assert_close(part, refine(given, known, texture=0.7)[(..., *Box(*box).slices)])


@torch.inference_mode()
def test_a_fresh_one_changes_little() -> None:
    torch.manual_seed(0)
    fresh = Refinement(16)
    given, known = stack_of(64, 64)
    blurry, detailed = given[:, BLURRY], given[:, PATCHED]
    for texture in (0.0, 1.0):
        result = fresh(given, known, texture=texture)
        assert float((result - detailed).abs().mean()) < 0.1 * float((blurry - detailed).abs().mean())


@torch.inference_mode()
def test_what_is_out_of_reach_does_not_count() -> None:
    refine, given = partial(refinement(), texture=1.0), stack_of(16, 512)
    cut = MULTIPLE * 30
    changed = [torch.cat([part[..., :cut], part[..., cut:].roll(3, -1)], -1) for part in given]
    moved = (refine(*given) - refine(*changed)).abs().amax((0, 1, 2)).nonzero().flatten()
    assert cut - REACH <= int(moved.min()) < cut


@torch.inference_mode()
def test_a_hole_refined_in_tiles_is_as_one_refined_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    inpainter = Inpainter(network(), device="cpu", dtype="float32")
    image, hole = picture(276, 300), square(276, 300, 61, 47, 170)
    whole = np.asarray(inpainter(image, hole)).astype(int)
    monkeypatch.setattr(rfr_core.fill.detail, "TILE", 60)
    tiled = np.asarray(inpainter(image, hole)).astype(int)
    assert np.abs(whole - tiled).max() <= 1


@torch.inference_mode()
def test_a_textured_fill_has_the_broad_colours_of_the_exact_one() -> None:
    given, known = stack_of(96, 96)
    known[:] = True
    known[..., 36:60, 36:60] = False
    refine = refinement()
    textured, exact = (
        rfr_core.fill.detail._finished(given, known, refine=refine, exact=exact, broad=True).clamp(0, 1)
        for exact in (False, True)
    )

    def apart(one: Tensor, other: Tensor) -> float:
        return float(box_blur(one - other, 4)[..., 44:52, 44:52].abs().mean())

    alone = [refine(given, known, texture=texture).clamp(0, 1) for texture in (1, 0)]
    assert apart(textured, exact) < 0.5 * apart(*alone)


@torch.inference_mode()
def test_far_inside_a_textured_fill_is_near_the_patches_whatever_the_refinement_makes() -> None:
    given, known = stack_of(96, 96)
    given[:, PATCHED] = 0.25 + given[:, PATCHED] / 2
    known[:] = True
    known[..., 16:80, 16:80] = False
    white = refinement()
    white.tail.weight.zero_()
    white.tail.bias = torch.nn.Parameter(torch.tensor([0.0, *3 * (0.5,)]).repeat_interleave(4))
    textured = rfr_core.fill.detail._finished(given, known, refine=white, exact=False, broad=True)
    off = (textured - given[:, PATCHED]).abs().amax(1)[0]
    assert float(off[40:56, 40:56].max()) < 8.1 / 255
    assert float(off[17:26, 17:79].mean()) > 0.2


@torch.inference_mode()
def test_grain_stays_out_of_a_textured_fill_where_patches_have_none() -> None:
    grainy = refinement()
    grainy.tail.weight.zero_()
    chequered = torch.tensor([0, 0, 0, 0, *3 * (0.1, -0.1, -0.1, 0.1)])
    grainy.tail.bias = torch.nn.Parameter(chequered)
    inpainter = Inpainter(with_refinement(without_refinement(), grainy), device="cpu", dtype="float32")
    smooth = torch.linspace(0.3, 0.7, 120).expand(1, 3, 96, 120)
    hole = torch.from_numpy(square(96, 120, 30, 40, 33))[None, None].float()
    finest = [
        (filled - box_blur(filled, 1)).mul(hole).abs().sum() / (3 * hole.sum())
        for filled in (inpainter(smooth, hole, detail=detail) for detail in (True, "exact"))
    ]
    assert finest[0] < 0.02
    assert finest[1] > 0.08


@torch.inference_mode()
def test_noise_of_a_photograph_stays_and_what_is_as_faint_beside_clean_parts_goes() -> None:
    trusting = Refinement(8)
    trusting.tail.weight.zero_()
    trusting.get_parameter("tail.bias")[:4] = 1  # all is taken of the patches
    networks = with_refinement(without_refinement(), trusting), without_refinement()
    calmed, patches = (Inpainter(network, device="cpu", dtype="float32") for network in networks)
    hole = torch.from_numpy(square(120, 160, 40, 20, 24))[None, None].float()

    def strength(picture: Tensor) -> float:
        fine = (picture - box_blur(picture, 1))[..., 44:60, 24:40]
        return float(fine.square().mean().sqrt())

    kept = []
    for seed in range(4):
        noise = 4 / 255 * torch.randn(1, 3, 120, 160, generator=torch.Generator().manual_seed(seed))
        everywhere = (0.5 + noise).clamp(0, 1)
        below = torch.where(torch.arange(120)[:, None] >= 37, everywhere, 0.5)
        pictures = everywhere, below
        kept.append([strength(calmed(picture, hole)) / strength(patches(picture, hole)) for picture in pictures])
    everywhere, below = np.mean(kept, 0)
    assert 0.9 < everywhere < 1.0
    assert 0.1 < below < 0.5


@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "float16"])
def test_it_belongs_to_the_detail_and_leaves_known_pixels(dtype: str) -> None:
    refined = Inpainter(network(), device="cpu", dtype=dtype)
    image, hole = picture(96, 120), square(96, 120, 30, 40, 33)
    result = np.asarray(refined(image, hole))
    assert np.array_equal(result[~hole], np.asarray(image)[~hole])
    assert np.array_equal(np.asarray([*refined.steps(image, hole)][-1].picture()), result)

    bare = Inpainter(without_refinement(), device="cpu", dtype=dtype)
    assert not np.array_equal(result, np.asarray(bare(image, hole)))
    assert np.array_equal(np.asarray(refined(image, hole, detail=False)), np.asarray(bare(image, hole, detail=False)))

    exact = np.asarray(refined(image, hole, detail="exact"))
    assert not np.array_equal(exact, result)
    assert np.array_equal(exact[~hole], np.asarray(image)[~hole])
    with pytest.raises(ConfigError, match="this network has no refinement"):
        bare(image, hole, detail="exact")


def test_far_inside_patches_keep_their_crispness_unless_the_least_error_is_wanted() -> None:
    gray = network()
    assert gray.refinement is not None
    with torch.no_grad():
        gray.decoder.get_parameter("out.weight").zero_()  # a fill without texture
        gray.refinement.tail.weight.zero_()
        gray.refinement.get_parameter("tail.bias")[:4] = -5  # of which all is taken, and of the patches nothing
        gray.refinement.get_parameter("tail.bias")[4:] = 0.5
    inpainter = Inpainter(gray, device="cpu", dtype="float32")
    noise = np.random.default_rng(0).integers(60, 200, (160, 180, 3), dtype=np.uint8)
    hole = square(160, 180, 30, 40, 100)
    textured, exact = (inpainter(noise, hole, detail=detail).astype(float) for detail in (True, "exact"))
    rim, inside = square(160, 180, 33, 43, 94) & ~square(160, 180, 40, 50, 80), square(160, 180, 60, 70, 40)
    assert np.array_equal(textured[rim], exact[rim])
    assert exact[inside].std() < 1
    assert textured[inside].std() > 10
    assert abs(textured[inside].mean() - exact[inside].mean()) < 8  # in the same colours


def test_what_overflows_is_refined_again_in_float32() -> None:
    large = network()
    assert large.refinement is not None
    with torch.no_grad():
        large.refinement.head.weight.mul_(1e5)
        large.refinement.tail.weight.zero_()  # makes no number of what is infinite
    image, hole = picture(72, 72), square(72, 72, 20, 20, 30)
    half = Inpainter(large, device="cpu", dtype="float16")
    with pytest.warns(UserWarning, match="not finite"):
        first = np.asarray(half(image, hole))
    assert np.array_equal(np.asarray(half(image, hole)), first)  # without a second warning
    full = np.asarray(Inpainter(large, device="cpu", dtype="float32")(image, hole))
    assert np.abs(first.astype(int) - full).mean() < 4


def test_a_checkpoint_keeps_it(tmp_path: Path) -> None:
    made = network()
    save_pretrained(made, tmp_path)
    loaded = load_network(tmp_path)
    assert loaded.config.refinement == 8
    assert all(torch.equal(value, made.state_dict()[name]) for name, value in loaded.state_dict().items())
    config = json.loads((tmp_path / "config.json").read_text())
    state = load_file(tmp_path / "model.safetensors")
    save_file(
        {name: value for name, value in state.items() if "refinement" not in name}, tmp_path / "model.safetensors"
    )
    with pytest.raises(CheckpointError, match="lacks tensor refinement"):
        load_network(tmp_path)
    (tmp_path / "config.json").write_text(json.dumps(config | {"refinement": 0}))
    assert load_network(tmp_path).refinement is None
    with pytest.raises(ConfigError, match="refinement is 12; it must be a multiple of 8"):
        RFRConfig(refinement=12)


# Learning


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("photographs")
    for number in range(3):
        picture(288, 360).rotate(90 * number).save(folder / f"{number}.png")
    return folder


@pytest.fixture(scope="module")
def stacks(pictures: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("stacks")
    inpainter = Inpainter(without_refinement(), device="cpu", dtype="float32")
    write_stacks(inpainter, DataConfig(pictures=(str(pictures),), most=0.3), folder, count=3, seed=1)
    return folder


LOSS = LossWeights(hole=1, valid=0, perceptual=0, style=0, variation=0, log_mse=1, ssim=1)
PHASE = Phase(steps=2, batch=2, crop=64, learning_rate=1e-3, loss=LOSS)


def recipe(stacks: Path, output: Path, **more: Any) -> Recipe:
    settings: dict[str, Any] = {
        "phases": (PHASE,),
        "architecture": "refinement",
        "network": SMALL,
        "data": DataConfig(stacks=str(stacks)),
        "workers": 0,
        "ema": 0.0,
        "preview_every": 2,
    }
    return Recipe(output=str(output), **(settings | more))


def test_stacks_hold_the_truth_and_all_fills_of_it(stacks: Path) -> None:
    samples = InputStacks(stacks, 256, seed=0)
    textures = set()
    for number in range(4):
        truth, stack, texture, known, _ = samples[number]
        assert stack.shape == (10, 256, 256)
        fills = stack[:9].split(3)
        outside, inside = known.expand(3, -1, -1) > 0, known.expand(3, -1, -1) == 0
        for fill in fills:
            assert torch.equal(truth[outside], fill[outside])
            assert not torch.equal(truth[inside], fill[inside])
        assert len({fill[inside].sum().item() for fill in fills}) == len(fills)
        assert not bool(stack[9:][known > 0].any())
        assert float(stack[9:][known == 0].mean()) > 0.01
        textures.add(float(texture))
        assert torch.equal(samples[number].stack, stack)
    assert len(textures) == 4
    assert 0 < min(textures) < max(textures) < 1
    assert any(not torch.equal(samples[0].truth, samples[number].truth) for number in range(1, 4))


def test_making_stacks_goes_on_where_it_stopped(stacks: Path, pictures: Path, tmp_path: Path) -> None:
    inpainter = Inpainter(without_refinement(), device="cpu", dtype="float32")
    data, shown = DataConfig(pictures=(str(pictures),), most=0.3), []
    (tmp_path / "000000.safetensors").write_bytes(next(stacks.iterdir()).read_bytes())
    write_stacks(inpainter, data, tmp_path, 65, 1, lambda done, total: shown.append((done, total)))
    assert shown == [(64, 65), (65, 65)]
    assert len(load_file(tmp_path / "000000.safetensors")["known"]) == 3  # the file that was there
    assert len(load_file(tmp_path / "000064.safetensors")["known"]) == 1


def test_a_refinement_learns_and_joins_its_network(stacks: Path, tmp_path: Path) -> None:
    folder = fit(recipe(stacks, tmp_path / "run"))
    with Image.open(tmp_path / "run" / "previews" / "0000002.jpg") as grid:
        assert grid.size == (6 * 66, 4 * 66)
    save_pretrained(without_refinement(), tmp_path / "network")
    command = [sys.executable, "-m", "train", "join", str(folder), "--model", str(tmp_path / "network")]
    subprocess.run([*command, "--out", str(tmp_path / "joined")], cwd=ROOT, check=True)
    joined, learned = load_network(tmp_path / "joined"), load_file(folder / "model.safetensors")
    assert joined.config.refinement == SMALL.refinement
    fresh = StackRefiner(SMALL).state_dict()
    for name, value in joined.state_dict().items():
        expected = learned[name] if name in learned else without_refinement().state_dict()[name]
        torch.testing.assert_close(value, expected.half().float())
    assert set(learned) == set(fresh)
    again = recipe(stacks, tmp_path / "again", init=str(tmp_path / "joined"), network=joined.config)
    assert set(load_file(fit(again) / "model.safetensors")) == set(learned)


@pytest.mark.parametrize("network_learns", [False, True])
def test_network_and_refinement_learn_together_or_the_refinement_alone(
    network_learns: bool, stacks: Path, tmp_path: Path
) -> None:
    started = network()
    save_pretrained(started, tmp_path / "start")
    phase = replace(PHASE, perceptual_output=LOSS, network_output=LOSS if network_learns else None)
    joint = partial(recipe, stacks, architecture="joint", network=started.config, init=str(tmp_path / "start"))
    folder = fit(joint(tmp_path / "run", phases=(phase,)))
    with Image.open(tmp_path / "run" / "previews" / "0000002.jpg") as grid:
        assert grid.size == (6 * 66, 4 * 66)
    learned, before = load_file(folder / "model.safetensors"), started.state_dict()
    changed = {name for name in before if not torch.equal(learned[name], before[name])}
    assert "refinement.head.weight" in changed
    assert any(not name.startswith("refinement.") for name in changed) is network_learns
    line = json.loads((tmp_path / "run" / "log.jsonl").read_text().splitlines()[0])
    assert ("network_log_mse" in line) is network_learns
    image = picture(64, 80)
    hole = square(64, 80, 20, 20, 16)
    assert Inpainter.from_pretrained(folder)(image, hole, detail="exact").size == image.size
    # The refinement sees what the network makes, whatever fill the stacks hold.
    other = tmp_path / "other"
    other.mkdir()
    for file in stacks.glob("*.safetensors"):
        parts = load_file(file)
        parts["pictures"][:, 3:6] = 0
        save_file(parts, other / file.name)
    again = fit(joint(tmp_path / "again", phases=(phase,), data=DataConfig(stacks=str(other))))
    repeated = load_file(again / "model.safetensors")
    assert all(torch.equal(repeated[name], learned[name]) for name in learned)


def test_only_a_joint_training_has_terms_for_the_networks_own_fill(stacks: Path, tmp_path: Path) -> None:
    learning = replace(PHASE, network_output=LOSS)
    with pytest.raises(ConfigError, match="network_output"):
        recipe(stacks, tmp_path, phases=(learning,))
    with pytest.raises(ConfigError, match="network_output"):
        recipe(stacks, tmp_path, phases=(PHASE, learning), architecture="joint")
    with pytest.raises(ConfigError, match="refinement is 0"):
        fit(recipe(stacks, tmp_path, architecture="joint", network=replace(SMALL, refinement=0)))


def test_a_refinement_of_another_model_is_joined_by_name(tmp_path: Path) -> None:
    save_pretrained(without_refinement(), tmp_path / "network")
    command = [sys.executable, "-m", "train", "join", "lite", "--model", str(tmp_path / "network")]
    subprocess.run([*command, "--out", str(tmp_path / "joined")], cwd=ROOT, check=True)
    joined, lite = load_network(tmp_path / "joined"), load_network("lite")
    assert joined.config.detail
    for name, value in joined.state_dict().items():
        expected = (lite if name.startswith("refinement.") else without_refinement()).state_dict()[name]
        torch.testing.assert_close(value, expected.half().float())
    save_pretrained(without_refinement(), tmp_path / "bare")
    command[4] = str(tmp_path / "bare")
    failed = subprocess.run([*command, "--out", str(tmp_path / "none")], cwd=ROOT, capture_output=True, text=True)
    assert failed.returncode == 2
    assert "holds no refinement" in failed.stderr


def test_what_was_learned_is_nearer_to_the_truth(stacks: Path, tmp_path: Path) -> None:
    """Where the blurry fill is the better one, that is learned: a fresh refinement trusts the patches."""
    folder = tmp_path / "stacks"
    folder.mkdir()
    for file in stacks.glob("*.safetensors"):
        parts = load_file(file)
        parts["pictures"][:, 3:6] = parts["pictures"][:, :3].clamp(8, 247) + 8
        save_file(parts, folder / file.name)
    phase = replace(PHASE, steps=60, batch=4, learning_rate=3e-3)
    learned = read_network(fit(recipe(folder, tmp_path / "run", phases=(phase,))))
    samples = [InputStacks(folder, 128, seed=9)[number] for number in range(8)]
    truth, stack, texture, known, _ = collate_stacks(samples)
    with torch.inference_mode():
        before, after = (
            torch.where(known > 0, 0, made(stack, known, texture)[0] - truth).square().mean()
            for made in (StackRefiner(SMALL), learned)
        )
    assert after < 0.1 * before


def test_both_outputs_are_learned_and_a_stopped_run_goes_on_as_if_it_had_not(stacks: Path, tmp_path: Path) -> None:
    textured = replace(LOSS, lpips=1, feature_matching=0.5, adversarial=0.1)
    phase = replace(PHASE, steps=4, perceptual_output=textured)
    whole = fit(recipe(stacks, tmp_path / "whole", phases=(phase,), save_every=2))
    fit(recipe(stacks, tmp_path / "parts", phases=(replace(phase, steps=2),), save_every=2))
    parts = fit(recipe(stacks, tmp_path / "parts", phases=(phase,), save_every=2), resume=True)
    lines = [(folder.parent / "log.jsonl").read_text().splitlines() for folder in (whole, parts)]
    logs = [[json.loads(line) for line in log] for log in lines]
    terms = {"log_mse", "ssim", "perceptual_log_mse", "perceptual_lpips", "perceptual_feature_matching"}
    assert terms | {"discriminator"} <= set(logs[0][0])
    for one, other in zip(*logs, strict=True):
        assert {**one, "seconds": 0} == {**other, "seconds": 0}
    ours, theirs = (load_file(folder / "model.safetensors") for folder in (parts, whole))
    assert all(torch.equal(ours[name], theirs[name]) for name in theirs)


def test_the_perceptual_output_learns_the_least_error_as_far_as_texture_is_not_asked_for(stacks: Path) -> None:
    samples = [InputStacks(stacks, 64, seed=3)[number] for number in range(4)]
    batch = collate_stacks(samples)
    exact, textured = torch.full((2, 4, 3, 64, 64), 0.5, requires_grad=True).unbind()
    for value in (exact, textured):
        value.retain_grad()
    plain = replace(LOSS, log_mse=0, ssim=0, per="hole")
    nothing = replace(plain, hole=0)
    REFINEMENT.loss((exact, textured), batch, PhaseLosses(plain, nothing), Judges())[0].backward()
    assert exact.grad is not None
    assert textured.grad is not None
    shares = textured.grad.abs().sum((1, 2, 3)) / exact.grad.abs().sum((1, 2, 3))
    torch.testing.assert_close(shares, 1 - batch.texture.flatten())


def test_the_perceptual_terms_are_taken_of_a_share_of_each_batch(stacks: Path) -> None:
    batch = collate_stacks([InputStacks(stacks, 64, seed=3)[number] for number in range(4)])
    exact, textured = torch.full((2, 4, 3, 64, 64), 0.5, requires_grad=True).unbind()
    textured.retain_grad()
    none = replace(LOSS, hole=0, log_mse=0, ssim=0)
    losses = PhaseLosses(none, replace(none, hole=1), perceptual_share=0.3)
    REFINEMENT.loss((exact, textured), batch, losses, Judges())[0].backward()
    assert textured.grad is not None
    assert [bool(gradient.any()) for gradient in textured.grad] == [True, True, False, False]
    assert REFINEMENT.shown is not None
    assert torch.equal(REFINEMENT.shown((exact, textured), batch, losses).truth, batch.truth[:2])


@pytest.mark.parametrize(
    ("settings", "match"),
    [
        ({"architecture": "rfr"}, "A refinement, and nothing else, is trained from data.stacks"),
        ({"data": DataConfig(pictures=("x",))}, "A refinement, and nothing else"),
        ({"data": DataConfig(stacks="missing")}, "missing holds no input stacks; make them by rfr train stacks"),
        ({"network": replace(SMALL, refinement=0)}, "network.refinement is 0"),
        (
            {
                "architecture": "rfr",
                "data": DataConfig(pictures=("x",)),
                "phases": (replace(PHASE, perceptual_output=LOSS),),
            },
            "phases.perceptual_output is for a refinement",
        ),
        ({"evaluation": EvaluationConfig(pictures="x", holes="y")}, "python -m train compare"),
        ({"phases": (replace(PHASE, crop=300),)}, "crop is 300; input stacks have 256 pixels a side"),
    ],
)
def test_what_does_not_fit_is_said(stacks: Path, tmp_path: Path, settings: dict[str, Any], match: str) -> None:
    with pytest.raises(ConfigError, match=match):
        fit(recipe(stacks, tmp_path / "run", **settings))


def test_a_preview_reads_what_it_shows_and_no_more(
    stacks: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[InputStacks] = []
    original = InputStacks.__init__

    def counted(self: InputStacks, *arguments: Any) -> None:
        made.append(self)
        original(self, *arguments)

    monkeypatch.setattr(InputStacks, "__init__", counted)
    fit(recipe(stacks, tmp_path / "run", preview_every=1))
    assert len(made) == 1
    assert not any(isinstance(value, Tensor) for value in vars(made[0]).values())  # 12 GiB at 14,000 stacks


def test_damaged_stacks_are_named(tmp_path: Path) -> None:
    (tmp_path / "000000.safetensors").write_bytes(b"nothing")
    with pytest.raises(ConfigError, match=r"000000\.safetensors holds no input stacks; delete it"):
        InputStacks(tmp_path, 64, 0)
    save_file({"pictures": torch.zeros(1, 9, 8, 8, dtype=torch.uint8)}, tmp_path / "000000.safetensors")
    with pytest.raises(ConfigError, match="holds no input stacks"):
        InputStacks(tmp_path, 64, 0)
