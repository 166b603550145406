"""Picture files, read and written: orientation, modes, metadata and limits.

A picture keeps its own mode, bit depth and metadata, and a JPEG file's blocks that nothing changes keep their
coefficients; `docs/pictures_and_masks.md` has it as a table. Nothing here needs torch, so that pictures can be read
while it starts.
"""

from __future__ import annotations

import importlib.util
import io
import math
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from PIL import ExifTags, Image, features

from rfr_core.errors import HoleError, ImageError
from rfr_core.files import appearing
from rfr_core.images.deep import decode_deep, encode_png, encode_tiff, is_deep, view_of_8_bits
from rfr_core.images.jpeg import (
    JPEGSource,
    changed_blocks,
    coefficients_can_be_kept,
    is_like,
    source_options,
    with_new_blocks,
)
from rfr_core.images.metadata import (
    Extras,
    exif_bytes,
    exif_of,
    extras_of,
    jpeg_segments,
    loaded_exif,
    lost_in,
    matching_profile,
    png_info,
    second_pictures,
    tiff_options,
)
from rfr_core.images.modes import to_supported_mode

DEFAULT_MAX_PIXELS = 128_000_000
MAX_SIDE = 2**20  # Pillow spends a pointer and at least four bytes on every row, however short
DEFAULT_QUALITY = 95  # of JPEG and AVIF files
FORMAT_BY_SUFFIX = {
    ".jpg": "JPEG",
    ".jpeg": "JPEG",
    ".jpe": "JPEG",
    ".jfif": "JPEG",
    ".png": "PNG",
    ".webp": "WEBP",
    ".tif": "TIFF",
    ".tiff": "TIFF",
    ".bmp": "BMP",
}
if features.check("avif"):
    FORMAT_BY_SUFFIX[".avif"] = "AVIF"
READ_FORMATS = ("JPEG", "PNG", "WEBP", "TIFF", "BMP", *(["AVIF"] if features.check("avif") else []))
HEIC_SUFFIXES = (".heic", ".heif")  # read by the package pillow-heif, extra "heic"
# Pictures of kinds that are not read; a folder's are named, so that none is left out without a word.
OTHER_SUFFIXES = frozenset((".gif", ".avif", *HEIC_SUFFIXES, ".jp2", ".j2k", ".jxl", ".psd", ".svg", ".tga", ".ico"))
OTHER_SUFFIXES |= {".exr", ".hdr", ".ppm", ".pgm", ".pbm", ".dng", ".raw", ".cr2", ".cr3", ".nef", ".arw", ".orf"}
_WRITE_MODES = {
    "JPEG": {"1", "L", "RGB", "CMYK"},
    "PNG": {"1", "L", "LA", "P", "RGB", "RGBA", "I;16"},
    "WEBP": {"1", "L", "LA", "RGB", "RGBA"},
    "TIFF": {"1", "L", "LA", "P", "RGB", "RGBA", "I;16", "CMYK"},
    "BMP": {"1", "L", "P", "RGB"},
    "AVIF": {"1", "L", "LA", "RGB", "RGBA"},
}
_LOSSY = ("JPEG", "AVIF")
_OPAQUE = 250  # alpha from which on a picture can go without it
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

    image: PIL image in one of `SUPPORTED_MODES`, or P or 1 where it was read as it is. exif: EXIF block without an
    orientation, or None. icc_profile: the profile's bytes, or None. format: PIL's name of the file format it came from,
    or None. deep: its pixels (H, W, C) uint16, of which `image` is an 8-bit view, or None. extras: other metadata.
    dropped: what the file held that is not here, in words. jpeg: the JPEG file it came from, or None, whose
    coefficients are kept where the pixels are. orientation: EXIF's number of how that file lies.
    """

    image: Image.Image
    exif: bytes | None = None
    icc_profile: bytes | None = None
    format: str | None = None
    deep: np.ndarray | None = field(default=None, compare=False)
    extras: Extras = field(default_factory=Extras)
    dropped: tuple[str, ...] = ()
    jpeg: JPEGSource | None = field(default=None, repr=False, compare=False)
    orientation: int = 1

    @property
    def pixels(self) -> Image.Image | np.ndarray:
        """What is to be filled: the image, or the array of 16 bits."""
        return self.image if self.deep is None else self.deep

    def filled(self, pixels: Image.Image | np.ndarray) -> Picture:
        """The same with other pixels of the kind of `pixels`."""
        if isinstance(pixels, Image.Image):
            return replace(self, image=pixels)
        return replace(self, image=view_of_8_bits(pixels), deep=pixels)


def read_picture(
    path: str | os.PathLike[str],
    *,
    max_pixels: int = DEFAULT_MAX_PIXELS,
    pages: int = 1,
    as_it_is: bool = False,
) -> Picture:
    """Read a JPEG, PNG, WebP, TIFF, BMP or, where Pillow or pillow-heif can, AVIF or HEIC file, upright.

    The size in the header is checked before anything is decoded. EXIF orientation is applied. L, LA, RGB, RGBA,
    I;16 and CMYK stay as they are. Palettes become RGB, or RGBA where they hold transparency, 1-bit becomes L, and
    16 bits a channel in colour are refused; with `as_it_is` palettes and 1-bit stay, and 16-bit colour comes as
    `Picture.deep`. The embedded EXIF thumbnail is dropped: it would show the old picture.

    Raises ImageError: no such file, a folder, another format, damaged or cut short, more than `max_pixels`
    pixels (Pillow's own limit of `2 * Image.MAX_IMAGE_PIXELS` stays in force above it) or `MAX_SIDE` of them in
    a row or column, or more than `pages` frames or pages, of which the first is read.
    """
    path = Path(path)
    with _reading(path), _opened(path) as opened:
        _check_header(opened, path, max_pixels, pages)
        deep = _deep_pixels(opened, path, as_it_is)
        if deep is None:
            opened.load()
        exif = exif_of(opened)  # after load: a PNG may carry it behind the pixels
        orientation = exif.get(ExifTags.Base.Orientation, 1)
        orientation = orientation if orientation in TURN_UPRIGHT else 1
        is_jpeg = opened.format in ("JPEG", "MPO")
        image = _plain(opened if deep is None else view_of_8_bits(deep), orientation, as_it_is, opened.info)
        return Picture(
            image,
            exif_bytes(exif),
            opened.info.get("icc_profile") or None,
            "JPEG" if is_jpeg else opened.format,
            None if deep is None else _turned(deep, orientation),
            extras_of(opened, path),
            second_pictures(opened) if is_jpeg else (),
            JPEGSource(path.read_bytes(), image) if is_jpeg else None,
            orientation,
        )


def read_mask(path: str | os.PathLike[str], *, max_pixels: int = DEFAULT_MAX_PIXELS) -> Image.Image:
    """The picture in a mask file, upright, as `holes.to_hole` takes it.

    Raises HoleError: what `read_picture` raises ImageError for.
    """
    try:
        return read_picture(path, max_pixels=max_pixels).image
    except ImageError as error:
        raise HoleError(f"The mask cannot be read: {error}") from error


def save_picture(picture: Picture, path: str | os.PathLike[str], *, quality: int | None = None) -> Path:
    """Write a picture in the format that the suffix of `path` names, and return the path.

    Metadata is kept where the format holds it; `losses` names what is not. PNG, WebP, TIFF (deflate, or
    uncompressed where EXIF holds a camera's tags) and BMP are written without loss. A JPEG file that was read from
    one keeps the source's quantisation tables, sampling and orientation; its blocks in which no pixel changed keep
    their coefficients (where jpeglib is there, extra "jpeg"). `quality`, 1 to 100, is for other JPEG files, which
    keep full colour resolution, and AVIF; None is 95; given, it has a JPEG file coded anew as well. The file appears
    by rename once it is complete, so that a failure leaves an older file as it was.

    Raises ImageError: unknown suffix, a mode the format cannot hold (transparency in JPEG, say), missing
    folder, or a failed write.
    """
    path = Path(path)
    format_name = format_for(path)
    _check_writable(picture, format_name, path)
    if quality is not None and not 1 <= quality <= 100:
        raise ImageError(f"Quality is {quality}; expected a number from 1 to 100, such as 95.")
    try:
        data = _encoded(picture, format_name, quality)
        with appearing(path) as file:
            file.write(data)
    except Exception as error:  # encoders, too, fail with errors of every class
        raise ImageError(f"{path} could not be written: {error}. Check the folder and its free space.") from error
    return path


def losses(picture: Picture, path: str | os.PathLike[str]) -> tuple[str, ...]:
    """What a file of that name will lack of what the picture's own file held, in words."""
    format_name, profile, dpi = format_for(path), picture.icc_profile, "dpi" in picture.image.info
    lost = lost_in(format_name, picture.extras, picture.exif, profile, dpi)
    if profile and not matching_profile(profile, _for_format(picture.image, format_name).mode):
        lost = tuple(dict.fromkeys((*lost, "the colour profile")))
    return picture.dropped + lost


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
    _check_writable(picture, format_for(path), path)


def picture_paths(folder: str | os.PathLike[str], *, deep: bool = False) -> list[Path]:
    """The files of a folder that are pictures by their suffix, sorted; hidden ones are left out.

    deep: whether to look in its subfolders too. Raises OSError when there is no such folder.
    """
    return [path for path in _files(folder, deep) if path.suffix.lower() in readable_suffixes()]


def other_pictures(folder: str | os.PathLike[str]) -> list[Path]:
    """The files of a folder that are pictures of kinds that are not read, by their suffix, sorted."""
    known = OTHER_SUFFIXES.difference(readable_suffixes())
    return [path for path in _files(folder, False) if path.suffix.lower() in known]


def readable_suffixes() -> tuple[str, ...]:
    return (*FORMAT_BY_SUFFIX, *(HEIC_SUFFIXES if _heic_is_read() else ()))


def _files(folder: str | os.PathLike[str], deep: bool) -> list[Path]:
    folder = Path(folder)
    folder.stat()  # rglob finds nothing, without a word, where nothing is
    paths = folder.rglob("*") if deep else folder.iterdir()
    return sorted(path for path in paths if path.name[0] != "." and path.is_file())


def _heic_is_read() -> bool:
    return importlib.util.find_spec("pillow_heif") is not None


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
        raise ImageError(_unknown(path)) from error
    except Exception as error:  # decoders meet damaged files with errors of every class
        raise ImageError(f"{path} is damaged or cut short ({error}); get the file anew.") from error


def _opened(path: Path) -> Image.Image:
    if path.is_dir():
        raise ImageError(f"{path} is a folder; expected a picture file: name one inside it.")
    if path.suffix.lower() in HEIC_SUFFIXES and _heic_is_read():
        from pillow_heif import register_heif_opener

        register_heif_opener()
        return Image.open(path, formats=(*READ_FORMATS, "HEIF"))
    return Image.open(path, formats=READ_FORMATS)


def _unknown(path: Path) -> str:
    """The sentence for a file that is of no format that is read."""
    suffix = path.suffix.lower()
    if suffix in HEIC_SUFFIXES and not _heic_is_read():
        return f"{path} is a HEIC file; to read it install pillow-heif, or save it as JPEG."
    if suffix == ".avif" and not features.check("avif"):
        return f"{path} is an AVIF file; to read it install Pillow 11.3 or later, or save it as PNG."
    return f"{path} is of no format that is read here; expected a JPEG, PNG, WebP, TIFF, BMP or AVIF file."


def _deep_pixels(opened: Image.Image, path: Path, wanted: bool) -> np.ndarray | None:
    """The pixels of a file with 16 bits in each of several channels; ImageError where they cannot be kept."""
    if not is_deep(opened):
        return None
    if not wanted:
        raise ImageError(f"{path} has 16 bits a channel in colour, which would be lost here; save it with 8 first.")
    pixels = decode_deep(lambda: _opened(path))
    if pixels is None:
        raise ImageError(f"{path} has 16 bits a channel in an unusual layout; save it as 16-bit RGB or RGBA first.")
    return pixels


def _turned(pixels: np.ndarray, orientation: int) -> np.ndarray:
    """The same as `TURN_UPRIGHT`, of an array (H, W, C)."""
    turns = {
        2: lambda p: p[:, ::-1],
        3: lambda p: p[::-1, ::-1],
        4: lambda p: p[::-1],
        5: lambda p: p.swapaxes(0, 1),
        6: lambda p: np.rot90(p, -1),
        7: lambda p: p[::-1, ::-1].swapaxes(0, 1),
        8: lambda p: np.rot90(p, 1),
    }
    return np.ascontiguousarray(turns[orientation](pixels)) if orientation in turns else pixels


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


def _plain(opened: Image.Image, orientation: int, as_it_is: bool, info: dict[Any, Any]) -> Image.Image:
    """An upright image, tied to no file, with no metadata but its resolution and a palette's transparency."""
    image = opened if as_it_is and _stays(opened) else to_supported_mode(opened)
    if orientation in TURN_UPRIGHT:
        image = image.transpose(TURN_UPRIGHT[orientation])
    elif image is opened:
        image = image.copy()
    kept = ("dpi", "transparency") if image.mode == "P" else ("dpi",)
    image.info = {name: info[name] for name in kept if name in info}
    return image


def _stays(image: Image.Image) -> bool:
    return image.mode == "P" or (image.mode == "1" and "transparency" not in image.info)


def _check_writable(picture: Picture, format_name: str, path: Path) -> None:
    if path.is_dir():
        raise ImageError(f"{path} is a folder; expected the name of a file to write.")
    if not path.parent.is_dir():
        raise ImageError(f"The folder {path.parent} does not exist; create it first.")
    if picture.deep is not None and format_name not in ("PNG", "TIFF"):
        raise ImageError(f"{path}: {format_name} cannot hold 16 bits a channel; save as PNG (.png) or TIFF (.tif).")
    image = picture.image
    mode = image.mode
    if mode == "P":
        mode = "RGBA" if "transparency" in image.info else "RGB"
    if mode in _WRITE_MODES[format_name]:
        return
    if mode in ("LA", "RGBA"):
        if image.mode != "P" and int(np.asarray(image.getchannel("A")).min()) >= _OPAQUE:
            return
        raise ImageError(f"{path}: {format_name} cannot hold transparency; save as PNG (.png) instead.")
    if mode == "I;16":
        raise ImageError(f"{path}: {format_name} cannot hold 16-bit gray; save as PNG (.png) instead.")
    if mode == "CMYK":
        raise ImageError(f"{path}: {format_name} cannot hold CMYK; save as TIFF (.tif) or JPEG (.jpg).")
    raise ImageError(f"{path}: {format_name} cannot hold mode {mode}; convert it to RGB first.")


def _for_format(image: Image.Image, format_name: str) -> Image.Image:
    """The image in a mode that the format holds."""
    if image.mode == "P" and (format_name not in ("PNG", "BMP", "TIFF") or "transparency" in image.info):
        if format_name == "PNG":
            return image
        image = image.convert("RGBA" if "transparency" in image.info else "RGB")
    if image.mode in ("LA", "RGBA") and image.mode not in _WRITE_MODES[format_name]:
        return image.convert(image.mode[:-1])
    if format_name in ("WEBP", "AVIF") and image.mode not in ("RGB", "RGBA"):
        return image.convert("RGBA" if image.mode == "LA" else "RGB")
    if format_name == "JPEG" and image.mode == "1":
        return image.convert("L")
    return image


def _encoded(picture: Picture, format_name: str, quality: int | None) -> bytes:
    """The bytes of the file."""
    image = _for_format(picture.image, format_name)
    options = _save_options(picture, image, format_name)
    if picture.deep is not None:
        return (encode_png if format_name == "PNG" else encode_tiff)(picture.deep, options)
    if format_name == "JPEG" and picture.jpeg is not None and quality is None:
        kept = _as_the_source(picture, picture.jpeg, image, options)
        if kept is not None:
            return kept
    if format_name in _LOSSY:
        options |= {"quality": quality or DEFAULT_QUALITY}
    if format_name == "JPEG":
        options |= {"subsampling": 0}
    elif format_name == "AVIF":
        options |= {"subsampling": "4:4:4"}
    elif format_name == "WEBP":
        options |= {"lossless": True, "exact": True}  # exact: colours under transparent pixels stay
    return _written(image, format_name, options)


def _written(image: Image.Image, format_name: str, options: dict[str, Any]) -> bytes:
    file = io.BytesIO()
    image.save(file, format=format_name, **options)
    return file.getvalue()


def _as_the_source(picture: Picture, source: JPEGSource, image: Image.Image, options: dict[str, Any]) -> bytes | None:
    """A JPEG file as the one the picture came from; None where the picture is not a fill of that one."""
    stored = _laid_down(image, picture.orientation)
    if not is_like(stored, source.data):
        return None
    if picture.orientation != 1:
        exif = loaded_exif(picture.exif)
        exif[ExifTags.Base.Orientation] = picture.orientation
        options = options | {"exif": exif.tobytes()}
    code = partial(_written, format_name="JPEG", options=options | source_options(source.data))
    if not coefficients_can_be_kept():
        return code(stored)
    # One that was changed in place says nothing of how it was read.
    before = None if source.shown is picture.image else source.shown
    before = None if before is None else _laid_down(before, picture.orientation)
    return with_new_blocks(stored, source, changed_blocks(stored, source.data, before), code) or code(stored)


def _laid_down(image: Image.Image, orientation: int) -> Image.Image:
    """An upright image as a file of that orientation stores it."""
    back = {6: Image.Transpose.ROTATE_90, 8: Image.Transpose.ROTATE_270}.get(orientation)
    turn = back or TURN_UPRIGHT.get(orientation)
    return image if turn is None else image.transpose(turn)


def _save_options(picture: Picture, image: Image.Image, format_name: str) -> dict[str, Any]:
    """The metadata, as Pillow's writer of the format takes it."""
    options: dict[str, Any] = {}
    dpi = picture.image.info.get("dpi", ())
    if len(dpi) == 2 and all(math.isfinite(x) and x > 0 for x in dpi) and format_name not in ("WEBP", "AVIF"):
        options["dpi"] = dpi
    if format_name == "BMP":
        return options
    # Named even when empty: some of Pillow's writers fall back on what they find in image.info.
    options["icc_profile"] = matching_profile(picture.icc_profile, image.mode)
    exif = loaded_exif(picture.exif)
    if format_name == "TIFF":
        return options | tiff_options(exif, picture.extras)
    options["exif"] = exif_bytes(exif) or b""
    if format_name == "PNG":
        options["pnginfo"] = png_info(picture.extras)
    elif format_name == "JPEG":
        options |= {"extra": jpeg_segments(picture.extras), "comment": picture.extras.comment or b""}
    elif picture.extras.xmp:
        options["xmp"] = picture.extras.xmp
    return options
