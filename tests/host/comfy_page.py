"""ComfyUI's page in headless Chromium: graphs loaded, run and looked at as a user does."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from chromium import CHROMIUM, FLAGS
from comfy_server import Host
from playwright.sync_api import FloatRect, Locator, Page, expect, sync_playwright

PATIENCE = 120_000  # milliseconds; a busy machine is slow, and nothing here measures time
expect.set_options(timeout=PATIENCE)

_SETTINGS = {"Comfy.TutorialCompleted": True, "Comfy.Minimap.Visible": False}
RUN = """() => {
    window.rfrDone = null;
    const ended = (event) => { window.rfrDone = [event.type, event.detail]; };
    for (const name of ["execution_success", "execution_error", "execution_interrupted"])
        window.app.api.addEventListener(name, ended, { once: true });
    return window.app.queuePrompt(0);
}"""
_BUILD = """([nodes, links]) => {
    const graph = window.app.graph;
    graph.clear();
    const made = {};
    for (const [name, [kind, x, y, values]] of Object.entries(nodes)) {
        const node = made[name] = window.LiteGraph.createNode(kind);
        node.pos = [x, y];
        graph.add(node);
        for (const [key, value] of Object.entries(values)) {
            const widget = node.widgets.find((w) => w.name === key);
            widget.value = value;
            widget.callback?.(value);
        }
    }
    for (const [from, output, to, input] of links)
        made[from].connect(output, made[to], made[to].inputs.findIndex((i) => i.name === input));
}"""
_SHOWN = "const isShown = (node) => !kinds.length || kinds.includes(node.type) || kinds.includes(`${node.id}`);"
_BOUNDS = """
    const left = Math.min(...nodes.map((n) => n.pos[0])), top = Math.min(...nodes.map((n) => n.pos[1] - 30));
    const right = Math.max(...nodes.map((n) => n.pos[0] + n.size[0]));
    const bottom = Math.max(...nodes.map((n) => n.pos[1] + n.size[1]));
"""
_BOX = f"""(kinds) => {{
    {_SHOWN}
    const nodes = window.app.canvas.graph.nodes.filter(isShown);
    {_BOUNDS}
    const {{ scale, offset }} = window.app.canvas.ds, frame = window.app.canvas.canvas.getBoundingClientRect();
    const at = (x, y) => [frame.left + (x + offset[0]) * scale, frame.top + (y + offset[1]) * scale];
    return [...at(left, top), ...at(right, bottom)];
}}"""
_FIT = f"""(kinds) => {{
    {_SHOWN}
    const nodes = window.app.canvas.graph.nodes.filter(isShown);
    {_BOUNDS}
    const view = window.app.canvas.ds;
    const [width, height] = [window.innerWidth - 120, window.innerHeight - 170];
    view.scale = Math.min(width / (right - left), height / (bottom - top), kinds.length ? 1.25 : Infinity);
    view.offset = [80 / view.scale - left, 100 / view.scale - top];
    window.app.graph.setDirtyCanvas(true, true);
}}"""


@contextmanager
def open_page(host: Host, *, vue_nodes: bool = False) -> Iterator[Page]:
    """The host's page, ready, its first dialogs out of the way; errors of ours on it fail the test at the end."""
    errors: list[str] = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, headless=True, args=FLAGS)
        page = browser.new_page(viewport={"width": 1500, "height": 950})
        page.set_default_timeout(PATIENCE)
        page.on("pageerror", lambda error: errors.append(f"{error.message} {error.stack}"))
        page.route("**/*", lambda route: route.continue_() if route.request.url.startswith(host.url) else route.abort())
        host.post("/settings", _SETTINGS | {"Comfy.VueNodes.Enabled": vue_nodes})
        enter(page, host)
        yield page
        browser.close()
    ours = [error for error in errors if "rfr" in error.lower()]
    assert not ours, ours


def enter(page: Page, host: Host) -> None:
    """Open the page, or open it anew."""
    page.goto(host.url)
    page.wait_for_function("Boolean(window.app?.graph && window.app.extensionManager)")
    page.wait_for_function("Boolean(window.LiteGraph?.registered_node_types?.RFRInpaint)")
    page.wait_for_timeout(1500)
    page.keyboard.press("Escape")  # the template dialog of a first visit


def build(page: Page, nodes: dict[str, list[Any]], links: list[list[Any]]) -> None:
    """Build a graph: nodes name -> [kind, x, y, {widget: value}]; links [from, output number, to, input name]."""
    page.evaluate(_BUILD, [nodes, links])
    fit(page)


def load(page: Page, workflow: dict[str, Any]) -> None:
    page.evaluate("workflow => window.app.loadGraphData(workflow)", workflow)
    fit(page)


def run(page: Page) -> None:
    """Press Run and wait for the end."""
    page.evaluate(RUN)
    page.wait_for_function("window.rfrDone")
    kind, detail = page.evaluate("window.rfrDone")
    assert kind == "execution_success", detail


def strip_of(page: Page, kind: str, number: int = 0) -> Locator:
    """The film strip of the nth node of a kind, once it shows something."""
    mark = f"{kind}-{number}"
    page.evaluate(
        """([kind, number, mark]) => {
            for (const earlier of document.querySelectorAll("[data-test]")) delete earlier.dataset.test;
            const node = window.app.graph.nodes.filter((n) => n.comfyClass === kind)[number];
            node.widgets.find((w) => w.name === "rfr_strip").element.dataset.test = mark;
        }""",
        [kind, number, mark],
    )
    strip = page.locator(f'[data-test="{mark}"]')
    expect(strip.locator(".label")).not_to_be_empty()
    fit(page)  # the node has grown with what it shows
    return strip


def click_picture(page: Page, strip: Locator, x: float, y: float) -> None:
    """Click into a strip's picture at shares of its width and height."""
    box = _settled(page, strip.locator("canvas"))
    page.mouse.click(box["x"] + x * box["width"], box["y"] + y * box["height"])


def _settled(page: Page, locator: Locator) -> FloatRect:
    """Where an element lies on the page, once it no longer moves: the host places it a frame or two late."""
    before = None
    while (box := locator.bounding_box()) is None or box != before:
        before = box
        page.wait_for_timeout(200)
    return box


def drag(page: Page, kind: str, right: int, down: int) -> None:
    """Drag the first node of a kind by its title, by pixels of the page."""
    page.wait_for_timeout(500)
    left, top, _, _ = box_of(page, kind)
    scale = page.evaluate("window.app.canvas.ds.scale")
    x, y = left + 60 * scale, top + 15 * scale
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + right / 2, y + down / 2, steps=4)
    page.mouse.move(x + right, y + down, steps=4)
    page.mouse.up()


def fit(page: Page, *kinds: str) -> None:
    """Show the nodes of some kinds or numbers, hardly enlarged, or the whole graph."""
    page.evaluate(_FIT, list(kinds))


def box_of(page: Page, *kinds: str) -> tuple[int, int, int, int]:
    """Left, top, right and bottom, in the page's pixels, of the nodes of some kinds or numbers, or of all."""
    left, top, right, bottom = map(round, page.evaluate(_BOX, list(kinds)))
    return left, top, right, bottom


def screenshot(page: Page, name: str) -> None:
    """Keep a picture of the page in the folder that COMFYUI_SCREENSHOTS names, if it does."""
    if folder := os.environ.get("COMFYUI_SCREENSHOTS"):
        Path(folder).mkdir(parents=True, exist_ok=True)
        fit(page)
        page.wait_for_timeout(1000)
        page.screenshot(path=Path(folder) / f"{name}.png")
