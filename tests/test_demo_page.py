"""The demo's page, in a real browser."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import ExifTags, Image

pytest.importorskip("gradio")
pytest.importorskip("playwright")

from browser.demo import CHROMIUM, Demo, Visitor, browser, photograph, running_demo

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed")

DESKTOP: dict[str, Any] = {"viewport": {"width": 1280, "height": 900}}
PHONE: dict[str, Any] = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}


@pytest.fixture(scope="module")
def demo() -> Demo:
    return running_demo()


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    with browser() as opened:
        yield opened


@contextlib.contextmanager
def visiting(chromium: Any, demo: Demo, **context: Any) -> Iterator[Visitor]:
    opened = chromium.new_context(**(DESKTOP | context))
    opened.set_default_timeout(60_000)
    visitor = Visitor(opened.new_page(), demo.url)
    yield visitor
    opened.close()
    assert visitor.complaints == []


@pytest.fixture
def visitor(chromium: Any, demo: Demo) -> Iterator[Visitor]:
    with visiting(chromium, demo) as visitor:
        yield visitor


@pytest.fixture(scope="module")
def filled(chromium: Any, demo: Demo, photo: Path) -> Iterator[Visitor]:
    """Someone whose photo is filled in the middle, for tests that only look."""
    with visiting(chromium, demo) as visitor:
        visitor.upload(photo)
        visitor.paint((0.4, 0.5), (0.6, 0.5))
        visitor.remove()
        yield visitor


@pytest.fixture(scope="module")
def photo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A photo as phones take it: stored lying, to be turned upright, with a camera's name."""
    path = tmp_path_factory.mktemp("photo") / "holiday.png"
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    exif[ExifTags.Base.Model] = "Camera 1"
    photograph(400, 600).save(path, exif=exif)
    return path


def upright(photo: Path) -> np.ndarray:
    with Image.open(photo) as opened:
        return np.asarray(opened.transpose(Image.Transpose.ROTATE_270).convert("RGB"))


def test_what_is_painted_is_filled_at_full_size_and_nothing_else_changes(
    filled: Visitor, photo: Path, tmp_path: Path
) -> None:
    path = filled.download(tmp_path)
    assert path.name == "holiday-filled.png"
    with Image.open(path) as downloaded:
        exif = downloaded.getexif()
        after = np.asarray(downloaded.convert("RGB"))
    before = upright(photo)
    assert after.shape == before.shape == (400, 600, 3)
    assert exif[ExifTags.Base.Model] == "Camera 1"
    assert exif.get(ExifTags.Base.Orientation, 1) == 1
    rows, columns = np.nonzero((after != before).any(axis=2))
    assert 170 < rows.min() < 190
    assert 210 < rows.max() < 230
    assert 215 < columns.min() < 230
    assert 370 < columns.max() < 385
    assert (after != before).any(axis=2)[195:205, 250:350].mean() > 0.95


def test_the_recurrences_can_be_scrubbed_and_the_divider_moved_with_keys(filled: Visitor) -> None:
    slider = filled.page.locator(".viewer-slider input")
    shown = filled.page.locator(".viewer-over").evaluate("image => image.style.clipPath")
    slider.press("ArrowRight")
    assert filled.page.locator(".viewer-over").evaluate("image => image.style.clipPath") != shown
    filled.show("Recurrences")
    slider.press("End")
    last = filled.source("under")
    slider.press("Home")
    assert slider.get_attribute("aria-valuetext") == "1 of 6"
    assert filled.source("under") != last
    assert (
        filled.page.locator(".viewer-under").evaluate("image => image.decode().then(() => image.naturalWidth)") == 600
    )


def test_a_click_shows_where_a_pixel_was_fetched_from(filled: Visitor) -> None:
    filled.show("Attention")
    filled.page.locator(".viewer-stage").click()
    layer = filled.page.locator(".viewer-layer")
    layer.wait_for()
    assert 100 < layer.evaluate("image => image.decode().then(() => image.naturalWidth)") <= 600
    first = layer.get_attribute("src")
    stage = filled.page.locator(".viewer-stage")
    stage.press("Shift+ArrowRight")
    stage.press("Enter")
    filled.page.wait_for_function("first => document.querySelector('.viewer-layer').src !== first", arg=first)
    layer.wait_for()


def test_a_click_outside_the_fill_is_answered_by_a_sentence(filled: Visitor) -> None:
    filled.show("Attention")
    filled.page.locator(".viewer-stage").click(position={"x": 5, "y": 5})
    filled.page.get_by_text("That pixel was not filled").wait_for()


def test_telea_fills_the_same_hole_beside_ours(filled: Visitor) -> None:
    pytest.importorskip("cv2")
    filled.show("Compare with Telea")
    filled.page.get_by_text("Telea | RFR-Net").wait_for()
    assert "telea" in filled.source("over")


def test_fills_add_up_are_undone_and_come_back_from_the_history(visitor: Visitor, photo: Path, tmp_path: Path) -> None:
    visitor.upload(photo)
    visitor.paint((0.2, 0.2), (0.3, 0.2))
    visitor.remove()
    visitor.page.get_by_role("button", name="Use the result as input").click()
    visitor.page.locator(".painter-tools [data-action=undo][disabled]").wait_for()
    visitor.paint((0.7, 0.8), (0.8, 0.8))
    visitor.remove()
    history = visitor.page.locator("#history button")
    assert history.all_inner_texts() == ["Fill 2", "Fill 1"]
    before, both = upright(photo), np.asarray(Image.open(visitor.download(tmp_path)).convert("RGB"))
    assert (both != before)[:160].any()
    assert (both != before)[240:].any()

    visitor.page.get_by_role("button", name="Undo this fill").click()
    visitor.page.wait_for_function("document.querySelectorAll('#history button').length === 1")
    one = np.asarray(Image.open(visitor.download(tmp_path)).convert("RGB"))
    assert (one != before)[:160].any()
    assert (one == before)[240:].all()


def test_a_run_can_be_cancelled_and_started_again(visitor: Visitor, tmp_path: Path) -> None:
    large = tmp_path / "large.jpg"
    photograph(1000, 800).save(large)
    visitor.upload(large)
    visitor.page.locator("[data-range=size]").fill("30")
    visitor.paint((0.3, 0.5), (0.7, 0.5))
    visitor.page.get_by_text("Options", exact=True).click()
    visitor.page.get_by_role("spinbutton", name="Recurrences").fill("32")
    visitor.page.get_by_role("spinbutton", name="Recurrences").press("Enter")
    visitor.page.get_by_role("button", name="Remove", exact=True).click()
    visitor.wait_for("running")
    visitor.page.get_by_role("button", name="Cancel").click()
    visitor.wait_for("idle")
    visitor.page.get_by_text("Nothing was filled; the photo is as it was.").wait_for()
    visitor.page.get_by_role("button", name="Clear").click()
    visitor.page.locator("[data-range=size]").fill("2")
    visitor.paint((0.3, 0.5), (0.35, 0.5))
    visitor.remove()
    assert visitor.page.locator("#history button").count() == 1


def test_strokes_are_undone_and_erased(visitor: Visitor, photo: Path) -> None:
    visitor.upload(photo)
    painted = """() => {
        const canvas = document.querySelector('.painter-mask');
        const data = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data;
        return data.filter((value, i) => i % 4 === 3 && value > 127).length;
    }"""
    visitor.paint((0.2, 0.5), (0.5, 0.5))
    one = visitor.page.evaluate(painted)
    visitor.paint((0.5, 0.5), (0.8, 0.5))
    two = visitor.page.evaluate(painted)
    assert two > one > 0
    visitor.page.get_by_role("button", name="Undo stroke").click()
    assert visitor.page.evaluate(painted) == one
    visitor.page.get_by_role("button", name="Eraser").click()
    visitor.paint((0.2, 0.5), (0.35, 0.5))
    assert 0 < visitor.page.evaluate(painted) < one
    visitor.page.get_by_role("button", name="Clear").click()
    assert visitor.page.evaluate(painted) == 0
    visitor.page.get_by_role("button", name="Remove", exact=True).click()
    visitor.page.get_by_text("Nothing is painted yet").wait_for()


def test_all_of_it_works_with_the_keyboard(visitor: Visitor, photo: Path, tmp_path: Path) -> None:
    visitor.upload(photo)
    canvas = visitor.page.locator(".painter-mask")
    canvas.focus()
    visitor.page.keyboard.down(" ")
    for _ in range(6):
        visitor.page.keyboard.press("ArrowRight")
    visitor.page.keyboard.up(" ")
    remove = visitor.page.get_by_role("button", name="Remove", exact=True)
    for _ in range(6):
        visitor.page.keyboard.press("Tab")
        if remove.evaluate("button => button === document.activeElement"):
            break
    visitor.page.keyboard.press("Enter")
    visitor.wait_for("finished")
    after = np.asarray(Image.open(visitor.download(tmp_path)).convert("RGB"))
    assert (after != upright(photo)).any()


def test_transparent_pixels_are_marked_and_filled(visitor: Visitor, tmp_path: Path) -> None:
    picture = photograph(300, 200).convert("RGBA")
    picture.paste((0, 0, 0, 0), (100, 80, 140, 110))
    picture.save(tmp_path / "cut.png")
    visitor.upload(tmp_path / "cut.png")
    visitor.remove()
    filled = Image.open(visitor.download(tmp_path))
    assert filled.mode == "RGBA"
    assert filled.getchannel("A").getextrema() == (255, 255)
    before, after = np.asarray(picture), np.asarray(filled)
    assert (after[:70] == before[:70]).all()


def test_an_uploaded_mask_counts_to_the_pixel(visitor: Visitor, tmp_path: Path) -> None:
    from playwright.sync_api import expect

    picture = photograph(2000, 300)
    picture.save(tmp_path / "wide.png")
    mask = Image.new("L", picture.size)
    mask.paste(255, (1001, 101, 1022, 113))
    mask.save(tmp_path / "mask.png")
    visitor.upload(tmp_path / "wide.png")
    visitor.page.get_by_text("Use a mask file").click()
    visitor.page.locator("#mask input[type=file]").set_input_files(tmp_path / "mask.png")
    visitor.page.locator(".painter-tools [data-action=clear]:not([disabled])").wait_for()
    visitor.page.get_by_text("Options", exact=True).click()
    number, slider = (visitor.page.get_by_role(role, name="Grow") for role in ("spinbutton", "slider"))
    expect(slider).to_have_value("4")
    for _ in range(20):  # what is typed before the page is ready for input is lost
        number.fill("0")
        number.press("Tab")
        visitor.page.wait_for_timeout(250)
        if slider.input_value() == "0":
            break
    expect(slider).to_have_value("0")
    visitor.remove()
    after = np.asarray(Image.open(visitor.download(tmp_path)))
    changed = (after != np.asarray(picture)).any(axis=2)
    assert (changed <= (np.asarray(mask) > 0)).all()
    assert changed.sum() > 0.9 * 21 * 12


def test_exact_is_an_option_that_counts(visitor: Visitor, photo: Path, tmp_path: Path) -> None:
    visitor.upload(photo)
    visitor.paint((0.4, 0.5), (0.6, 0.5))
    visitor.remove()
    usual = np.asarray(Image.open(visitor.download(tmp_path)))
    visitor.page.get_by_text("Options", exact=True).click()
    visitor.page.get_by_label("Exact").check()
    visitor.remove()
    exact = np.asarray(Image.open(visitor.download(tmp_path)))
    assert usual.shape == exact.shape
    assert (usual != exact).any()


def test_a_file_that_is_no_picture_is_answered_by_a_sentence(visitor: Visitor, tmp_path: Path) -> None:
    (tmp_path / "letter.png").write_text("Dear all")
    visitor.page.locator("#photo input[type=file]").set_input_files(tmp_path / "letter.png")
    visitor.page.get_by_text("The picture is not a picture").wait_for()


def test_a_reloaded_page_starts_anew_and_what_was_left_behind_is_deleted(
    visitor: Visitor, demo: Demo, photo: Path
) -> None:
    others = set(demo.sessions)
    visitor.upload(photo)
    (mine,) = set(demo.sessions) - others
    visitor.page.reload()
    visitor.page.locator("#photo input[type=file]").wait_for(state="attached")
    visitor.complaints.clear()  # of connections that the reload cut
    assert visitor.page.locator("#history button").count() == 0
    visitor.upload(photo)
    until = time.monotonic() + 60
    while mine.exists() and time.monotonic() < until:
        visitor.page.wait_for_timeout(200)
    assert not mine.exists()
    assert len(set(demo.sessions) - others) == 1


def colours(visitor: Visitor) -> tuple[int, int]:
    """The brightness of the page's background and of its text."""
    channels = "name => getComputedStyle(document.body)[name].match(/\\d+/g).slice(0, 3).map(Number)"
    background, text = visitor.page.evaluate(f"['backgroundColor', 'color'].map({channels})")
    return sum(background), sum(text)


def test_it_fits_a_phone_in_the_dark_and_takes_fingers(chromium: Any, demo: Demo, photo: Path) -> None:
    with visiting(chromium, demo, **PHONE, color_scheme="dark") as visitor:
        visitor.upload(photo)
        box = visitor.page.locator(".painter-mask").bounding_box()
        visitor.page.touchscreen.tap(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
        visitor.remove()
        assert visitor.page.evaluate("document.documentElement.scrollWidth") <= PHONE["viewport"]["width"]
        background, text = colours(visitor)
        assert background < 150 < 600 < text


def test_it_is_light_where_the_system_is(filled: Visitor) -> None:
    background, text = colours(filled)
    assert text < 150 < 600 < background


def test_no_other_host_is_asked_for_anything(filled: Visitor, demo: Demo) -> None:
    assert filled.requested
    assert {url for url in filled.requested if not url.startswith((demo.url, "data:", "blob:"))} == set()


def test_whatever_can_be_operated_has_a_name(filled: Visitor) -> None:
    nameless = filled.page.locator("#painter, #viewer, #history").evaluate_all(
        """roots => roots.flatMap(root => [...root.querySelectorAll('button, input, select, [tabindex="0"]')])
            .filter(one => !(one.innerText || one.getAttribute('aria-label') || one.closest('label')?.innerText))
            .map(one => one.outerHTML)"""
    )
    assert nameless == []
