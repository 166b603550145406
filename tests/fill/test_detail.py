"""Fills made anew from patches of their surroundings."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

import rfr_core.fill.detail
import rfr_core.texture.exemplar
from rfr_core import Inpainter, RFRConfig, RFRNet
from rfr_core.checkpoints.model import RFRModel
from rfr_core.errors import ConfigError
from rfr_core.ops.pyramid import box_blur, pull_push, spread
from rfr_core.texture.exemplar import synthesize
from rfr_core.texture.patch_match import Draws, PatchMatch, enlarge_field
from rfr_core.texture.settings import RADIUS
from rfr_core.texture.surroundings import Surroundings

EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.fixture(scope="module")
def inpainter() -> Inpainter:
    torch.manual_seed(0)
    return Inpainter(
        RFRNet(RFRConfig(width=8, norm="group", recurrences=2, detail=True)), device="cpu", dtype="float32"
    )


def stripes(height: int, width: int, contrast: float = 0.3) -> Tensor:
    """A texture (1, 3, H, W) in [0, 1] that a soft fill cannot have: slanted stripes of period 6 over a colour ramp."""
    y, x = torch.arange(height)[:, None], torch.arange(width)
    wave = 0.5 + contrast * torch.sin((x + y) * (2 * torch.pi / 6))
    ramp = 0.2 * torch.stack(torch.broadcast_tensors(x / width, y / height, torch.zeros(height, width)))
    return (wave + ramp)[None].clamp(0, 1)


def square_hole(size: tuple[int, int], top: int, left: int, side: int) -> Tensor:
    hole = torch.zeros(1, 1, *size, dtype=torch.bool)
    hole[..., top : top + side, left : left + side] = True
    return hole


def error(result: Tensor, truth: Tensor, hole: Tensor) -> float:
    return float(((result - truth).square() * hole).sum() / (3 * hole.sum())) ** 0.5


@pytest.mark.parametrize(("size", "side"), [((96, 128), 30), ((70, 61), 12), ((64, 64), 3), ((300, 280), 200)])
def test_a_texture_is_continued_into_a_soft_fill(size: tuple[int, int], side: int) -> None:
    truth, hole = stripes(*size), square_hole(size, 20, 17, side)
    soft = torch.where(hole, stripes(*size, contrast=0), truth)
    result = synthesize(soft, ~hole).picture
    assert torch.equal(result[~hole.expand_as(result)], truth[~hole.expand_as(truth)])
    assert torch.equal(result, synthesize(soft, ~hole).picture)
    assert error(result, truth, hole) < 0.5 * error(soft, truth, hole)
    assert result.min() > truth.min() - 0.1  # no specks
    assert result.max() < truth.max() + 0.1


@pytest.mark.parametrize("period", [10, 14, 20])
def test_what_is_known_in_small_pieces_alone_serves_to_continue_it(period: int) -> None:
    size = (120, 140)
    hole = (torch.arange(120)[:, None] % period >= 7) | (torch.arange(140) % period >= 7)
    truth = stripes(*size)
    soft = torch.where(hole, stripes(*size, contrast=0), truth)
    result = synthesize(soft, ~hole[None, None]).picture
    assert error(result, truth, hole) < 0.2 * error(soft, truth, hole)


def test_a_deep_hole_in_a_strip_too_narrow_to_be_halved_gets_the_texture_of_its_ends() -> None:
    size, hole = (28, 900), torch.zeros(1, 1, 28, 900, dtype=torch.bool)
    hole[..., 200:700] = True
    truth, without = stripes(*size), stripes(*size, contrast=0)
    result = synthesize(torch.where(hole, without, truth), ~hole).picture
    texture = [(part - without)[..., 200:700].std() for part in (result, truth)]
    assert texture[0] > 0.5 * texture[1]


def test_a_better_fill_makes_better_copies() -> None:
    """The fill says what goes where: the blurred truth leads to nearer copies than an interpolation does."""
    with Image.open(EXAMPLES / "flower.jpg") as opened:
        picture = opened.convert("RGB").resize((opened.width // 3, opened.height // 3))
    truth = torch.from_numpy(np.array(picture)).permute(2, 0, 1)[None].float() / 255
    hole = square_hole((picture.height, picture.width), 60, 120, 50)
    interpolated = pull_push(torch.where(hole, 0, truth), (~hole).float())
    fills = (box_blur(box_blur(truth, 6), 6), interpolated)
    better, usual = (error(synthesize(torch.where(hole, fill, truth), ~hole).picture, truth, hole) for fill in fills)
    assert better < 0.9 * usual


def test_colours_meet_those_around_the_hole() -> None:
    """Patches from the dark side serve on the bright one, without a step at the border."""
    truth = stripes(80, 160) * torch.linspace(0.4, 1, 160)
    hole = square_hole((80, 160), 30, 120, 24)
    result = synthesize(torch.where(hole, truth.mean(), truth), ~hole).picture
    border = (result[..., 120:144] - result[..., 29:30, 120:144])[..., 30, :].abs().mean()
    inside = (truth[..., 120:144] - truth[..., 29:30, 120:144])[..., 30, :].abs().mean()
    assert border < 1.5 * inside


@pytest.mark.parametrize(("size", "side"), [((7, 7), 1), ((1, 40), 1), ((40, 1), 1), ((20, 20), 18), ((4, 100), 3)])
def test_a_fill_stays_where_too_little_is_known_to_choose_from(size: tuple[int, int], side: int) -> None:
    hole = square_hole(size, 0, 0, side)
    soft = torch.rand(1, 3, *size)
    picture, copies, mismatch = synthesize(soft, ~hole)
    assert torch.equal(picture, soft)
    assert torch.equal(copies, soft)
    assert torch.equal(mismatch, hole.float())


def test_copies_are_pixels_of_the_known_part() -> None:
    size, values = (90, 110), torch.tensor([0.2, 0.5, 0.7])
    hole = square_hole(size, 30, 40, 24)

    def off(fill: Tensor) -> float:
        return float((fill[hole.expand_as(fill)][:, None] - values).abs().amin(1).mean())

    found = []
    for seed in range(4):
        torch.manual_seed(seed)
        # Noise, of which overlapping patches disagree.
        truth = values[torch.randint(3, (1, 1, 90, 110))].expand(1, 3, *size)
        picture, copies, _ = synthesize(torch.where(hole, 0.5, truth), ~hole)
        assert torch.equal(copies[~hole.expand_as(copies)], truth[~hole.expand_as(truth)])
        found.append((off(copies), off(picture)))
    of_copies, of_pictures = np.mean(found, 0)
    assert of_copies < 0.03  # but for a shift of colours
    assert of_pictures > 2 * of_copies


def test_the_mismatch_tells_where_nothing_known_fits() -> None:
    truth, hole = stripes(90, 120), square_hole((90, 120), 30, 20, 30) | square_hole((90, 120), 30, 80, 20)
    beside = spread(square_hole((90, 120), 30, 80, 20), 8)
    odd = torch.where(beside & ~hole, torch.rand(truth.shape, generator=torch.Generator().manual_seed(0)), truth)
    _, _, mismatch = synthesize(torch.where(hole, stripes(90, 120, contrast=0), odd), ~hole)
    assert not bool(mismatch[~hole].any())
    fitting, odd_one = mismatch[..., 20:50], mismatch[..., 80:100]
    assert 4 * float(fitting.mean()) < float(odd_one[hole[..., 80:100]].mean()) < 1


THIN = {
    "row": lambda y, x: (y == 100) & (x >= 0),
    "diagonal": lambda y, x: y == x,
    "dots": lambda y, x: (7 * y + 3 * x) % 101 == 0,
    "comb": lambda y, x: (y % 6 == 0) & (x >= 0),
}


@pytest.mark.parametrize("shape", THIN)
def test_what_is_too_thin_to_be_seen_at_half_the_size_is_filled(inpainter: Inpainter, shape: str) -> None:
    hole = THIN[shape](torch.arange(240)[:, None], torch.arange(300))[None, None]
    truth = 0.5 + 0.3 * stripes(240, 300, contrast=0)
    image = torch.where(hole, torch.zeros(()), truth)
    result = inpainter(image, hole.float())
    assert torch.equal(result[~hole.expand_as(result)], truth[~hole.expand_as(truth)])
    assert error(result, truth, hole) < 0.03


def test_nothing_is_made_where_nothing_is_missing() -> None:
    truth = stripes(40, 50)
    picture, copies, mismatch = synthesize(truth, torch.ones(1, 1, 40, 50, dtype=torch.bool))
    assert torch.equal(picture, truth)
    assert torch.equal(copies, truth)
    assert not bool(mismatch.any())


def test_the_fill_stays_where_no_patch_was_looked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """A large hole is matched at half the size, where a single pixel far from it cannot be seen."""
    monkeypatch.setattr(rfr_core.texture.exemplar, "MOST_QUERIES", 2000)
    monkeypatch.setattr(rfr_core.texture.exemplar, "MOST_THIN_QUERIES", 2000)
    truth, hole = stripes(120, 160), square_hole((120, 160), 30, 20, 60)
    hole[..., 60, 140] = True
    soft = torch.where(hole, stripes(120, 160, contrast=0), truth)
    picture, copies, mismatch = synthesize(soft, ~hole)
    assert torch.equal(picture[..., 60, 140], soft[..., 60, 140])
    assert torch.equal(copies[..., 60, 140], soft[..., 60, 140])
    assert float(mismatch[..., 60, 140]) == 1
    assert float(mismatch[..., 45:75, 35:65].mean()) < 0.5


def test_a_search_finds_an_exact_match_among_all_sources() -> None:
    torch.manual_seed(0)
    truth = torch.rand(1, 3, 24, 12).repeat(1, 1, 1, 3)  # everything is there three times
    hole = square_hole((24, 36), 10, 16, 4)
    matcher = PatchMatch(truth, ~hole, truth, torch.ones(1, 1, 24, 36), 0.3)
    looked_for = matcher.queries, truth, torch.ones(1, 1, 24, 36)
    field = matcher.full_search()(*looked_for)
    moved = (field - matcher.queries).abs()
    assert bool(((moved % 36 == 12) | (moved % 36 == 24)).all())
    assert bool((moved // 36 == 0).all())
    _, distance = matcher.refine(Surroundings(truth, RADIUS), field, Draws())
    assert float(distance.max()) == 0


def test_pictures_of_a_batch_are_what_each_is_alone() -> None:
    torch.manual_seed(0)
    pictures = F.avg_pool2d(torch.rand(6, 3, 54, 62), 5, 1)
    known = torch.ones(6, 1, 50, 58, dtype=torch.bool)
    for item in range(4):  # small holes at different places, and of different sizes
        known[item, :, 10 + item : 20 + 2 * item, 20 : 27 + item] = False
    known[4, :, 4:46, 4:54] = False  # too deep to be searched at one scale, and too little known
    together = synthesize(pictures, known)
    alone = [synthesize(pictures[item : item + 1], known[item : item + 1]) for item in range(6)]
    for name, values in together._asdict().items():
        assert torch.equal(values, torch.cat([getattr(one, name) for one in alone])), name
    assert torch.equal(together.picture[5], pictures[5])
    unlike = (together.picture[:4] != pictures[:4]).any(1, keepdim=True)
    assert bool(unlike[~known[:4]].float().mean() > 0.9)
    assert not bool(unlike[known[:4]].any())


def test_many_small_holes_are_searched_however_many_there_are() -> None:
    torch.manual_seed(0)
    pictures = torch.rand(160, 3, 44, 44)
    known = torch.ones(160, 1, 44, 44, dtype=torch.bool)
    known[..., 14:30, 14:30] = False  # 400 patches to look for in each, 64,000 in all
    pictures = torch.where(known, pictures, 0.5)
    many = torch.cat([pictures, pictures]), torch.cat([known, known])  # 128,000: more than one picture may have
    assert torch.equal(synthesize(*many).picture[160:], synthesize(pictures, known).picture)
    assert bool((synthesize(*many).picture != many[0]).any(1, keepdim=True)[~many[1]].float().mean() > 0.9)


def test_fields_of_a_batch_are_enlarged_and_completed_within_their_pictures() -> None:
    torch.manual_seed(0)
    known = torch.ones(3, 1, 24, 30, dtype=torch.bool)
    for item in range(3):
        known[item, :, 8 + item : 14, 9 : 15 + item] = False
    colour = torch.rand(3, 3, 24, 30)
    batch = PatchMatch(colour, known, colour, torch.ones(3, 1, 24, 30), 0.3)
    field = batch.valid_field(torch.full((3 * 24 * 30,), -1), Draws())
    large = enlarge_field(batch.dense(field), (24, 30), (47, 60)).view(3, -1)
    for item in range(3):
        one = slice(item, item + 1)
        alone = PatchMatch(colour[one], known[one], colour[one], torch.ones(1, 1, 24, 30), 0.3)
        own = alone.valid_field(torch.full((24 * 30,), -1), Draws())
        assert torch.equal(own, field[batch.queries // (24 * 30) == item] - item * 24 * 30)
        expected = enlarge_field(alone.dense(own), (24, 30), (47, 60))
        assert torch.equal(torch.where(expected >= 0, expected + item * 47 * 60, -1), large[item])


def test_random_trials_and_neighbours_find_what_a_full_search_finds() -> None:
    torch.manual_seed(0)
    truth = stripes(60, 60)
    hole = square_hole((60, 60), 20, 20, 16)
    matcher = PatchMatch(truth, ~hole, truth, torch.ones(1, 1, 60, 60), 0.0)
    draws = Draws()
    field = start = matcher.valid_field(torch.full((3600,), -1), draws)
    patches = Surroundings(truth, RADIUS)
    for _ in range(3):
        field, _ = matcher.refine(patches, field, draws)
    field, distance = matcher.refine(patches, field, draws)
    all_looked_at = matcher.full_search()(matcher.queries, truth, torch.ones(1, 1, 60, 60))
    before, found, best = (
        (patches(sources) - patches(matcher.queries)).square().mean() for sources in (start, field, all_looked_at)
    )
    assert bool(matcher.valid[field].all())
    torch.testing.assert_close(distance.mean(), found)
    assert found - best < 0.05 * (before - best)


def test_the_last_step_alone_has_detail_and_is_what_a_call_gives(inpainter: Inpainter) -> None:
    image = stripes(64, 80)
    hole = square_hole((64, 80), 20, 20, 20)
    plain = [step.tensor() for step in inpainter.steps(image, hole, detail=False)]
    steps = [step.tensor() for step in inpainter.steps(image, hole)]
    assert all(torch.equal(a, b) for a, b in zip(plain[:-1], steps[:-1], strict=True))
    assert not torch.equal(plain[-1], steps[-1])
    assert torch.equal(steps[-1], inpainter(image, hole))
    assert torch.equal(steps[-1][~hole.expand_as(image)], image[~hole.expand_as(image)])


def test_the_checkpoint_decides_unless_one_is_asked_for(inpainter: Inpainter) -> None:
    torch.manual_seed(0)
    without = Inpainter(RFRNet(RFRConfig(width=8, norm="group", recurrences=2)), device="cpu", dtype="float32")
    image, hole = stripes(48, 48), square_hole((48, 48), 16, 16, 14)
    assert torch.equal(without(image, hole), inpainter(image, hole, detail=False))
    assert torch.equal(without(image, hole, detail=True), inpainter(image, hole))
    with pytest.raises(ConfigError, match=r"Detail is 'much'; expected one of auto, texture, exact, off\."):
        inpainter(image, hole, detail="much")  # pyright: ignore[reportArgumentType]


def test_pictures_of_a_batch_get_the_detail_they_get_alone(inpainter: Inpainter) -> None:
    images = torch.cat([stripes(64, 64), stripes(64, 64).flip(-1)])
    holes = torch.cat([square_hole((64, 64), 8, 8, 12), square_hole((64, 64), 30, 26, 20)])
    together = inpainter(images, holes)
    for item in range(2):
        alone = inpainter(images[item : item + 1], holes[item : item + 1])
        assert torch.allclose(together[item : item + 1], alone, atol=1e-4)


def test_nothing_is_taken_from_other_holes_or_transparent_parts(inpainter: Inpainter) -> None:
    """What lies under a hole or is transparent shows nowhere, whatever it holds."""
    picture = np.full((72, 96, 4), 255, np.uint8)
    picture[..., :3] = (stripes(72, 96)[0].permute(1, 2, 0) * 255).byte().numpy()
    results = []
    for secret in (0, 255):
        image = picture.copy()
        image[10:30, 60:90, :3] = secret
        image[10:30, 60:90, 3] = 0  # transparent, and no hole
        image[30:50, 20:40, :3] = secret
        mask = np.zeros((72, 96), np.uint8)
        mask[30:50, 20:40] = 255
        results.append(np.array(inpainter(Image.fromarray(image), Image.fromarray(mask)))[30:50, 20:40])
    assert np.array_equal(*results)


def test_no_number_in_a_hole_stays_there(inpainter: Inpainter) -> None:
    image, hole = stripes(64, 64), square_hole((64, 64), 20, 20, 16)
    result = inpainter(image.masked_fill(hole, torch.nan), hole)
    assert torch.equal(result, inpainter(image, hole))


def test_large_surroundings_are_worked_on_at_a_smaller_scale(
    inpainter: Inpainter, monkeypatch: pytest.MonkeyPatch
) -> None:
    image, hole = stripes(131, 117), square_hole((131, 117), 40, 40, 40)
    whole = inpainter(image, hole)
    monkeypatch.setattr(rfr_core.fill.detail, "LARGEST", 2**12)
    small = inpainter(image, hole)
    assert not torch.equal(whole, small)
    assert not torch.equal(small, inpainter(image, hole, detail=False))
    assert torch.equal(small[~hole.expand_as(image)], image[~hole.expand_as(image)])


def checkers(side: int) -> Tensor:
    place = torch.arange(side) // 8
    return (0.2 + 0.6 * ((place[:, None] + place) % 2)).expand(1, 3, side, side).contiguous()


def test_an_exact_copy_is_told_from_one_that_only_looks_right() -> None:
    hole = square_hole((96, 96), 30, 34, 28)
    truth = checkers(96)
    picture, _, mismatch = synthesize(torch.where(hole, 0.5, truth), ~hole)
    torch.testing.assert_close(picture, truth, atol=2e-3, rtol=0)
    assert not bool(mismatch.any())
    # A hole so shallow is not asked for a pattern: there, the copies themselves are compared.
    line = square_hole((96, 96), 30, 34, 3)
    assert not bool(synthesize(torch.where(line, 0.5, truth), ~line).mismatch.any())
    noisy = (truth + 0.02 * torch.randn(truth.shape, generator=torch.Generator().manual_seed(0))).clamp(0, 1)
    assert bool(synthesize(torch.where(line, 0.5, noisy), ~line).mismatch[line].any())


def test_the_refinement_leaves_an_exact_copy_alone() -> None:
    torch.manual_seed(0)
    model = RFRModel(RFRConfig(width=8, norm="group", recurrences=2, detail=True, refinement=8))
    refinement = model.refinement
    assert refinement is not None
    torch.nn.init.normal_(refinement.tail.weight)  # which would spoil it
    inpainter = Inpainter(model, device="cpu", dtype="float32")
    hole = square_hole((96, 96), 30, 34, 28)
    for detail in (True, "exact"):
        filled = inpainter(torch.where(hole, 0, checkers(96)), hole, detail=detail)
        torch.testing.assert_close(filled, checkers(96), atol=2e-3, rtol=0)
