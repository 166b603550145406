"""The version, from pyproject.toml alone: as it was installed, or as it stands in a checkout."""

from __future__ import annotations

import re
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path


def project_version() -> str:
    """Such as "0.2.0"; "0+unknown" where neither an installation nor a checkout tells."""
    try:
        return version("rfr-inpainting")
    except PackageNotFoundError:  # a checkout that is not installed, such as a node pack
        project = Path(__file__).parents[1] / "pyproject.toml"
        found = re.search(r'^version = "(.+)"$', project.read_text("utf-8"), re.MULTILINE) if project.exists() else None
        return found[1] if found else "0+unknown"
