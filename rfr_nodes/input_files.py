"""Files in the host's input folder, and nowhere else."""

# The host's own modules are there only inside it.
# pyright: reportMissingImports=false
from __future__ import annotations

import hashlib
from pathlib import Path, PurePath

import folder_paths

from rfr_core.errors import HoleError
from rfr_core.images.picture_files import picture_paths

_ANNOTATION = " [input]"  # what the host's mask editor adds to a name


def input_pictures() -> list[str]:
    """The picture files that lie directly in the input folder, as the host's own menus list them."""
    folder = Path(folder_paths.get_input_directory())
    return [file.name for file in picture_paths(folder)]


def input_file(name: str) -> Path:
    """The path of a file in the input folder or a folder below it.

    Raises HoleError: the name leads out of the input folder, or there is no such file.
    """
    relative = PurePath(name.removesuffix(_ANNOTATION))
    if relative.anchor or ".." in relative.parts or "\0" in name:
        raise HoleError(f"{name!r} is not in the input folder; choose a file from the list, or upload one.")
    path = Path(folder_paths.get_input_directory()) / relative
    if not path.is_file():
        raise HoleError(f"There is no file {name!r} in the input folder; choose another, or upload it.")
    return path


def content_fingerprint(path: Path) -> str:
    """The SHA-256 of a file's content."""
    return hashlib.sha256(path.read_bytes()).hexdigest()
