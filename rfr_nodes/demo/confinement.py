"""Which names of files are within a folder."""

from __future__ import annotations

from pathlib import Path


def within(name: str, root: Path) -> bool:
    """Whether a name, links followed, is a place within ``root``.

    Names of other machines (``\\\\host\\share``, ``//host/share``) are refused before they are resolved, since
    Windows would ask that machine.
    """
    if "\0" in name or name.replace("\\", "/").startswith("//"):
        return False
    try:
        return Path(name).resolve().is_relative_to(root.resolve())
    except (OSError, ValueError, RuntimeError):  # names too long, loops of links
        return False
