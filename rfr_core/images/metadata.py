"""What a picture file carries beside its pixels: EXIF, resolution, colour profile."""

from __future__ import annotations

import warnings
from collections.abc import MutableMapping
from typing import Any

from PIL import ExifTags, Image

_PROFILE_SPACE = {"L": b"GRAY", "LA": b"GRAY", "I;16": b"GRAY", "1": b"GRAY", "CMYK": b"CMYK"}
# Tags that describe how the pixels lay in the file they came from (a TIFF keeps them beside the camera's):
# wrong in any other file. XMP (700) and Photoshop's block (34377) repeat the orientation or a thumbnail.
_LAYOUT_TAGS = frozenset(
    (*range(254, 260), 262, 266, 273, 274, 277, 278, 279, 284, 292, 293, 297, 317, 320, *range(322, 326))
) | {330, 338, 339, 347, 513, 514, *range(529, 533), 700, 34377, 34675}
_EXIF_BLOCKS = frozenset((ExifTags.IFD.Exif, ExifTags.IFD.GPSInfo))
# What Pillow's compressed TIFF writer takes; it fails on EXIF's own blocks, and an unusual tag may crash it.
_COMPRESSIBLE_TAGS = frozenset((270, 271, 272, 282, 283, 296, 305, 306, 315, 316, 33432))


def exif_of(opened: Image.Image) -> Image.Exif:
    try:
        return opened.getexif()
    except Exception:  # a broken EXIF block must not cost the user the picture
        return Image.Exif()


def _portable(exif: Image.Exif) -> Image.Exif:
    """Reduce EXIF to the tags that stay true in any upright file, their text as it was."""
    for tag in _LAYOUT_TAGS.intersection(exif):
        del exif[tag]
    _keep_text(exif)
    for block in _EXIF_BLOCKS.intersection(exif):
        _keep_text(exif.get_ifd(block))
    return exif


def _keep_text(tags: MutableMapping[int, Any]) -> None:
    """Pillow reads text as Latin-1 but writes it as ASCII; its bytes, often UTF-8, pass unchanged."""
    for tag, value in list(tags.items()):
        if isinstance(value, str) and not value.isascii():
            tags[tag] = value.encode("latin-1", "replace")


def exif_bytes(exif: Image.Exif) -> bytes | None:
    try:
        return _portable(exif).tobytes() if len(exif) else None
    except Exception:  # the same: a tag that cannot be written again
        return None


def loaded_exif(data: bytes | None) -> Image.Exif:
    exif = Image.Exif()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            exif.load(data or b"")
            return _portable(exif)
    except Exception:  # as in reading: broken metadata must not cost the user the picture
        return Image.Exif()


def tiff_options(exif: Image.Exif) -> dict[str, Any]:
    # Compression yields to metadata: both cannot be had from Pillow.
    compression = "tiff_adobe_deflate" if _COMPRESSIBLE_TAGS.issuperset(exif) else "raw"
    return {"compression": compression, "exif": exif}


def matching_profile(profile: bytes | None, mode: str) -> bytes | None:
    """The profile, if it is for this mode: viewers show wrong colours with that of another colour space."""
    if not profile or profile[16:20] not in (b"GRAY", b"RGB ", b"CMYK"):
        return profile or None
    return profile if profile[16:20] == _PROFILE_SPACE.get(mode, b"RGB ") else None
