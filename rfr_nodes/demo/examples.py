"""Photos to try, each with a mask: pairs ``name.jpg`` and ``name-mask.png`` in a folder."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).resolve().parents[2] / "examples"

_PHOTOS = (".jpg", ".jpeg", ".png", ".webp")


@dataclass(frozen=True)
class Example:
    """A photo and the mask of what may go from it."""

    photo: Path
    mask: Path


def find_examples(folder: Path = FOLDER) -> list[Example]:
    """The examples in a folder by name; none where there is no such folder, as when the package was installed."""
    if not folder.is_dir():
        return []
    photos = sorted(path for path in folder.rglob("*") if path.suffix.lower() in _PHOTOS)
    pairs = ((photo, photo.with_name(f"{photo.stem}-mask.png")) for photo in photos)
    return [Example(photo, mask) for photo, mask in pairs if mask.is_file()]
