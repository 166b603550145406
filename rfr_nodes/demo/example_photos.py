"""Photos to try, each with a mask: pairs ``name.jpg`` and ``name_mask.png`` in a folder, credited in its README."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).resolve().parents[2] / "examples"

_PHOTOS = (".jpg", ".jpeg", ".png", ".webp")


@dataclass(frozen=True)
class Example:
    """A photo, the mask of what may go from it, and the photo's source and licence in Markdown."""

    photo: Path
    mask: Path
    credit: str


def find_examples(folder: Path = FOLDER) -> list[Example]:
    """The examples in a folder by name; none where there is no such folder, as when the package was installed."""
    if not folder.is_dir():
        return []
    credits = _credits(folder / "README.md")
    photos = sorted(path for path in folder.iterdir() if path.suffix.lower() in _PHOTOS)
    pairs = ((photo, photo.with_name(f"{photo.stem}_mask.png")) for photo in photos)
    return [Example(photo, mask, credits.get(photo.name, "")) for photo, mask in pairs if mask.is_file()]


def _credits(readme: Path) -> dict[str, str]:
    """The last column of the README's table, by the picture that its first one names."""
    lines = readme.read_text("utf-8").splitlines() if readme.is_file() else []
    rows = ([cell.strip() for cell in line.strip("| ").split("|")] for line in lines if line.startswith("| `"))
    return {row[0].strip("`"): row[-1] for row in rows}
