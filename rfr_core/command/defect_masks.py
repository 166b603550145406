"""``rfr mask``: the defects of pictures, written as masks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from rfr_core.command.batch import make_folder
from rfr_core.command.marking import DefectSearch
from rfr_core.defects.scans import PAGES
from rfr_core.errors import ImageError, RFRError
from rfr_core.images.picture_files import (
    FORMAT_BY_SUFFIX,
    Picture,
    format_for,
    picture_paths,
    read_picture,
    save_picture,
)
from rfr_core.images.values import to_bytes

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class MaskOutcome:
    """How one mask ended. ratio: the share of the picture that it marks; error: one sentence when it failed."""

    image: Path
    out: Path
    ratio: float = 0.0
    error: str | None = None


def plan_masks(image: Path, out: Path) -> list[tuple[Path, Path]]:
    """Which picture gives which mask: of a folder, PNG files of the pictures' names in the folder ``out``.

    Raises ImageError: no such picture, a folder without pictures, or masks that would replace pictures.
    """
    if not image.exists():
        raise ImageError(f"The picture {image} does not exist; check the path.")
    if not image.is_dir():
        out = out / f"{image.stem}.png" if out.is_dir() else out
        _check_out(out, image)
        return [(image, out)]
    if out.is_file() or (not out.exists() and out.suffix.lower() in FORMAT_BY_SUFFIX):
        raise ImageError(f"{image} is a folder, but {out} names a file; give a folder for the masks.")
    if image.resolve() == out.resolve():
        raise ImageError(f"The masks would lie in {image} among the pictures; choose another folder.")
    return [(path, out / f"{path.stem}.png") for path in _pictures(image)]


def write_masks(plan: Sequence[tuple[Path, Path]], search: DefectSearch, grow: int) -> Iterator[MaskOutcome]:
    """Searches the pictures one after another; one that cannot be used is told of, and the others go on."""
    for image, out in plan:
        try:
            picture = read_picture(image, pages=PAGES)
            yield MaskOutcome(image, out, _save(search.hole(picture.image, image), out, grow))
        except RFRError as error:
            text = str(error)
            yield MaskOutcome(image, out, error=text if str(image) in text else f"{image}: {text}")


def write_common_mask(folder: Path, out: Path, sensitivity: float, grow: int) -> tuple[MaskOutcome, int, int]:
    """One mask of what the pictures of a folder share. Returns how it ended, how many were compared, and of how many.

    Pictures of another size than most are left out. Raises ImageError: no folder, too few pictures of one size, or one
    that cannot be read.
    """
    from rfr_core.defects.shared import SharedDefects
    from rfr_core.images.pixels import to_tensor

    if not folder.is_dir():
        raise ImageError(f"{folder} is no folder of pictures; what pictures share needs several of them.")
    _check_out(out, folder)
    paths = _pictures(folder)
    sizes = {path: read_picture(path).image.size for path in paths}
    usual = Counter(sizes.values()).most_common(1)[0][0]
    shared = SharedDefects()
    for path in (path for path in paths if sizes[path] == usual):
        shared.add(to_tensor(read_picture(path).image))
    return MaskOutcome(folder, out, _save(shared.hole(sensitivity), out, grow)), shared.count, len(paths)


def _pictures(folder: Path) -> list[Path]:
    paths = picture_paths(folder)
    if not paths:
        raise ImageError(f"The folder {folder} holds no pictures; expected {', '.join(FORMAT_BY_SUFFIX)}.")
    return paths


def _check_out(out: Path, source: Path) -> None:
    format_for(out)
    if out.exists() and (out.resolve() == source.resolve() or out.samefile(source)):
        raise ImageError(f"The mask would replace {source}; choose another name for it.")


def _save(hole: Tensor, out: Path, pixels: int) -> float:
    """Writes a hole, grown, in black and white; returns the share that is white."""
    from PIL import Image

    from rfr_core.holes.shaping import grow

    hole = grow(hole.float(), pixels)
    make_folder(out.parent)
    values = to_bytes(hole[0, 0]).numpy()
    save_picture(Picture(Image.fromarray(values)), out)
    return float(hole.mean())
