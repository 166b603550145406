"""Takes ``docs/demo.png``: the demo with the bundled weights, on its first example.

Run it from the repository's root: ``python tests/browser/screenshot.py``.
"""

from __future__ import annotations

import io
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from PIL import Image

from browser.demo import REPOSITORY, Visitor, browser, start_demo

TARGET = REPOSITORY / "docs" / "demo.png"


def main() -> None:
    """Opens the example, removes what its mask marks, and takes the picture."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder, browser() as chromium:
        demo = start_demo([], Path(folder))
        context = chromium.new_context(viewport={"width": 1280, "height": 940})
        context.set_default_timeout(300_000)
        visitor = Visitor(context.new_page(), demo.url)
        visitor.page.locator("#examples button").first.click()
        visitor.page.locator("#painter [data-ready]").wait_for()
        visitor.remove()
        visitor.page.locator("#download:not([disabled])").wait_for()
        visitor.page.mouse.move(0, 0)
        visitor.page.wait_for_timeout(1000)
        with Image.open(io.BytesIO(visitor.page.screenshot())) as shot:
            shot.convert("RGB").quantize(256).save(TARGET, optimize=True)  # a third of the bytes, and looks the same


if __name__ == "__main__":
    main()
