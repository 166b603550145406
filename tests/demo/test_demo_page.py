"""The demo's page, in a real browser."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
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


def pixels(path: Path) -> np.ndarray:
    with Image.open(path) as opened:
        return np.asarray(opened.convert("RGB"))


def chosen(visitor: Visitor, label: str) -> None:
    """Waits until that picture of the history is the current one."""
    visitor.page.locator("#history button[aria-current]", has_text=label).wait_for()


def until(visitor: Visitor, condition: Callable[[], bool], seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        visitor.page.wait_for_timeout(50)


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
    filled.show("Before / after")
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
    filled.show("Telea")
    filled.page.locator(".viewer-tag-left", has_text="Telea").wait_for()
    assert "telea" in filled.source("over")


def test_fills_add_up_are_undone_redone_and_come_back_from_the_history(
    visitor: Visitor, photo: Path, tmp_path: Path
) -> None:
    visitor.upload(photo)
    visitor.paint((0.2, 0.2), (0.3, 0.2))
    visitor.remove()
    assert visitor.painted() == 0  # the result is what is painted on next
    visitor.paint((0.7, 0.8), (0.8, 0.8))
    visitor.remove()
    history = visitor.page.locator("#history button")
    assert history.all_inner_texts() == ["Fill 2", "Fill 1", "Photo"]
    before, both = upright(photo), pixels(visitor.download(tmp_path))
    assert (both != before)[:160].any()
    assert (both != before)[240:].any()

    visitor.page.mouse.move(0, 0)
    visitor.page.keyboard.press("Control+z")  # the second fill, whose stroke is there again
    chosen(visitor, "Fill 1")
    until(visitor, lambda: visitor.painted() > 0)
    one = pixels(visitor.download(tmp_path))
    assert (one != before)[:160].any()
    assert (one == before)[240:].all()
    visitor.page.keyboard.press("Control+z")  # that stroke
    assert visitor.painted() == 0
    visitor.page.keyboard.press("Control+z")
    chosen(visitor, "Photo")
    until(visitor, lambda: visitor.painted() > 0)
    visitor.page.keyboard.press("Control+z")
    assert visitor.page.locator("[data-action=undo]").is_disabled()
    assert visitor.painted() == 0
    for fill in ("Fill 1", "Fill 2"):
        visitor.page.keyboard.press("Control+Shift+z")  # a stroke
        assert visitor.painted() > 0
        visitor.page.keyboard.press("Control+Shift+z")  # and its fill
        chosen(visitor, fill)
        until(visitor, lambda: visitor.painted() == 0)
    assert (pixels(visitor.download(tmp_path)) == both).all()
    history.last.click()
    chosen(visitor, "Photo")
    history.first.click()
    chosen(visitor, "Fill 2")
    assert (pixels(visitor.download(tmp_path)) == both).all()


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
    visitor.wait_for("photo")
    visitor.page.get_by_text("Nothing was filled; the photo is as it was.").wait_for()
    visitor.page.locator("[data-action=clear]").click()
    visitor.page.locator("[data-range=size]").fill("2")
    visitor.paint((0.3, 0.5), (0.35, 0.5))
    visitor.remove()
    assert visitor.page.locator("#history button").count() == 2


def test_strokes_are_undone_and_erased(visitor: Visitor, photo: Path) -> None:
    visitor.upload(photo)
    visitor.paint((0.2, 0.5), (0.5, 0.5))
    one = visitor.painted()
    visitor.paint((0.5, 0.5), (0.8, 0.5))
    two = visitor.painted()
    assert two > one > 0
    visitor.page.get_by_role("button", name="Undo").click()
    assert visitor.painted() == one
    visitor.page.get_by_role("button", name="Eraser").click()
    visitor.paint((0.2, 0.5), (0.35, 0.5))
    assert 0 < visitor.painted() < one
    visitor.page.locator("[data-action=clear]").click()
    assert visitor.painted() == 0
    visitor.page.get_by_role("button", name="Remove", exact=True).click()
    visitor.page.get_by_text("Nothing is painted yet").wait_for()


def test_what_is_found_is_painted_and_filled(visitor: Visitor, tmp_path: Path) -> None:
    before = np.full((200, 300, 3), 90, dtype=np.uint8)
    before[30:170, 150:153] = before[60:66, 60:66] = 255
    Image.fromarray(before).save(tmp_path / "scratched.png")
    visitor.upload(tmp_path / "scratched.png")
    visitor.page.locator("#find").click()
    until(visitor, lambda: visitor.painted() > 0)
    visitor.remove()
    with Image.open(visitor.download(tmp_path)) as downloaded:
        changed = (np.asarray(downloaded.convert("RGB")) != before).any(-1)
    assert changed[30:170, 150:153].mean() > 0.5  # where the small network did not choose white itself
    assert changed[60:66, 60:66].any()
    assert not changed[:, 200:].any()


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
    picture = photograph(2000, 300)
    picture.save(tmp_path / "wide.png")
    mask = Image.new("L", picture.size)
    mask.paste(255, (1001, 101, 1022, 113))
    mask.save(tmp_path / "mask.png")
    visitor.upload(tmp_path / "wide.png")
    visitor.page.get_by_text("Use a mask file").click()
    visitor.page.locator("#mask input[type=file]").set_input_files(tmp_path / "mask.png")
    visitor.page.locator("#painter [data-action=clear]:not([disabled])").wait_for()
    visitor.remove()
    after = np.asarray(Image.open(visitor.download(tmp_path)))
    changed = (after != np.asarray(picture)).any(axis=2)
    assert (changed <= (np.asarray(mask) > 0)).all()
    assert changed.sum() > 0.9 * 21 * 12


def choose_mask(visitor: Visitor, path: Path) -> None:
    """Chooses a mask file and waits until it is shown."""
    before = visitor.page.locator("[data-ready]").get_attribute("data-ready")
    visitor.page.locator("#mask input[type=file]").set_input_files(path)
    visitor.page.locator(f"#painter [data-ready]:not([data-ready='{before}'])").wait_for()


def test_a_mask_counts_to_the_pixel_with_strokes_beside_it_and_after_undo(visitor: Visitor, tmp_path: Path) -> None:
    picture = photograph(6400, 400)  # shown at a quarter of its size, where the lines below are faint
    picture.save(tmp_path / "wide.png")
    lines = {"upper": (2000, 100, 4000, 101), "lower": (2000, 300, 4000, 301)}
    for name, box in lines.items():
        mask = Image.new("L", picture.size)
        mask.paste(255, box)
        mask.save(tmp_path / f"{name}.png")

    def changed() -> np.ndarray:
        return (pixels(visitor.download(tmp_path)) != np.asarray(picture)).any(axis=2)

    visitor.upload(tmp_path / "wide.png")
    visitor.page.get_by_text("Use a mask file").click()
    choose_mask(visitor, tmp_path / "upper.png")
    visitor.paint((0.1, 0.5), (0.12, 0.5))
    visitor.page.get_by_role("button", name="Eraser").click()
    visitor.paint((0.55, 0.25), (0.6, 0.25))
    visitor.remove()
    first = changed()
    assert first[100, 2000:3000].mean() > 0.9
    assert first[200, 650:750].mean() > 0.9
    assert not first[90:110, 3560:3800].any()  # erased
    visitor.page.locator("[data-action=undo]").click()
    chosen(visitor, "Photo")
    until(visitor, lambda: visitor.page.locator("#painter [data-action=clear]:not([disabled])").count() > 0)
    visitor.remove()
    assert (changed() == first).all()


def test_after_undo_it_is_the_mask_that_is_shown_that_counts(visitor: Visitor, tmp_path: Path) -> None:
    picture = photograph(400, 300)
    picture.save(tmp_path / "photo.png")
    for name, box in {"left": (50, 100, 80, 130), "right": (300, 100, 330, 130)}.items():
        mask = Image.new("L", picture.size)
        mask.paste(255, box)
        mask.save(tmp_path / f"{name}.png")
    visitor.upload(tmp_path / "photo.png")
    visitor.page.get_by_text("Use a mask file").click()
    choose_mask(visitor, tmp_path / "left.png")
    choose_mask(visitor, tmp_path / "right.png")
    visitor.page.locator("[data-action=undo]").click()
    visitor.remove()
    after = (pixels(visitor.download(tmp_path)) != np.asarray(picture)).any(axis=2)
    assert after[100:130, 50:80].mean() > 0.9
    assert not after[:, 200:].any()


def test_a_format_that_cannot_hold_the_picture_is_one_sentence(visitor: Visitor, tmp_path: Path) -> None:
    picture = photograph(200, 150).convert("RGBA")
    picture.paste((0, 0, 0, 0), (0, 0, 40, 40))
    picture.save(tmp_path / "cut.png")
    visitor.upload(tmp_path / "cut.png")
    visitor.page.locator("[data-action=clear]").click()
    visitor.paint((0.6, 0.6), (0.7, 0.6))
    visitor.remove()
    visitor.page.get_by_label("File format").click()
    visitor.page.get_by_role("option", name="jpg").click()
    visitor.page.get_by_text("The file: JPEG cannot hold transparency; save as PNG (.png) instead.").wait_for()
    button = visitor.page.locator("#download")
    until(visitor, lambda: button.inner_text().strip() == "Download")
    assert button.is_disabled()
    visitor.page.get_by_label("File format").click()
    visitor.page.get_by_role("option", name="png").click()
    assert visitor.download(tmp_path).suffix == ".png"


def test_an_undo_that_is_refused_leaves_the_next_one_possible(chromium: Any, demo: Demo, photo: Path) -> None:
    with visiting(chromium, demo) as visitor:
        visitor.upload(photo)
        visitor.paint((0.4, 0.5), (0.5, 0.5))
        visitor.remove()
        # A duplicated tab has the same session, and takes the fill back first.
        other = visitor.page.context.new_page()
        other.add_init_script(
            "sessionStorage.setItem('rfr-session', '" + visitor.page.evaluate("sessionStorage['rfr-session']") + "')"
        )
        other.goto(demo.url)
        other.locator("#painter [data-ready]").wait_for()
        other.locator("[data-action=undo]:not([disabled])").click()
        other.locator("#history button[aria-current]", has_text="Photo").wait_for()
        visitor.page.locator("[data-action=undo]").click()
        visitor.page.get_by_text("There is nothing to undo").wait_for()
        visitor.page.locator("[data-action=redo]:not([disabled])").click()
        chosen(visitor, "Fill 1")
        visitor.paint((0.2, 0.2), (0.3, 0.2))
        assert visitor.painted() > 0
        visitor.page.locator("[data-action=undo]").click()
        assert visitor.painted() == 0


def test_dust_is_found_and_marked(visitor: Visitor, tmp_path: Path) -> None:
    picture = photograph(400, 300)
    for x, y in ((100, 100), (200, 150), (300, 220)):
        picture.paste((255, 255, 255), (x, y, x + 3, y + 3))
    picture.save(tmp_path / "dusty.png")
    visitor.upload(tmp_path / "dusty.png")
    visitor.page.get_by_role("button", name="Find dust and scratches").click()
    until(visitor, lambda: visitor.painted() > 0)
    assert visitor.painted() < 0.05 * 400 * 300


def test_exact_is_an_option_that_counts(visitor: Visitor, photo: Path, tmp_path: Path) -> None:
    visitor.upload(photo)
    visitor.paint((0.4, 0.5), (0.6, 0.5))
    visitor.remove()
    usual = np.asarray(Image.open(visitor.download(tmp_path)))
    visitor.page.get_by_text("Options", exact=True).click()
    visitor.page.get_by_label("exact", exact=True).check()
    visitor.page.locator("[data-action=undo]").click()
    chosen(visitor, "Photo")
    until(visitor, lambda: visitor.painted() > 0)
    visitor.remove()
    exact = np.asarray(Image.open(visitor.download(tmp_path)))
    assert usual.shape == exact.shape
    assert (usual != exact).any()


def test_a_file_that_is_no_picture_is_answered_by_a_sentence(visitor: Visitor, tmp_path: Path) -> None:
    (tmp_path / "letter.png").write_text("Dear all")
    visitor.page.locator("#photo input[type=file]").set_input_files(tmp_path / "letter.png")
    visitor.page.get_by_text("This file is not a picture").wait_for()


def test_a_reloaded_page_goes_on_and_a_new_photo_is_asked_for(
    visitor: Visitor, demo: Demo, photo: Path, tmp_path: Path
) -> None:
    others = set(demo.sessions)
    visitor.upload(photo)
    visitor.paint((0.4, 0.5), (0.6, 0.5))
    visitor.remove()
    before = pixels(visitor.download(tmp_path))
    (mine,) = set(demo.sessions) - others
    visitor.page.reload()
    visitor.page.locator("#painter [data-ready]").wait_for()
    visitor.complaints.clear()  # of connections that the reload cut
    assert visitor.page.locator("#history button").all_inner_texts() == ["Fill 1", "Photo"]
    assert (pixels(visitor.download(tmp_path)) == before).all()
    visitor.page.keyboard.press("Control+z")
    chosen(visitor, "Photo")

    visitor.page.get_by_role("button", name="New photo").click()
    visitor.page.get_by_role("button", name="Keep this one").click()
    assert visitor.page.locator("#history button").count() == 2
    visitor.page.get_by_role("button", name="New photo").click()
    visitor.page.get_by_role("button", name="Open another").click()
    visitor.page.locator("#photo input[type=file]").wait_for(state="attached")
    until(visitor, lambda: not mine.exists())
    visitor.page.reload()
    visitor.page.locator("#photo input[type=file]").wait_for(state="attached")
    visitor.complaints.clear()
    visitor.upload(photo)
    assert len(set(demo.sessions) - others) == 1


def test_a_photo_that_is_opened_at_once_is_not_closed_by_the_page_s_start(visitor: Visitor, photo: Path) -> None:
    held: list[Any] = []
    address = visitor.page.url
    visitor.page.goto("about:blank")  # no request of the page before is still to come
    visitor.page.route("**/queue/join*", lambda route: route.continue_() if held else held.append(route))
    visitor.page.goto(address)  # its first request asks for a photo from before
    visitor.upload(photo)
    with visitor.page.expect_response("**/queue/join*"):
        held[0].continue_()
    visitor.page.wait_for_timeout(1000)
    assert visitor.page.locator(".painter-mask").is_visible()
    visitor.complaints.clear()  # of connections that the reload cut


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
        for alike in ("#remove, #cancel, #download", "#find, #another"):
            boxes = [button.bounding_box() for button in visitor.page.locator(alike).all()]
            assert len({(round(box["width"]), round(box["height"])) for box in boxes if box}) == 1
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
            .filter(one => !(one.innerText || one.getAttribute('aria-label') || one.closest('label')?.textContent))
            .map(one => one.outerHTML)"""
    )
    assert nameless == []


# As quick as the best


@pytest.fixture(scope="module")
def phone_photo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twelve megapixels, as a phone's camera writes them."""
    path = tmp_path_factory.mktemp("phone") / "IMG_0001.jpg"
    photograph(4000, 3000).save(path, quality=90)
    return path


def in_view(visitor: Visitor, selector: str) -> bool:
    """Whether all of an element is on the screen, without scrolling."""
    box, size = visitor.page.locator(selector).bounding_box(), visitor.page.viewport_size
    return box["y"] >= 0 and box["y"] + box["height"] <= size["height"] and box["x"] >= 0


def moved(visitor: Visitor) -> float:
    """The layout shift since the page began to load, without what follows at once on a press."""
    return visitor.page.evaluate(
        """() => new Promise((resolve) => new PerformanceObserver((list) => resolve(list.getEntries()
            .filter((one) => !one.hadRecentInput).reduce((sum, one) => sum + one.value, 0)
        )).observe({ type: 'layout-shift', buffered: true }))"""
    )


def small_brush(visitor: Visitor) -> None:
    visitor.page.locator("[data-range=size]").fill("1")


def test_three_objects_take_three_strokes_and_three_presses_on_a_laptop(
    chromium: Any, demo: Demo, phone_photo: Path, tmp_path: Path
) -> None:
    with visiting(chromium, demo, viewport={"width": 1280, "height": 720}) as visitor:
        visitor.upload(phone_photo)
        small_brush(visitor)
        for number in range(3):
            visitor.paint((0.2 + 0.2 * number, 0.4), (0.23 + 0.2 * number, 0.4))
            assert in_view(visitor, "#remove")
            assert in_view(visitor, "#download")
            visitor.remove()
        assert visitor.page.locator("#history button").count() == 4
        assert moved(visitor) <= 0.1
        before, after = pixels(phone_photo), pixels(visitor.download(tmp_path))
        visitor.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
        visitor.page.get_by_role("button", name="Copy").click()
        visitor.page.get_by_text("The result was copied.").wait_for()
        width = """async () => createImageBitmap(await (await navigator.clipboard.read())[0].getType('image/png'))
            .then((picture) => picture.width)"""
        assert visitor.page.evaluate(width) == 4000
        for number in range(3):
            place = slice(1190, 1210), slice(820 + 800 * number, 900 + 800 * number)
            assert (before[place] != after[place]).any()


def test_on_a_phone_they_are_gone_when_the_finger_is_lifted(chromium: Any, demo: Demo, phone_photo: Path) -> None:
    with visiting(chromium, demo, **PHONE) as visitor:
        visitor.upload(phone_photo)
        small_brush(visitor)
        visitor.page.get_by_role("button", name="Remove on lift").tap()  # the only press
        for number in range(3):
            before = visitor.shown()
            visitor.page.touchscreen.tap(*visitor.spot(0.2 + 0.2 * number, 0.4))
            visitor.wait_until_filled(before)
            assert in_view(visitor, "#remove")
            assert in_view(visitor, "#download")
        assert visitor.page.locator("#history button").count() == 4
        assert visitor.page.evaluate("scrollY") == 0


def test_what_is_painted_during_a_run_is_kept_for_the_next(visitor: Visitor, photo: Path) -> None:
    visitor.upload(photo)
    visitor.paint((0.2, 0.3), (0.3, 0.3))
    before = visitor.shown()
    visitor.page.locator("#remove").click()
    visitor.wait_for("running")
    visitor.paint((0.6, 0.7), (0.7, 0.7))
    visitor.wait_until_filled(before)
    until(visitor, lambda: visitor.painted() > 0)
    visitor.remove()
    assert visitor.painted() == 0


def test_the_wheel_zooms_to_the_pointer_and_both_sides_stay_there(visitor: Visitor, photo: Path) -> None:
    visitor.upload(photo)
    visitor.paint((0.4, 0.5), (0.45, 0.5))
    visitor.remove()
    x, y = visitor.spot(0.3, 0.4)
    visitor.page.mouse.move(x, y)
    visitor.page.mouse.wheel(0, -500)
    until(visitor, lambda: visitor.page.locator(".painter-mask").bounding_box()["width"] > 1000)
    assert visitor.spot(0.3, 0.4) == pytest.approx((x, y), abs=3)
    sides = "['.painter-stage', '.viewer-stage'].map(s => document.querySelector(s).getBoundingClientRect().width)"
    left, right = visitor.page.evaluate(sides)
    assert left == pytest.approx(right, abs=3)
    visitor.page.keyboard.down(" ")
    visitor.page.mouse.down()
    visitor.page.mouse.move(x + 60, y + 20, steps=4)
    visitor.page.mouse.up()
    visitor.page.keyboard.up(" ")
    assert visitor.painted() == 0
    assert visitor.spot(0.3, 0.4) == pytest.approx((x + 60, y + 20), abs=4)
    visitor.paint((0.3, 0.4), (0.32, 0.4))
    visitor.remove()
    assert visitor.page.evaluate(sides)[0] == pytest.approx(left, abs=1)


def test_two_fingers_zoom_and_do_not_paint(chromium: Any, demo: Demo, photo: Path) -> None:
    with visiting(chromium, demo, **PHONE) as visitor:
        visitor.upload(photo)
        touch = visitor.page.context.new_cdp_session(visitor.page)
        x, y = visitor.spot(0.5, 0.5)
        for kind, gap in (("touchStart", 20), ("touchMove", 40), ("touchMove", 60), ("touchEnd", None)):
            points = [] if gap is None else [{"x": x - gap, "y": y, "id": 1}, {"x": x + gap, "y": y, "id": 2}]
            touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
        assert visitor.page.locator(".painter-mask").bounding_box()["width"] > 700
        assert visitor.painted() == 0


def test_rectangle_and_lasso_mark_areas_and_keys_work_without_focus(visitor: Visitor, photo: Path) -> None:
    visitor.upload(photo)
    visitor.page.keyboard.press("r")
    visitor.paint((0.2, 0.2), (0.4, 0.6))
    assert visitor.painted() == pytest.approx(120 * 160, rel=0.05)
    visitor.page.keyboard.press("Delete")
    assert visitor.painted() == 0
    visitor.page.keyboard.press("Control+z")
    assert visitor.painted() > 0
    visitor.page.keyboard.press("Control+z")
    visitor.page.keyboard.press("l")
    visitor.page.mouse.move(*visitor.spot(0.2, 0.2))
    visitor.page.mouse.down()
    for corner in ((0.6, 0.2), (0.6, 0.8)):
        visitor.page.mouse.move(*visitor.spot(*corner), steps=5)
    visitor.page.mouse.up()
    assert visitor.painted() == pytest.approx(240 * 240 / 2, rel=0.05)
    size = visitor.page.locator("[data-range=size]")
    before = float(size.input_value())
    visitor.page.keyboard.press("]")
    assert float(size.input_value()) == before + 1
    visitor.page.keyboard.press("Control+Enter")
    visitor.wait_for("finished")


def test_long_strokes_are_not_drawn_again_and_again(visitor: Visitor, photo: Path) -> None:
    visitor.upload(photo)
    calls = visitor.page.evaluate(
        """async () => {
            let calls = 0;
            const line = CanvasRenderingContext2D.prototype.lineTo;
            CanvasRenderingContext2D.prototype.lineTo = function (...point) { calls += 1; line.apply(this, point); };
            const canvas = document.querySelector('.painter-mask');
            canvas.setPointerCapture = () => {};
            const box = canvas.getBoundingClientRect();
            const send = (type, i) => canvas.dispatchEvent(new PointerEvent(type, {
                clientX: box.left + box.width * (0.1 + 0.8 * i / 2000), clientY: box.top + box.height / 2,
                isPrimary: true, bubbles: true, pointerId: 1,
            }));
            send('pointerdown', 0);
            for (let i = 1; i < 2000; i++) send('pointermove', i);
            send('pointerup', 2000);
            CanvasRenderingContext2D.prototype.lineTo = line;
            return calls;
        }"""
    )
    assert 2000 <= calls <= 3 * 2000


def sent_file(visitor: Visitor, photo: Path, event: str) -> None:
    """A photo that is pasted, or dropped on the middle of the page."""
    import base64

    visitor.page.evaluate(
        """([data, event]) => {
            const bytes = Uint8Array.from(atob(data), (one) => one.charCodeAt(0));
            const files = new DataTransfer();
            files.items.add(new File([bytes], 'pasted.png', { type: 'image/png' }));
            const options = { bubbles: true, cancelable: true };
            document.body.dispatchEvent(event === 'paste'
                ? new ClipboardEvent('paste', { ...options, clipboardData: files })
                : new DragEvent('drop', { ...options, dataTransfer: files }));
        }""",
        [base64.b64encode(photo.read_bytes()).decode(), event],
    )


@pytest.mark.parametrize("event", ["paste", "drop"])
def test_photos_are_pasted_and_dropped_anywhere(visitor: Visitor, photo: Path, event: str) -> None:
    sent_file(visitor, photo, event)
    visitor.page.locator("#painter [data-ready]").wait_for()
    ready = visitor.page.locator("#painter [data-ready]").get_attribute("data-ready")
    sent_file(visitor, photo, event)  # on the painter; nothing is lost, so nothing is asked
    visitor.page.locator(f"#painter [data-ready]:not([data-ready='{ready}'])").wait_for()
    assert visitor.page.locator(".painter-mask").is_visible()


def test_progress_never_says_more_than_is_done(visitor: Visitor, photo: Path) -> None:
    visitor.upload(photo)
    visitor.page.evaluate(
        """() => {
            window.seen = [];
            const bar = document.querySelector('.viewer-progress');
            new MutationObserver(() => {
                const running = document.querySelector('.viewer').dataset.status === 'running';
                if (running) window.seen.push([bar.value, document.querySelector('.viewer-said').textContent]);
            }).observe(document.querySelector('.viewer'), { subtree: true, childList: true, attributes: true });
        }"""
    )
    visitor.paint((0.3, 0.5), (0.7, 0.5))
    visitor.remove()
    shares, said = zip(*visitor.page.evaluate("window.seen"), strict=True)
    assert list(shares) == sorted(shares)
    assert 0.3 < shares[-1] <= 0.95
    assert "Finishing" in said
    assert visitor.page.get_by_text("Done: the result is shown").is_visible()
    until(visitor, lambda: visitor.page.evaluate("document.activeElement.id") == "remove")


def test_another_format_cannot_be_downloaded_before_it_is_ready(visitor: Visitor, photo: Path, tmp_path: Path) -> None:
    visitor.upload(photo)
    visitor.paint((0.4, 0.5), (0.5, 0.5))
    visitor.remove()
    assert visitor.download(tmp_path).suffix == ".png"
    visitor.page.evaluate(
        """() => {
            window.labels = [];
            new MutationObserver(() => window.labels.push(document.querySelector('#download').innerText.trim()))
                .observe(document.querySelector('#actions'), { subtree: true, childList: true, characterData: true });
        }"""
    )
    visitor.page.get_by_label("File format").click()
    visitor.page.get_by_role("option", name="tif").click()
    until(visitor, lambda: "Preparing …" in visitor.page.evaluate("window.labels"))
    assert visitor.download(tmp_path).suffix == ".tif"


def test_the_whole_result_is_shown_first_and_the_photo_while_it_is_held(filled: Visitor) -> None:
    filled.show("Result")
    assert filled.page.locator(".viewer-line").is_hidden()
    after = filled.source("under")
    box = filled.page.locator(".viewer-view").bounding_box()
    filled.page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    filled.page.mouse.down()
    assert filled.source("under") != after
    filled.page.mouse.up()
    assert filled.source("under") == after


def violations(visitor: Visitor) -> list[str]:
    axe_playwright = pytest.importorskip("axe_playwright_python")
    script = Path(axe_playwright.__file__).parent / "axe.min.js"
    visitor.page.evaluate(script.read_text("utf-8"))
    # A colour on its way, such as that of a button that was just enabled, has less contrast than either of its ends.
    visitor.page.wait_for_function("document.getAnimations().every(one => !(one instanceof CSSTransition))")
    return visitor.page.evaluate(
        "async () => (await axe.run(document)).violations.map(one => one.id + ': ' + one.nodes[0].html.slice(0, 200))"
    )


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_is_accessible(chromium: Any, demo: Demo, photo: Path, scheme: str) -> None:
    with visiting(chromium, demo, color_scheme=scheme) as visitor:
        assert violations(visitor) == []
        visitor.upload(photo)
        visitor.page.get_by_text("Options", exact=True).click()
        assert violations(visitor) == []
        visitor.paint((0.4, 0.5), (0.5, 0.5))
        visitor.remove()
        visitor.page.locator("#download:not([disabled])").wait_for()
        assert violations(visitor) == []
        visitor.show("Attention")
        stage = visitor.page.locator(".viewer-stage")
        assert stage.get_attribute("role") == "application"
        assert "arrow keys" in stage.get_attribute("aria-label")
        stage.press("ArrowRight")
        assert "% from the left" in visitor.page.locator(".viewer-said").inner_text()
        assert violations(visitor) == []


def test_what_is_touched_is_large_enough_and_nothing_jumps(chromium: Any, demo: Demo, photo: Path) -> None:
    with visiting(chromium, demo, **PHONE) as visitor:
        visitor.upload(photo)
        visitor.page.touchscreen.tap(*visitor.spot(0.5, 0.5))
        visitor.remove()
        visitor.page.locator("#download:not([disabled])").wait_for()
        small = visitor.page.evaluate(
            """() => [...document.querySelectorAll('button, input, select, [role=button]')]
                .map((one) => [one.outerHTML.slice(0, 120), (one.closest('label') || one).getBoundingClientRect()])
                .filter(([, box]) => box.width && (box.height < 43.5 || box.width < 43.5)).map(([html]) => html)"""
        )
        assert small == []
        assert moved(visitor) <= 0.1
        covering = "([x, y]) => document.elementFromPoint(x, y).className"
        for corner in ((0.02, 0.02), (0.98, 0.02), (0.02, 0.98), (0.98, 0.98)):
            assert visitor.page.evaluate(covering, visitor.spot(*corner)) == "painter-mask"
        visitor.page.evaluate("scrollTo(0, document.documentElement.scrollHeight)")
        end, buttons = (visitor.page.locator(one).bounding_box() for one in ("footer", "#actions"))
        assert end["y"] + end["height"] <= buttons["y"]


def test_it_speaks_chinese_where_the_browser_does(chromium: Any, demo: Demo, photo: Path) -> None:
    opened = chromium.new_context(**DESKTOP, locale="zh-CN")
    page = opened.new_page()
    page.goto(demo.url)
    page.locator("#photo input[type=file]").set_input_files(photo)
    page.locator("#painter [data-ready]").wait_for()
    assert page.locator("#remove").inner_text() == "移除"
    assert page.get_by_role("button", name="橡皮").is_visible()
    assert page.get_by_role("heading", name="从照片中移除物体").is_visible()
    assert page.title() == "从照片中移除物体"
    assert page.evaluate("document.documentElement.lang") == "zh"
    opened.close()


@pytest.mark.parametrize(
    ("locale", "sentence"),
    [
        ("en-US", "The file lacks what the photo's own held: the comment."),
        ("zh-CN", "下载的文件不含原照片文件中的：注释。"),
    ],
)
def test_what_a_download_lacks_is_said(chromium: Any, demo: Demo, tmp_path: Path, locale: str, sentence: str) -> None:
    photograph(160, 120).save(tmp_path / "photo.jpg", comment=b"by Ada")
    opened = chromium.new_context(**DESKTOP, locale=locale)
    page = opened.new_page()
    page.goto(demo.url)
    page.locator("#photo input[type=file]").set_input_files(tmp_path / "photo.jpg")
    page.locator("#painter [data-ready]").wait_for()
    page.locator(".painter-mask").click()
    page.locator("#remove").click()
    page.locator("#download:not([disabled])").wait_for()
    assert page.locator("#dropped").count() == 0
    page.locator("#file-format input").click()
    page.get_by_role("option", name="png").click()
    page.get_by_text(sentence).wait_for()
    opened.close()
