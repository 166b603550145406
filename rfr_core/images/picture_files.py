"""Picture files, read and written: orientation, modes, metadata and limits.

A picture keeps its own mode, bit depth, EXIF and ICC profile. Nothing here needs torch, so that pictures can be read
while it starts.
"""

from __future__ import annotations

import math
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import ExifTags, Image

from rfr_core.errors import HoleError, ImageError
from rfr_core.files import appearing
from rfr_core.images.metadata import exif_bytes, exif_of, loaded_exif, matching_profile, tiff_options
from rfr_core.images.modes import to_supported_mode

DEFAULT_MAX_PIXELS = 128_000_000
MAX_SIDE = 2**20  # Pillow spends a pointer and at least four bytes on every row, however short
READ_FORMATS = ("JPEG", "PNG", "WEBP", "TIFF", "BMP")
FORMAT_BY_SUFFIX = {
    ".jpg": "JPEG",
    ".jpeg": "JPEG",
    ".png": "PNG",
    ".webp": "WEBP",
    ".tif": "TIFF",
    ".tiff": "TIFF",
    ".bmp": "BMP",
}
_WRITE_MODES = {
    "JPEG": {"1", "L", "RGB", "CMYK"},
    "PNG": {"1", "L", "LA", "RGB", "RGBA", "I;16"},
    "WEBP": {"1", "L", "LA", "RGB", "RGBA"},
    "TIFF": {"1", "L", "LA", "RGB", "RGBA", "I;16", "CMYK"},
    "BMP": {"1", "L", "RGB"},
}
TURN_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


@dataclass(frozen=True)
class Picture:
    """A decoded, upright picture and the metadata that belongs to its file.

    image: PIL image in one of `SUPPORTED_MODES`. exif: EXIF block without an orientation, or None.
    icc_profile: the profile's bytes, or None. format: PIL's name of the file format it came from, or None.
    """

    image: Image.Image
    exif: bytes | None = None
    icc_profile: bytes | None = None
    format: str | None = None


def read_picture(path: str | os.PathLike[str], *, max_pixels: int = DEFAULT_MAX_PIXELS, pages: int = 1) -> Picture:
    """Read a JPEG, PNG, WebP, TIFF or BMP file, upright.

    The size in the header is checked before anything is decoded. EXIF orientation is applied. Palettes become
    RGB, or RGBA where they hold transparency; 1-bit becomes L; L, LA, RGB, RGBA, I;16 and CMYK stay as they
    are (Pillow itself reads 16-bit *colour* as 8-bit). The embedded EXIF thumbnail is dropped: it would show
    the old picture.

    Raises ImageError: no such file, a folder, another format, damaged or cut short, more than `max_pixels`
    pixels (Pillow's own limit of `2 * Image.MAX_IMAGE_PIXELS` stays in force above it) or `MAX_SIDE` of them in
    a row or column, or more than `pages` frames or pages, of which the first is read.
    """
    path = Path(path)
    with _reading(path), _opened(path) as opened:
        _check_header(opened, path, max_pixels, pages)
        opened.load()
        exif = exif_of(opened)  # after load: a PNG may carry it behind the pixels
        orientation = exif.get(ExifTags.Base.Orientation, 1)
        profile = opened.info.get("icc_profile") or None
        format_name = "JPEG" if opened.format == "MPO" else opened.format
        return Picture(_plain(opened, orientation), exif_bytes(exif), profile, format_name)


def read_mask(path: str | os.PathLike[str], *, max_pixels: int = DEFAULT_MAX_PIXELS) -> Image.Image:
    """The picture in a mask file, upright, as `holes.to_hole` takes it.

    Raises HoleError: what `read_picture` raises ImageError for.
    """
    try:
        return read_picture(path, max_pixels=max_pixels).image
    except ImageError as error:
        raise HoleError(f"the mask cannot be read: {error}") from error


def save_picture(picture: Picture, path: str | os.PathLike[str], *, quality: int = 95) -> Path:
    """Write a picture in the format that the suffix of `path` names, and return the path.

    EXIF (orientation reset) and ICC profile are kept where the format holds them (BMP holds neither). PNG,
    WebP, TIFF (deflate, or uncompressed where EXIF holds a camera's tags) and BMP are written without loss;
    `quality`, 1 to 100, is for JPEG, which keeps full colour resolution. The file appears by rename once it
    is complete, so that a failure leaves an older file as it was.

    Raises ImageError: unknown suffix, a mode the format cannot hold (transparency in JPEG, say), missing
    folder, or a failed write.
    """
    path = Path(path)
    format_name = format_for(path)
    _check_writable(picture.image, format_name, path)
    if not 1 <= quality <= 100:
        raise ImageError(f"quality is {quality}; expected a number from 1 to 100, such as 95.")
    image = _for_format(picture.image, format_name)
    options = _save_options(picture, image, format_name, quality)
    try:
        with appearing(path) as file:
            image.save(file, format=format_name, **options)
    except Exception as error:  # encoders, too, fail with errors of every class
        raise ImageError(f"{path} could not be written: {error}. Check the folder and its free space.") from error
    return path


def format_for(path: str | os.PathLike[str]) -> str:
    """PIL's name of the format that a file name's suffix stands for; raises ImageError for an unknown suffix."""
    path = Path(path)
    suffix = path.suffix.lower()
    if suffix not in FORMAT_BY_SUFFIX:
        known = ", ".join(FORMAT_BY_SUFFIX)
        raise ImageError(f"{path} ends in {suffix or 'no suffix'}; expected one of {known}: rename it.")
    return FORMAT_BY_SUFFIX[suffix]


def check_writable(picture: Picture, path: str | os.PathLike[str]) -> None:
    """Raise the ImageError that `save_picture` would raise for this name, so that no work is done in vain."""
    path = Path(path)
    _check_writable(picture.image, format_for(path), path)


def picture_paths(folder: str | os.PathLike[str], *, deep: bool = False) -> list[Path]:
    """The files of a folder that are pictures by their suffix, sorted; hidden ones are left out.

    deep: whether to look in its subfolders too. Raises OSError when there is no such folder.
    """
    folder = Path(folder)
    folder.stat()  # rglob finds nothing, without a word, where nothing is
    paths = folder.rglob("*") if deep else folder.iterdir()
    return sorted(p for p in paths if p.suffix.lower() in FORMAT_BY_SUFFIX and p.name[0] != "." and p.is_file())


@contextmanager
def _reading(path: Path) -> Iterator[None]:
    """Turn whatever goes wrong while reading `path` into one sentence."""
    try:
        with warnings.catch_warnings():
            # Pillow warns from 89 megapixels on, where this library's own limit decides, and of odd metadata.
            warnings.simplefilter("ignore")
            yield
    except ImageError:
        raise
    except FileNotFoundError as error:
        raise ImageError(f"{path} does not exist; expected a picture file: check the path.") from error
    except PermissionError as error:
        raise ImageError(f"{path} may not be read; check the file's permissions.") from error
    except Image.DecompressionBombError as error:
        raise ImageError(f"{path} is too large: {error} Scale the picture down first.") from error
    except MemoryError as error:
        raise ImageError(f"{path} does not fit into the memory that is left; scale the picture down first.") from error
    except Image.UnidentifiedImageError as error:
        raise ImageError(f"{path} is not a picture; expected a JPEG, PNG, WebP, TIFF or BMP file.") from error
    except Exception as error:  # decoders meet damaged files with errors of every class
        raise ImageError(f"{path} is damaged or cut short ({error}); get the file anew.") from error


def _opened(path: Path) -> Image.Image:
    if path.is_dir():
        raise ImageError(f"{path} is a folder; expected a picture file: name one inside it.")
    return Image.open(path, formats=READ_FORMATS)


def _check_header(opened: Image.Image, path: Path, max_pixels: int, pages: int) -> None:
    width, height = opened.size
    if width * height > max_pixels:
        raise ImageError(
            f"{path} is {width}×{height} pixels; expected at most {max_pixels / 1e6:g} megapixels: scale it down first."
        )
    if max(width, height) > MAX_SIDE:
        raise ImageError(f"{path} is {width}×{height} pixels; expected sides of at most {MAX_SIDE:,}: crop it first.")
    frames = getattr(opened, "n_frames", 1)
    if frames > pages and opened.format != "MPO":  # phones' JPEGs: the picture first, then a depth map or a preview
        raise ImageError(f"{path} holds {frames} frames or pages; expected one picture: save one on its own.")


def _plain(opened: Image.Image, orientation: object) -> Image.Image:
    """An upright image of a supported mode, tied to no file, with no metadata but its resolution."""
    image = to_supported_mode(opened)
    if orientation in TURN_UPRIGHT:
        image = image.transpose(TURN_UPRIGHT[orientation])  # type: ignore[index]
    elif image is opened:
        image = image.copy()
    image.info = {"dpi": opened.info["dpi"]} if "dpi" in opened.info else {}
    return image


def _check_writable(image: Image.Image, format_name: str, path: Path) -> None:
    if path.is_dir():
        raise ImageError(f"{path} is a folder; expected the name of a file to write.")
    if not path.parent.is_dir():
        raise ImageError(f"the folder {path.parent} does not exist; create it first.")
    if image.mode in _WRITE_MODES[format_name]:
        return
    if image.mode in ("LA", "RGBA"):
        raise ImageError(f"{path}: {format_name} cannot hold transparency; save as PNG (.png) instead.")
    if image.mode == "I;16":
        raise ImageError(f"{path}: {format_name} cannot hold 16-bit gray; save as PNG (.png) instead.")
    if image.mode == "CMYK":
        raise ImageError(f"{path}: {format_name} cannot hold CMYK; save as TIFF (.tif) or JPEG (.jpg).")
    raise ImageError(f"{path}: {format_name} cannot hold mode {image.mode}; convert it to RGB first.")


def _for_format(image: Image.Image, format_name: str) -> Image.Image:
    if format_name == "WEBP" and image.mode not in ("RGB", "RGBA"):
        return image.convert("RGBA" if image.mode == "LA" else "RGB")
    if format_name == "JPEG" and image.mode == "1":
        return image.convert("L")
    return image


def _save_options(picture: Picture, image: Image.Image, format_name: str, quality: int) -> dict[str, Any]:
    if format_name == "BMP":
        return {}
    # Named even when empty: some of Pillow's writers fall back on what they find in image.info.
    options: dict[str, Any] = {"icc_profile": matching_profile(picture.icc_profile, image.mode)}
    dpi = picture.image.info.get("dpi", ())
    if len(dpi) == 2 and all(math.isfinite(x) and x > 0 for x in dpi):
        options["dpi"] = dpi
    exif = loaded_exif(picture.exif)
    if format_name == "TIFF":
        options |= tiff_options(exif)
    else:
        options["exif"] = exif_bytes(exif) or b""
    if format_name == "JPEG":
        options |= {"quality": quality, "subsampling": 0}
    elif format_name == "WEBP":
        options |= {"lossless": True, "exact": True}  # exact: colours under transparent pixels stay
    return options
