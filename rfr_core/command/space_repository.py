"""A Space for a Hub: the web page with a checkpoint, as three small files."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, requires
from pathlib import Path

from rfr_core.checkpoints.loading import BUNDLED
from rfr_core.version import project_version

_APP = '''"""The web page of rfr-inpainting."""

import os
import sys

from rfr_nodes.demo.__main__ import main

sys.exit(main(["--host", "0.0.0.0", "--port", os.environ.get("PORT", "7860"){model}]))
'''
_REQUIREMENTS = """--extra-index-url https://download.pytorch.org/whl/cpu
rfr-inpainting[demo]=={version}
"""
_README = """---
title: {title}
emoji: 🖌️
colorFrom: blue
colorTo: green
sdk: gradio
sdk_version: {gradio}
app_file: app.py
license: mit
short_description: Remove things from photos with RFR-Net{models}
---
# {title}

Brush over what should go, and press *Remove*. The network is RFR-Net
([Li et al., CVPR 2020](https://arxiv.org/abs/2008.03737)), run by the package `rfr-inpainting` on two CPU cores.
"""


def make_space_repository(checkpoint: str, repo_id: str, folder: Path) -> None:
    """Writes README, app and requirements of a Space that runs the page.

    checkpoint: ``"lite"``, which is in the package, or a Hub repository ``owner/name``.
    """
    bundled = checkpoint == BUNDLED
    title = repo_id.split("/")[1].replace("-", " ")
    models = "" if bundled else f"\nmodels:\n- {checkpoint}"
    folder.mkdir(parents=True, exist_ok=True)
    files = {
        "app.py": _APP.format(model="" if bundled else f', "--model", "{checkpoint}"'),
        "requirements.txt": _REQUIREMENTS.format(version=project_version()),
        "README.md": _README.format(title=title, gradio=_gradio_version(), models=models),
    }
    for name, text in files.items():
        (folder / name).write_text(text, "utf-8")


def _gradio_version() -> str:
    """The lowest version of Gradio that the page takes."""
    try:
        wanted = next(line for line in requires("rfr-inpainting") or [] if line.startswith("gradio"))
    except (PackageNotFoundError, StopIteration):
        return "6.31.0"
    return wanted.split(">=")[1].split(",")[0].split(";")[0].strip() + ".0"
