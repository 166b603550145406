"""Defects: drawn, found, marked by an infrared channel, and shared by a folder's pictures."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from defect_scenes import marked, scene
from PIL import Image, ImageDraw, ImageFont

from rfr_core import ConfigError, ImageError
from rfr_core.defects import KINDS, SharedDefects, draw_defects, find_defects
from rfr_core.defects.date_stamp import find_date_stamp
from rfr_core.defects.scans import read_infrared
from rfr_core.holes.components import label_components
from rfr_core.holes.shaping import grow
from rfr_core.images.pixels import to_tensor


def test_components_are_told_apart_also_along_spirals() -> None:
    picture = [
        "#..#..####",
        ".#....#..#",
        "..#.#.#.##",
        "....#.#...",
        "#####.####",
    ]
    mask = np.array([[character == "#" for character in row] for row in picture])
    labels, count = label_components(mask)
    assert count == 4
    assert ((labels > 0) == mask).all()
    assert len({labels[0, 0], labels[0, 3], labels[2, 4], labels[0, 9]}) == 4
    assert labels[0, 6] == labels[4, 9] == labels[2, 8]
    assert label_components(np.zeros((3, 4), dtype=bool))[1] == 0


def test_drawn_defects_are_where_the_picture_changed() -> None:
    clean = scene()
    damaged = draw_defects(clean, generator=3)
    again = draw_defects(clean, generator=3)
    assert torch.equal(damaged.picture, again.picture)
    change = (damaged.picture - clean).abs().amax(1, keepdim=True)
    assert bool((change[damaged.hole] > 0.05).all())
    assert float(change[~damaged.hole].max()) < 0.07
    assert set(damaged.truth) == set(KINDS)
    only = draw_defects(clean, kinds=["dust"], generator=3)
    assert set(only.truth) == {"dust"}
    assert bool(only.hole.any())


def test_specks_and_lines_are_found_in_a_smooth_picture_and_nothing_else() -> None:
    clean = scene()
    assert float(find_defects(clean).mean()) < 5e-4
    truth = marked(
        (slice(50, 53), slice(40, 43)), (slice(150, 154), slice(250, 253)), (slice(20, 220), slice(120, 122))
    )
    for value in (1.0, 0.0):
        found = find_defects(torch.where(truth, value, clean)) > 0
        assert float((found & truth).sum() / truth.sum()) > 0.9
        assert float((found & truth).sum() / found.sum()) > 0.9


def test_a_date_stamp_is_found_as_such() -> None:
    clean = scene(2, 600, 800)
    seed = next(seed for seed in range(20) if bool(draw_defects(clean, kinds=["stamp"], generator=seed).hole.any()))
    damaged = draw_defects(clean, kinds=["stamp"], generator=seed)
    found = find_defects(damaged.picture, kinds="stamp") > 0
    assert float((found & damaged.hole).sum() / damaged.hole.sum()) > 0.8
    assert float((found & damaged.hole).sum() / found.sum()) > 0.9  # soft edges included, what lies beside them not
    assert not find_defects(clean, kinds=["stamp"]).any()


def test_letters_of_a_sign_are_no_date() -> None:
    picture = Image.fromarray((scene(2, 600, 800)[0].permute(1, 2, 0) * 255).byte().numpy())
    draw = ImageDraw.Draw(picture)
    draw.rectangle((540, 530, 740, 590), fill=(40, 36, 30))
    draw.text((560, 540), "BAKERY", fill=(250, 235, 140), font=ImageFont.load_default(40))
    assert not find_defects(picture, kinds="stamp").any()
    assert float(torch.from_numpy(find_date_stamp(to_tensor(picture))).float().mean()) > 0.001  # by rule alone


def test_more_sensitive_finds_more() -> None:
    picture = draw_defects(scene(), generator=1).picture
    shares = [float(find_defects(picture, sensitivity=value).mean()) for value in (0.1, 0.5, 0.9)]
    assert shares[0] <= shares[1] <= shares[2]
    assert shares[0] < shares[2]


def test_where_a_picture_is_cut_does_not_matter() -> None:
    picture = draw_defects(scene(3, 400, 1900), generator=4).picture  # more than a tile
    found = find_defects(picture)
    left, margin = 1200, 128
    part = find_defects(picture[..., left:])
    assert bool(part[..., margin:].any())
    assert torch.equal(part[..., margin:], found[..., left + margin :])


def test_in_a_large_scan_large_and_small_defects_are_found() -> None:
    clean = scene(5, 2304, 2400)
    truth = torch.zeros(1, 1, 2304, 2400, dtype=torch.bool)
    y, x = torch.meshgrid(torch.arange(2304), torch.arange(2400), indexing="ij")
    blob = ((y - 600) / 14) ** 2 + ((x - 700) / 11) ** 2 < 1
    truth[0, 0] |= blob
    truth[..., 1500:1504, 1800:1804] = True
    found = find_defects(torch.where(truth, 1.0, clean)) > 0
    assert float((found & truth).sum() / truth.sum()) > 0.9
    assert not bool((found & (grow(truth.float(), 3) == 0)).any())  # at half the size, a pixel is two
    assert bool(found[..., 1501:1503, 1801:1803].all())


def test_kinds_and_pictures_are_as_for_the_inpainter() -> None:
    picture = draw_defects(scene(), generator=1).picture
    array = picture[0].permute(1, 2, 0).mul(255).round().byte().numpy()
    batch = find_defects(picture.expand(2, -1, -1, -1))
    assert batch.shape == (2, 1, 240, 320)
    assert torch.equal(batch[:1], find_defects(Image.fromarray(array)))
    assert torch.equal(batch[:1], find_defects(array))
    dust, rest = find_defects(picture, kinds=["dust"]), find_defects(picture, kinds=[k for k in KINDS if k != "dust"])
    assert torch.equal(torch.maximum(dust, rest), batch[:1])
    with pytest.raises(ConfigError, match="choose among dust, hair"):
        find_defects(picture, kinds=["dirt"])
    with pytest.raises(ConfigError, match="sensitivity is 2"):
        find_defects(picture, sensitivity=2)
    with pytest.raises(ImageError, match="needs 16 or more"):
        find_defects(picture[..., :8, :8])


def test_an_infrared_page_decides(tmp_path: Path) -> None:
    truth = marked((slice(50, 54), slice(40, 44)), (slice(20, 220), slice(120, 122)))
    picture = torch.where(marked((slice(100, 103), slice(200, 203))), 1.0, scene())  # a glint, which is no dust
    infrared = torch.where(truth, 0.5, 0.9)[0, 0].mul(255).round().byte().numpy()
    first = Image.fromarray(picture[0].permute(1, 2, 0).mul(255).round().byte().numpy())
    first.save(tmp_path / "scan.tif", save_all=True, append_images=[Image.fromarray(infrared)])
    channel = read_infrared(tmp_path / "scan.tif")
    assert channel is not None
    found = find_defects(picture, infrared=channel) > 0
    assert bool(found[truth].all())
    assert not found[..., 90:110, 190:210].any()
    assert int(found.sum()) < 3 * int(truth.sum())
    with pytest.raises(ImageError, match="infrared channel has shape"):
        find_defects(picture, infrared=channel[..., 1:])


def test_what_pictures_share_is_found_and_their_own_is_not() -> None:
    shared = SharedDefects()
    spot = marked((slice(60, 66), slice(80, 86)))
    stuck = marked((slice(200, 201), slice(300, 301)))
    for seed in range(12):
        picture = scene(seed) + 0.02 * torch.randn(1, 3, 240, 320, generator=torch.Generator().manual_seed(seed))
        picture = torch.where(spot, picture * 0.8, picture)
        picture[:, :1] = torch.where(stuck, 1.0, picture[:, :1])
        picture[..., 10 * seed : 10 * seed + 4, 5:9] = 1.0  # each picture's own
        picture[..., 220:236, 20:60] = torch.tensor([0.9, 0.8, 0.1]).view(1, 3, 1, 1)  # a logo
        shared.add(picture.clamp(0, 1))
    found = shared.hole()
    assert bool(found[spot].all())
    assert bool(found[stuck].all())
    assert float(found[..., 220:236, 20:60].float().mean()) > 0.95
    rest = found & ~marked(
        (slice(57, 69), slice(77, 89)), (slice(197, 204), slice(297, 304)), (slice(215, 240), slice(15, 65))
    )
    assert float(rest.float().mean()) < 2e-3


def test_too_few_or_unlike_pictures_share_nothing() -> None:
    shared = SharedDefects()
    shared.add(scene())
    with pytest.raises(ImageError, match="at least 6 are needed"):
        shared.hole()
    with pytest.raises(ImageError, match="expected one size"):
        shared.add(scene()[..., 1:])
