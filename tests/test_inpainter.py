"""The inpainter through its public face, on small networks with random weights."""

from __future__ import annotations

import errno
import mmap
import os
import platform
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from rfr_core import ConfigError, DeviceError, HoleError, ImageError, Inpainter, RFRConfig, RFRNet
from rfr_core.checkpoints.saving import save_pretrained
from rfr_core.ops.box import Box
from rfr_core.options import Detail, Options

MODES = ("1", "L", "LA", "RGB", "RGBA", "I;16", "CMYK")


def _network(seed: int = 0, **options: Any) -> RFRNet:
    torch.manual_seed(seed)
    return RFRNet(RFRConfig(width=8, norm="group", **options))


@pytest.fixture(scope="module")
def inpainter() -> Inpainter:
    return Inpainter(_network(), device="cpu", dtype="float32")


def _array(height: int, width: int, *lead: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (*lead, height, width, 3), dtype=np.uint8)


def _mask(height: int, width: int, *boxes: tuple[int, int, int, int]) -> np.ndarray:
    mask = np.zeros((height, width), dtype=bool)
    for top, left, bottom, right in boxes:
        mask[top:bottom, left:right] = True
    return mask


def _picture(mode: str, height: int = 90, width: int = 70) -> Image.Image:
    array = _array(height, width)
    if mode == "I;16":
        gray = np.random.default_rng(1).integers(0, 65536, (height, width)).astype("<u2")
        return Image.frombytes("I;16", (width, height), gray.tobytes())
    image = Image.fromarray(array).convert(mode[:-1] if mode in ("LA", "RGBA") else mode)
    if mode in ("LA", "RGBA"):
        image.putalpha(Image.fromarray(array[..., 0] // 2 + 128))
    return image


# Kinds of pictures


@pytest.mark.parametrize("mode", MODES)
def test_pil_pictures_keep_mode_size_and_known_bytes(inpainter: Inpainter, mode: str) -> None:
    image, mask = _picture(mode), _mask(90, 70, (20, 30, 50, 45))
    filled = inpainter(image, mask)
    assert (filled.mode, filled.size) == (image.mode, image.size)
    before, after = np.asarray(image), np.asarray(filled)
    assert (before[~mask] == after[~mask]).all()
    assert (before[mask] != after[mask]).any()


@pytest.mark.parametrize("transparency", [None, 3])
def test_a_palette_picture_keeps_its_palette_and_gets_no_new_colour(
    inpainter: Inpainter, transparency: int | None
) -> None:
    image, mask = _picture("RGB").quantize(32), _mask(90, 70, (20, 30, 50, 45))
    if transparency is not None:
        image.info["transparency"] = transparency
    filled = inpainter(image, mask)
    assert (filled.mode, filled.getpalette()) == ("P", image.getpalette())
    before, after = np.asarray(image), np.asarray(filled)
    assert (before[~mask] == after[~mask]).all()
    assert (before[mask] != after[mask]).any()
    assert set(np.unique(after)) <= set(np.unique(before[~mask]))
    empty = inpainter(image, np.zeros_like(mask))
    assert (empty.mode, empty.tobytes()) == ("P", image.tobytes())


@pytest.mark.parametrize("mode", ["YCbCr", "PA", "1", "RGB"])
def test_the_mode_is_the_same_whether_there_is_a_hole_or_not(inpainter: Inpainter, mode: str) -> None:
    image, mask = _picture("RGB"), _mask(90, 70, (20, 30, 50, 45))
    image = image.quantize(8).convert("PA") if mode == "PA" else image.convert(mode)
    assert inpainter(image, mask).mode == inpainter(image, np.zeros_like(mask)).mode


@pytest.mark.parametrize("kind", ["RGB", "RGBA", "array", "uint16", "float", "tensor"])
@pytest.mark.parametrize("feather", [0, 4])
def test_a_gray_picture_stored_in_colour_gets_a_gray_fill(inpainter: Inpainter, kind: str, feather: int) -> None:
    mask = _mask(90, 70, (20, 30, 50, 45))
    array = np.repeat(_array(90, 70)[..., :1], 3, axis=2)
    array[mask] = (250, 20, 40)  # what is under the hole has no say
    image = {
        "RGB": lambda: Image.fromarray(array),
        "RGBA": lambda: Image.fromarray(array).convert("RGBA"),
        "array": lambda: array,
        "uint16": lambda: array.astype(np.uint16) * 257,
        "float": lambda: array.astype(np.float32) / 255,
        "tensor": lambda: torch.from_numpy(array).permute(2, 0, 1) / 255,
    }[kind]()
    filled = inpainter(image, mask, feather=feather)
    values = filled.movedim(0, -1).numpy() if kind == "tensor" else np.asarray(filled)
    assert (values[mask][:, 0] == values[mask][:, 1]).all()
    assert (values[mask][:, 0] == values[mask][:, 2]).all()


@pytest.mark.parametrize("as_array", [False, True])
def test_constant_alpha_stays_and_other_alpha_goes_on_into_the_hole(inpainter: Inpainter, as_array: bool) -> None:
    pixels, mask = np.dstack([_array(90, 70), np.full((90, 70), 137, np.uint8)]), _mask(90, 70, (20, 30, 50, 45))

    def filled(pixels: np.ndarray) -> np.ndarray:
        return np.asarray(inpainter(pixels if as_array else Image.fromarray(pixels), mask))

    assert (filled(pixels)[..., 3] == 137).all()
    pixels[..., 3] = 255
    pixels[:60, :, 3] = 0
    assert (filled(pixels)[20:50, 30:45, 3] == 0).all(), "a hole in transparent ground stays transparent"
    pixels[..., 3] = 255
    pixels[mask, 3] = 0
    assert (filled(pixels)[..., 3] == 255).all()


def test_sixteen_bits_of_colour_and_alpha_keep_every_known_value(inpainter: Inpainter) -> None:
    pixels, mask = np.random.default_rng(0).integers(0, 65536, (90, 70, 4), np.uint16), _mask(90, 70, (20, 30, 50, 45))
    pixels[..., 3] = 65535
    filled = inpainter(pixels, mask)
    assert (filled.dtype, filled.shape) == (pixels.dtype, pixels.shape)
    assert (filled[~mask] == pixels[~mask]).all()
    assert (filled[mask] % 257 != 0).any(), "the fill has 16 bits, too"


def test_soft_edges_of_a_cut_out_leave_no_ring(inpainter: Inpainter) -> None:
    y, x = np.mgrid[:90, :70]
    alpha = np.clip(12 * np.hypot(y - 40, x - 35) - 120, 0, 255).astype(np.uint8)
    filled = np.asarray(inpainter(Image.fromarray(np.dstack([_array(90, 70), alpha]))))
    assert filled[..., 3].min() >= 250
    grown = np.asarray(inpainter(Image.fromarray(np.dstack([_array(90, 70), alpha])), grow=3))
    assert (grown[..., :3] != filled[..., :3])[alpha == 255].any()


def test_bad_values_and_settings_without_a_mask_raise_at_the_call(inpainter: Inpainter) -> None:
    image, mask = _array(90, 70).astype(np.float32), _mask(90, 70, (20, 30, 50, 45))
    for picture in (image, torch.from_numpy(image).permute(2, 0, 1)):
        with pytest.raises(ImageError, match="expected 0 to 1"):
            inpainter.steps(picture, mask)
    cut_out = Image.fromarray(np.dstack([_array(90, 70), np.where(mask, 0, 255).astype(np.uint8)]))
    for options in ({"invert": True}, {"resize": True}):
        with pytest.raises(HoleError, match="about a mask, and none is given"):
            inpainter(cut_out, None, **options)  # type: ignore[arg-type]


@pytest.mark.parametrize(("old", "word"), [(True, "texture"), (False, "off")])
def test_detail_has_one_word_for_each_way_and_takes_the_older_ones(
    inpainter: Inpainter, old: bool, word: Detail
) -> None:
    image, mask = _array(60, 60), _mask(60, 60, (20, 20, 40, 40))
    assert Options(detail=old) == Options(detail=word)
    assert (inpainter(image, mask, detail=old) == inpainter(image, mask, detail=word)).all()
    with pytest.raises(ConfigError, match="expected one of auto, texture, exact, off"):
        inpainter(image, mask, detail="sharp")  # type: ignore[arg-type]


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float16", "float32", "float64", ">f4"])
@pytest.mark.parametrize("shape", [(60, 50), (60, 50, 1), (60, 50, 3), (2, 60, 50, 3), (2, 60, 50, 1)])
def test_arrays_keep_shape_dtype_and_known_values(inpainter: Inpainter, dtype: str, shape: tuple[int, ...]) -> None:
    top = {"uint8": 255, "uint16": 65535}.get(dtype, 1)
    image = (np.random.default_rng(0).random(shape) * top).astype(dtype)
    mask = _mask(60, 50, (10, 20, 30, 45))
    before = image.copy()
    filled = inpainter(image, mask)
    assert (filled.shape, filled.dtype) == (image.shape, image.dtype)
    assert image.tobytes() == before.tobytes()
    flat = (filled if len(shape) == 4 else filled[None]).reshape(-1, 60, 50, shape[-1] if len(shape) > 2 else 1)
    known = before.reshape(flat.shape)
    assert (flat[:, ~mask] == known[:, ~mask]).all()
    assert (flat[:, mask] != known[:, mask]).any()
    assert 0 <= flat.min() <= flat.max() <= top


@pytest.mark.parametrize("dtype", [torch.uint8, torch.float16, torch.bfloat16, torch.float32, torch.float64])
@pytest.mark.parametrize("shape", [(3, 60, 50), (1, 60, 50), (2, 3, 60, 50)])
def test_tensors_keep_shape_dtype_and_known_values(
    inpainter: Inpainter, dtype: torch.dtype, shape: tuple[int, ...]
) -> None:
    image = torch.rand(shape) * (255 if dtype == torch.uint8 else 1)
    image = image.to(dtype)
    mask = torch.from_numpy(_mask(60, 50, (10, 20, 30, 45)))
    before = image.clone()
    filled = inpainter(image, mask)
    assert (filled.shape, filled.dtype) == (image.shape, image.dtype)
    assert torch.equal(image, before)
    assert torch.equal(filled[..., ~mask], before[..., ~mask])
    assert (filled[..., mask] != before[..., mask]).any()


def test_results_are_ordinary_tensors(inpainter: Inpainter) -> None:
    image = torch.rand(3, 40, 40)
    *_, step = inpainter.steps(image, _mask(40, 40, (10, 10, 20, 20)))
    for tensor in (step.picture(), step.tensor()):
        weight = torch.ones((), requires_grad=True)
        (tensor * weight).sum().backward()
        assert weight.grad is not None
    assert not torch.is_inference_mode_enabled()


def test_unwritable_and_reversed_arrays_are_taken(inpainter: Inpainter) -> None:
    image = _array(40, 50)
    mask = _mask(40, 50, (10, 10, 20, 20))
    expected = inpainter(image, mask)
    reversed_ = np.ascontiguousarray(image[:, ::-1])[:, ::-1]
    reversed_.flags.writeable = False
    assert (inpainter(reversed_, mask) == expected).all()


def test_what_is_transparent_is_filled_where_no_mask_is_given(inpainter: Inpainter) -> None:
    image, mask = _picture("RGBA"), _mask(90, 70, (20, 30, 50, 45))
    image.putalpha(Image.fromarray(np.where(mask, 0, 255).astype(np.uint8)))
    filled = np.asarray(inpainter(image))
    assert (filled[..., 3] == 255).all()
    assert (filled[~mask] == np.asarray(image)[~mask]).all()


def test_colours_hidden_by_transparency_are_not_looked_at(inpainter: Inpainter) -> None:
    results = []
    for hidden in (0, 200):
        array = np.concatenate([_array(80, 80), np.full((80, 80, 1), 255, np.uint8)], -1)
        array[:, 50:] = (hidden, hidden, hidden, 0)
        filled = np.asarray(inpainter(Image.fromarray(array), _mask(80, 80, (30, 30, 50, 55))))
        results.append(filled[30:50, 30:55])
        assert (filled[:30] == array[:30]).all()
    assert (results[0] == results[1]).all()


# Batches and regions


def test_a_batch_gives_what_its_pictures_give_alone(inpainter: Inpainter) -> None:
    image = torch.rand(3, 3, 70, 90)
    masks = torch.zeros(3, 70, 90)
    masks[0, 10:30, 10:30] = masks[1, 40:, 60:] = 1
    filled = inpainter(image, masks)
    for i in range(3):
        torch.testing.assert_close(filled[i], inpainter(image[i], masks[i]), atol=1e-3, rtol=0)


def test_one_hole_serves_a_batch(inpainter: Inpainter) -> None:
    image, mask = _array(50, 60, 2), _mask(50, 60, (10, 10, 30, 30))
    assert (inpainter(image, mask) == inpainter(image, np.stack([mask, mask]))).all()


def test_far_holes_are_filled_as_each_alone(inpainter: Inpainter) -> None:
    image = torch.rand(3, 300, 520)
    boxes = [(10, 10, 40, 50), (240, 470, 300, 520), (0, 400, 5, 405)]
    together = inpainter(image, _mask(300, 520, *boxes))
    for top, left, bottom, right in boxes:
        alone = inpainter(image, _mask(300, 520, (top, left, bottom, right)))
        place = (slice(None), slice(top, bottom), slice(left, right))
        torch.testing.assert_close(together[place], alone[place], atol=1e-3, rtol=0)


@pytest.mark.parametrize("top", [0, 3, 150, 357, 360])
@pytest.mark.parametrize("left", [0, 5, 230, 456, 460])
def test_a_crop_is_pasted_where_it_was_cut(inpainter: Inpainter, top: int, left: int) -> None:
    image = torch.rand(3, 400, 500)
    box = Box(top, left, top + 40, left + 40)
    mask = torch.from_numpy(_mask(400, 500, box))
    crop = box.grown(64, 400, 500, inpainter.config.multiple_of)
    known = ~mask[crop.slices][None, None]
    with torch.no_grad():
        expected = inpainter.network(image[(None, slice(None), *crop.slices)], known.float())
    filled = inpainter(image, mask)
    inside = box.within(crop)
    torch.testing.assert_close(
        filled[(slice(None), *box.slices)], expected[0][(slice(None), *inside.slices)].clamp(0, 1), atol=1e-3, rtol=0
    )


def test_only_the_surroundings_decide(inpainter: Inpainter) -> None:
    image = _array(500, 500)
    mask = _mask(500, 500, (200, 200, 230, 230))
    other = image.copy()
    other[:, 400:] = 0
    place = (slice(200, 230), slice(200, 230))
    assert (inpainter(image, mask)[place] == inpainter(other, mask)[place]).all()


@pytest.mark.parametrize("detail", ["texture", "off"])
def test_what_is_to_be_avoided_is_neither_looked_at_nor_changed(inpainter: Inpainter, detail: Detail) -> None:
    image, mask = _array(120, 120), _mask(120, 120, (40, 40, 70, 70))
    avoid = _mask(120, 120, (30, 72, 90, 110))
    other = image.copy()
    other[avoid] = 255 - other[avoid]
    filled, again = (inpainter(picture, mask, avoid=avoid, detail=detail) for picture in (image, other))
    np.testing.assert_array_equal(filled[mask], again[mask])
    np.testing.assert_array_equal(again[~mask], other[~mask])
    assert (filled[mask] != inpainter(image, mask, detail=detail)[mask]).any()
    # Inverting is about the mask; and all ways agree on the result.
    inverted = inpainter(image, ~mask, invert=True, avoid=avoid, detail=detail)
    np.testing.assert_array_equal(inverted, filled)
    *_, last = inpainter.steps(image, mask, avoid=avoid, detail=detail)
    np.testing.assert_array_equal(last.picture(), filled)


def test_one_or_as_many_masks_say_what_to_avoid(inpainter: Inpainter) -> None:
    images, mask = _array(60, 60, 2), _mask(60, 60, (20, 20, 40, 40))
    avoid = np.stack([_mask(60, 60, (0, 0, 60, 15)), _mask(60, 60, (0, 45, 60, 60))])
    both = inpainter(images, mask, avoid=avoid)
    for item in range(2):
        np.testing.assert_array_equal(both[item], inpainter(images[item], mask, avoid=avoid[item]))


def test_gaps_of_the_hole_are_filled_where_that_is_asked_for(inpainter: Inpainter) -> None:
    image, whole = _array(60, 60), _mask(60, 60, (20, 20, 40, 40))
    outline = whole & ~_mask(60, 60, (22, 22, 38, 38))
    np.testing.assert_array_equal(inpainter(image, outline, fill_gaps=True), inpainter(image, whole))


def test_more_context_sees_further(inpainter: Inpainter) -> None:
    image = _array(500, 500)
    mask = _mask(500, 500, (200, 200, 230, 230))
    other = image.copy()
    other[:, 330:] = 0
    assert (inpainter(image, mask, context=5) != inpainter(other, mask, context=5)).any(where=mask[..., None])


@pytest.mark.parametrize("height", [1, 2, 3, 8, 15, 16, 17, 31, 33, 64, 70])
@pytest.mark.parametrize("width", [1, 2, 5, 16, 23, 40, 65])
def test_any_size(inpainter: Inpainter, height: int, width: int) -> None:
    if height * width == 1:
        return
    image = torch.rand(3, height, width)
    mask = torch.zeros(height, width, dtype=torch.bool)
    mask[height // 3 :, width // 2 :] = True
    mask[0, 0] = False
    *_, step = inpainter.steps(image, mask)
    filled = step.picture()
    assert step.open_ratio == 0
    assert torch.equal(filled[:, ~mask], image[:, ~mask])
    assert bool(filled.isfinite().all())


def test_many_holes_are_run_in_groups_that_count_through(inpainter: Inpainter) -> None:
    boxes = [(y, x, y + 30, x + 30) for y in range(0, 1400, 460) for x in range(0, 2000, 480)]
    boxes += [(200, 100, 206, 1900)]
    image, mask = _array(1450, 2000), _mask(1450, 2000, *boxes)
    steps = list(inpainter.steps(image, mask, recurrences=2))
    assert [step.index for step in steps] == list(range(1, len(steps) + 1))
    assert {step.total for step in steps} == {len(steps)}
    ratios = [step.open_ratio for step in steps]
    assert ratios == sorted(ratios, reverse=True)
    assert ratios[-1] == 0
    filled = steps[-1].picture()
    assert (filled[~mask] == image[~mask]).all()
    assert (filled[mask] != image[mask]).mean() > 0.9


# Recurrences


def test_each_step_reaches_further_and_shows_it(inpainter: Inpainter) -> None:
    image, mask = torch.rand(1, 3, 128, 128), torch.from_numpy(_mask(128, 128, (24, 24, 104, 104)))
    steps = list(inpainter.steps(image, mask))
    assert [step.index for step in steps] == [1, 2, 3, 4, 5, 6]
    before, count = mask[None, None].float(), mask.sum()
    for step in steps:
        still = step.open_hole()
        assert float(still.sum() / count) == pytest.approx(step.open_ratio)
        assert (still <= before).all()
        before = still
        assert torch.equal(step.picture()[..., ~mask], image[..., ~mask])
        assert torch.equal(step.tensor(), step.picture())
    assert steps[0].open_ratio > steps[1].open_ratio > steps[-1].open_ratio == 0


def test_early_runs_as_few_as_reach_the_middle(inpainter: Inpainter) -> None:
    image = torch.rand(3, 300, 300)
    for side in (8, 30, 100):
        mask = _mask(300, 300, (20, 20, 20 + side, 20 + side))
        early = list(inpainter.steps(image, mask, recurrences="early"))
        assert [step.open_ratio > 0 for step in early] == [True] * (len(early) - 1) + [False]
        assert len(early) < len(list(inpainter.steps(image, mask))) == 6


def test_early_takes_no_more_than_auto_where_a_hole_is_deep(inpainter: Inpainter) -> None:
    image, mask = torch.rand(3, 300, 300), _mask(300, 300, (20, 20, 280, 280))
    early = list(inpainter.steps(image, mask, recurrences="early"))
    assert early[-1].open_ratio == 0
    assert len(early) < len(list(inpainter.steps(image, mask)))


def test_a_number_of_recurrences_is_kept(inpainter: Inpainter) -> None:
    image, mask = torch.rand(3, 128, 128), _mask(128, 128, (24, 24, 104, 104))
    steps = list(inpainter.steps(image, mask, recurrences=2))
    assert len(steps) == 2
    assert steps[-1].open_ratio > 0
    assert len(list(inpainter.steps(image, mask, recurrences=9))) == 9


@pytest.mark.parametrize("size", [(300, 300), (420, 333)])
def test_a_deep_hole_is_reached_to_its_centre(inpainter: Inpainter, size: tuple[int, int]) -> None:
    height, width = size
    image, mask = torch.rand(3, height, width), _mask(height, width, (20, 15, height - 9, width))
    steps = list(inpainter.steps(image, mask))
    assert len(steps) > 6
    assert steps[-1].open_ratio == 0
    ratios = [step.open_ratio for step in steps]
    assert ratios == sorted(ratios, reverse=True)
    for step in steps[:: len(steps) // 3]:
        assert torch.equal(step.picture()[:, ~mask], image[:, ~mask])


@pytest.mark.parametrize("side", [0, -1])
@pytest.mark.parametrize("settings", [{"kernel_size": 3}, {"downsamples": 0, "recurrences": 3}])
def test_a_hole_that_one_border_alone_ends_is_reached_to_the_other(settings: dict[str, Any], side: int) -> None:
    network = RFRNet(RFRConfig(width=8, norm="group", **settings))
    inpainter = Inpainter(network, device="cpu", dtype="float32")
    for extent in range(28, 35):
        mask = torch.ones(extent, 1, dtype=torch.bool)
        mask[side] = False
        assert list(inpainter.steps(torch.rand(3, extent, 1), mask))[-1].open_ratio == 0, extent


def test_a_deep_hole_is_seen_small_first(inpainter: Inpainter) -> None:
    # What is far from the hole decides as well, through the small picture.
    image, mask = torch.full((3, 400, 640), 0.5), _mask(400, 640, (90, 200, 310, 420))
    other = image.clone()
    other[:, :, 600:] = 0.9
    centre = (slice(None), slice(190, 210), slice(300, 320))
    assert not torch.equal(inpainter(image, mask)[centre], inpainter(other, mask)[centre])


def test_stopping_early_leaves_nothing_behind(inpainter: Inpainter) -> None:
    image, mask = torch.rand(3, 100, 100), _mask(100, 100, (20, 20, 70, 70))
    expected = inpainter(image, mask)
    steps = inpainter.steps(image, mask)
    next(steps)
    next(steps)
    assert torch.equal(inpainter(image, mask), expected)
    third = next(steps)
    steps.close()  # pyright: ignore[reportAttributeAccessIssue]
    assert third.index == 3
    assert torch.equal(inpainter(image, mask), expected)


def test_a_step_can_be_asked_later(inpainter: Inpainter) -> None:
    image, mask = torch.rand(3, 260, 260), _mask(260, 260, (20, 20, 240, 240))
    at_once = [(step.picture(), step.open_hole()) for step in inpainter.steps(image, mask)]
    kept = list(inpainter.steps(image, mask))
    for step, (picture, still) in zip(kept, at_once, strict=True):
        torch.testing.assert_close(step.picture(), picture)
        assert torch.equal(step.open_hole(), still)


def test_threads_get_their_own_answers(inpainter: Inpainter) -> None:
    images = [torch.rand(3, 60 + 10 * i, 80) for i in range(4)]
    masks = [_mask(60 + 10 * i, 80, (10, 10 + i, 40, 60)) for i in range(4)]
    expected = [inpainter(image, mask) for image, mask in zip(images, masks, strict=True)]
    results: dict[int, list[Tensor]] = {}

    def work(i: int) -> None:
        results[i] = [inpainter(images[i], masks[i]) for _ in range(3)]

    threads = [threading.Thread(target=work, args=(i,)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for i, wanted in enumerate(expected):
        for result in results[i]:
            torch.testing.assert_close(result, wanted)


# Attention


def test_attention_says_where_a_pixel_came_from(inpainter: Inpainter) -> None:
    image, mask = _array(300, 420), _mask(300, 420, (20, 30, 60, 60), (220, 330, 260, 360))
    for step in inpainter.steps(image, mask):
        for x, y, box in ((40, 30, Box(0, 0, 140, 140)), (350, 250, Box(140, 250, 300, 420))):
            shares = step.attention(x, y)
            assert shares is not None
            assert shares.shape == (300, 420)
            assert shares.min() >= 0
            assert float(shares.sum()) == pytest.approx(1, abs=1e-4)
            assert float(shares[box.slices].sum()) == pytest.approx(1, abs=1e-4)
        assert step.attention(210, 10) is None


def test_attention_of_a_deep_hole(inpainter: Inpainter) -> None:
    image, mask = _array(260, 260), _mask(260, 260, (20, 20, 240, 240))
    *_, step = inpainter.steps(image, mask)
    for x, y in ((130, 130), (22, 22), (30, 230), (10, 10)):
        shares = step.attention(x, y)
        assert shares is not None
        assert float(shares.sum()) == pytest.approx(1, abs=1e-4)


def test_a_network_without_attention_has_none_to_show() -> None:
    plain = Inpainter(_network(attention=None), device="cpu", dtype="float32")
    *_, step = plain.steps(_array(50, 50), _mask(50, 50, (10, 10, 30, 30)))
    assert step.attention(15, 15) is None
    assert step.attention_maps() == []


def test_attention_outside_the_picture_is_refused(inpainter: Inpainter) -> None:
    step = next(inpainter.steps(_array(50, 60), _mask(50, 60, (10, 10, 30, 30))))
    for x, y, item in ((60, 0, 0), (0, 50, 0), (-1, 0, 0), (0, 0, 1)):
        with pytest.raises(ConfigError, match="60×50"):
            step.attention(x, y, item)


# Shaping of the hole


def test_the_share_of_work_rises_and_leaves_room_for_detail(inpainter: Inpainter) -> None:
    image, mask = _array(90, 130), _mask(90, 130, (20, 20, 70, 110))
    for detail in (False, True):
        shares = [step.share for step in inpainter.steps(image, mask, detail=detail)]
        assert shares == sorted(set(shares))
        assert 0 < shares[0] < shares[-1] <= 1
        assert (shares[-1] < 0.9) is detail


def test_an_empty_hole_changes_nothing_and_has_no_steps(inpainter: Inpainter) -> None:
    empty = np.zeros((90, 70), dtype=np.uint8)
    for mode in MODES:
        image = _picture(mode)
        assert inpainter(image, empty).tobytes() == image.tobytes()
    array, tensor = _array(90, 70), torch.rand(3, 90, 70)
    result = inpainter(array, empty)
    assert (result == array).all()
    assert result is not array
    assert torch.equal(inpainter(tensor, empty), tensor)
    assert list(inpainter.steps(array, empty)) == []


def test_feather_blends_inside_the_hole_alone(inpainter: Inpainter) -> None:
    image, mask = torch.zeros(3, 100, 100), _mask(100, 100, (20, 20, 80, 80))
    hard, soft = inpainter(image + 1, mask), inpainter(image + 1, mask, feather=5)
    assert torch.equal(soft[:, ~mask], hard[:, ~mask])
    assert torch.equal(soft[:, 30:70, 30:70], hard[:, 30:70, 30:70])
    rim = (slice(None), 20, slice(20, 80))
    torch.testing.assert_close(soft[rim], 1 + (hard[rim] - 1) / 6, atol=1e-5, rtol=0)


def test_grow_fills_more(inpainter: Inpainter) -> None:
    image, mask = _array(100, 100), _mask(100, 100, (40, 40, 60, 60))
    changed = (inpainter(image, mask, grow=6) != image).any(-1)
    assert changed[36, 50]
    assert not changed[33, 50]
    assert not (inpainter(image, mask, grow=-30) != image).any()


def test_polarity_threshold_channel_and_size_are_options(inpainter: Inpainter) -> None:
    image, mask = _array(80, 80), _mask(80, 80, (20, 20, 60, 60))
    expected = inpainter(image, mask)
    assert (inpainter(image, ~mask, invert=True) == expected).all()
    assert (inpainter(image, mask * 0.3, threshold=0.2) == expected).all()
    assert (inpainter(image, mask * 0.3) == expected).all(), "of two values the higher is drawn"
    assert (inpainter(image, mask[::2, ::2], resize=True) == expected).all()
    red = np.zeros((80, 80, 3), dtype=np.uint8)
    red[mask] = (255, 0, 0)
    assert (inpainter(image, red, channel="red") == expected).all()


# Number formats, memory


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_half_precision_is_close(dtype: str) -> None:
    image, mask = torch.rand(3, 64, 64), _mask(64, 64, (20, 20, 40, 40))
    exact = Inpainter(_network(), device="cpu", dtype="float32")(image, mask)
    half = Inpainter(_network(), device="cpu", dtype=dtype)(image, mask)
    assert float((exact - half)[:, 20:40, 20:40].abs().mean()) < 0.05


def test_what_overflows_in_half_precision_is_run_again() -> None:
    def overflowing() -> RFRNet:
        network = _network()
        with torch.no_grad():
            next(network.encoder.parameters()).mul_(1e5)  # the normalisation behind it undoes that
        return network

    image, mask = torch.rand(3, 64, 64), _mask(64, 64, (20, 20, 40, 40))
    exact = Inpainter(overflowing(), device="cpu", dtype="float32")(image, mask)
    half = Inpainter(overflowing(), device="cpu", dtype="float16")
    with pytest.warns(UserWarning, match="float32"):
        first = half(image, mask)
    torch.testing.assert_close(first, exact, atol=0.02, rtol=0)
    assert torch.equal(half(image, mask), first)  # without a second warning: they are errors here


def _limited(network: RFRNet, pixels: int) -> RFRNet:
    """The network on a device whose memory is full at so many pixels."""

    def check(_module: torch.nn.Module, inputs: tuple[Tensor, ...]) -> None:
        if inputs[0].shape[0] * inputs[0].shape[-2] * inputs[0].shape[-1] > pixels:
            raise torch.OutOfMemoryError("out of memory")

    network.encoder.register_forward_pre_hook(check)
    return network


def test_where_memory_is_short_tiles_shrink() -> None:
    image, mask = _array(400, 640, 2), _mask(400, 640, (100, 100, 200, 540))
    small = Inpainter(_limited(_network(), 300 * 300), device="cpu", dtype="float32")
    steps = list(small.steps(image, mask))
    assert [step.index for step in steps] == [1, 2, 3, 4, 5, 6]
    filled = steps[-1].picture()
    assert steps[-1].open_ratio == 0
    assert (filled[:, ~mask] == image[:, ~mask]).all()
    assert (filled[:, mask] != image[:, mask]).mean() > 0.9


def test_where_not_even_small_tiles_fit_one_sentence_says_so() -> None:
    full = Inpainter(_limited(_network(), 100), device="cpu", dtype="float32")
    with pytest.raises(DeviceError, match="memory"):
        full(_array(100, 100), _mask(100, 100, (20, 20, 60, 60)))


@pytest.mark.skipif(not torch.backends.mkldnn.is_available(), reason="oneDNN alone does not look")
@pytest.mark.skipif(platform.machine() not in ("x86_64", "AMD64"), reason="other processors have other kernels")
def test_memory_for_machine_code_is_asked_for_first(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOMEM, os.strerror(errno.ENOMEM))

    inpainter = Inpainter(_network(), device="cpu", dtype="float32")
    image, mask = _array(100, 100), _mask(100, 100, (20, 20, 60, 60))
    with monkeypatch.context() as patched:
        patched.setattr(mmap, "mmap", full)
        with pytest.raises(DeviceError, match="memory"):
            inpainter(image, mask)
    assert (inpainter(image, mask)[~mask] == image[~mask]).all()


# Errors


def _bad_calls() -> Iterator[tuple[str, type[Exception], str, Any, Any, dict[str, Any]]]:
    image, mask = _array(40, 50), _mask(40, 50, (10, 10, 20, 20))
    yield "all hole", HoleError, "whole picture", image, np.ones((40, 50)), {}
    yield "one of two all hole", HoleError, "whole picture", _array(40, 50, 2), np.stack([mask, ~(mask & ~mask)]), {}
    yield "all hole when grown", HoleError, "whole picture", image, mask, {"grow": 60}
    yield "size", HoleError, "20×30.*50×40", image, np.zeros((30, 20)), {}
    yield "no mask", HoleError, "no transparency", image, None, {}
    yield "no transparency", HoleError, "no transparency", Image.fromarray(image), None, {}
    yield "batch", HoleError, "3 masks.*2 picture", _array(40, 50, 2), np.zeros((3, 40, 50)), {}
    yield "recurrences 0", ConfigError, "recurrences", image, mask, {"recurrences": 0}
    yield "recurrences 65", ConfigError, "recurrences", image, mask, {"recurrences": 65}
    yield "recurrences word", ConfigError, "recurrences", image, mask, {"recurrences": "many"}
    yield "context", ConfigError, "context", image, mask, {"context": -1}
    yield "context nan", ConfigError, "context", image, mask, {"context": float("nan")}
    yield "feather", HoleError, "feather", image, mask, {"feather": -1}
    yield "feather half", ConfigError, "feather is 1.5", image, mask, {"feather": 1.5}
    yield "grow word", ConfigError, "grow is '2'", image, mask, {"grow": "2"}
    yield "threshold none", ConfigError, "threshold is None", image, mask, {"threshold": None}
    yield "threshold", HoleError, "threshold", image, mask, {"threshold": 0}
    yield "channel", HoleError, "channel", image, mask, {"channel": "purple"}
    yield "avoid all", HoleError, "hole and avoid cover", image, mask, {"avoid": ~mask}
    yield "avoid size", HoleError, "20×30.*50×40", image, mask, {"avoid": np.ones((30, 20))}
    yield "avoid batch", HoleError, "3 masks of what to avoid", image, mask, {"avoid": np.zeros((3, 40, 50))}
    yield "kind", ImageError, "str", "picture.png", mask, {}
    yield "shape", ImageError, "shape", np.zeros((40, 50, 5), np.uint8), mask, {}
    yield "dtype", ImageError, "int64", np.zeros((40, 50, 3), np.int64), mask, {}
    yield "tensor shape", ImageError, "shape", torch.zeros(40, 50), mask, {}
    yield "range", ImageError, "0 to 1", image.astype(np.float32), mask, {}
    yield "nan", ImageError, "0 to 1", np.full((40, 50, 3), np.nan), mask, {}
    yield "mode", ImageError, "mode", Image.new("F", (50, 40)), mask, {}


@pytest.mark.parametrize(("error", "match", "image", "mask", "options"), [
    pytest.param(*call[1:], id=call[0]) for call in _bad_calls()
])  # fmt: skip
def test_bad_input_is_refused_in_one_sentence(
    inpainter: Inpainter, error: type[Exception], match: str, image: Any, mask: Any, options: dict[str, Any]
) -> None:
    with pytest.raises(error, match=f"(?i){match}") as raised:
        inpainter(image, mask, **options)
    assert "\n" not in str(raised.value)
    assert str(raised.value)[0].isupper()
    assert str(raised.value).endswith(".")
    with pytest.raises(error, match=f"(?i){match}"):
        list(inpainter.steps(image, mask, **options))


def test_values_under_the_hole_do_not_matter(inpainter: Inpainter) -> None:
    image, mask = torch.rand(3, 60, 60), torch.from_numpy(_mask(60, 60, (20, 20, 40, 40)))
    expected = inpainter(image, mask)
    image[:, mask] = float("nan")
    torch.testing.assert_close(inpainter(image, mask), expected)


def test_bad_devices_and_dtypes_are_refused() -> None:
    with pytest.raises(DeviceError, match="'abacus'"):
        Inpainter(_network(), device="abacus")
    with pytest.raises(DeviceError, match="'int8'"):
        Inpainter(_network(), dtype="int8")


def test_a_saved_network_fills_as_before(inpainter: Inpainter, tmp_path: Path) -> None:
    save_pretrained(inpainter.network, tmp_path / "saved")
    loaded = Inpainter.from_pretrained(tmp_path / "saved", device="cpu", dtype="float32")
    assert loaded.config == inpainter.config
    image, mask = _array(50, 60), _mask(50, 60, (10, 10, 30, 30))
    assert (loaded(image, mask) == inpainter(image, mask)).all()


def test_the_network_that_is_given_stays_as_it_is() -> None:
    network = _network().train()
    inpainter = Inpainter(network, device="cpu", dtype="bfloat16")
    assert inpainter.network is network
    assert network.training
    assert all(value.dtype == torch.float32 for value in network.parameters())


# The other name of a hole


def test_mask_is_another_name_for_hole(inpainter: Inpainter) -> None:
    image, hole = _array(64, 64), _mask(64, 64, (20, 20, 30, 30))
    assert np.array_equal(inpainter(image, mask=hole), inpainter(image, hole))
    assert len(list(inpainter.steps(image, mask=hole))) == len(list(inpainter.steps(image, hole)))


def test_a_hole_by_both_names_is_refused(inpainter: Inpainter) -> None:
    image, hole = _array(64, 64), _mask(64, 64, (20, 20, 30, 30))
    with pytest.raises(HoleError, match="give one of them"):
        inpainter(image, hole, mask=hole)


@pytest.mark.parametrize("hole", [(60, 80, 120, 150), (0, 0, 40, 200), (30, 30, 220, 230)])
def test_a_fill_does_not_change_with_how_much_of_a_crop_is_decoded(
    hole: tuple[int, int, int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    height, width = np.mgrid[:256, :300]
    picture = (127 + 120 * np.sin([height / 31, width / 17, (height + width) / 41])).astype(np.uint8).transpose(1, 2, 0)
    inpaint = Inpainter(device="cpu", dtype="float32")
    fill = inpaint(picture, _mask(256, 300, hole), detail="off").astype(int)
    monkeypatch.setattr("rfr_core.fill.steps.decoded_box", lambda unknown, cell: Box(0, 0, *unknown.shape))
    whole = inpaint(picture, _mask(256, 300, hole), detail="off").astype(int)
    assert np.abs(fill - whole).max() <= 1


def test_without_a_network_it_is_the_bundled_model() -> None:
    assert Inpainter(device="cpu").config == RFRNet.from_pretrained().config


def test_a_long_thin_hole_is_run_in_tiles_that_follow_it_without_seams() -> None:
    """What is filled in a gradient goes on evenly, also where the tiles of the hole meet."""
    size = 700
    picture = np.linspace(0.1, 0.9, size, dtype=np.float32)[None, :, None].repeat(size, 0).repeat(3, 2)
    y, x = np.mgrid[:size, :size]
    hole = np.abs(y - x) < 4
    filled = Inpainter.from_pretrained(device="cpu", dtype="float32")(picture, hole, detail="off")
    assert np.array_equal(filled[~hole], picture[~hole])
    assert np.abs(filled - picture)[hole].max() < 0.05


def test_one_of_many_spots_is_filled_as_well_as_others() -> None:
    picture = np.linspace(0.1, 0.9, 400, dtype=np.float32)[None, :, None].repeat(400, 0).repeat(3, 2)
    hole = np.zeros((400, 400), dtype=bool)
    for top in range(30, 400, 90):
        for left in range(0, 400, 90):
            hole[top : top + 12, left : left + 12] = True
    filled = Inpainter.from_pretrained(device="cpu", dtype="float32")(picture, hole)
    assert np.array_equal(filled[~hole], picture[~hole])
    assert np.abs(filled - picture)[hole].max() < 0.05


def test_thin_holes_that_get_detail_take_no_more_recurrences_than_reach_them() -> None:
    """Their fill is a guide for patches alone; without detail, or where it is asked for, there are as many as ever."""
    inpainter = Inpainter.from_pretrained(device="cpu", dtype="float32")
    picture = np.random.default_rng(0).random((400, 400, 3), dtype=np.float32)
    hole = np.zeros((400, 400), dtype=bool)
    hole[30:400:90, 30:400:90] = hole[32:400:90, 31:400:90] = True
    totals = {}
    for name, options in {"detail": {}, "off": {"detail": "off"}, "asked": {"recurrences": 3}}.items():
        totals[name] = next(iter(inpainter.steps(picture, hole, **options))).total
    assert totals == {"detail": 1, "off": inpainter.config.recurrences, "asked": 3}


def test_large_holes_that_get_detail_are_run_at_half_the_size() -> None:
    """Patches and refinement make the finest structure; without them the network has to."""
    inpainter = Inpainter.from_pretrained(device="cpu", dtype="float32")
    picture = np.random.default_rng(0).random((400, 400, 3), dtype=np.float32)
    totals = {}
    for side in (100, 200):
        hole = np.zeros((400, 400), dtype=bool)
        hole[100 : 100 + side, 100 : 100 + side] = True
        for detail in ("auto", "off"):
            totals[side, detail] = next(iter(inpainter.steps(picture, hole, detail=detail))).total
    assert totals[100, "auto"] == totals[100, "off"]
    assert totals[200, "auto"] < totals[200, "off"]
