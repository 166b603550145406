"""What a picture file carries beside its pixels: EXIF, XMP, IPTC, resolution, colour profile, texts."""

from __future__ import annotations

import re
import warnings
from collections.abc import MutableMapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import ExifTags, Image, PngImagePlugin

from rfr_core.images.deep import png_chunks
from rfr_core.images.jpeg import segment

_PROFILE_SPACE = {"L": b"GRAY", "LA": b"GRAY", "I;16": b"GRAY", "1": b"GRAY", "CMYK": b"CMYK"}
# Tags that describe how the pixels lay in the file they came from (a TIFF keeps them beside the camera's):
# wrong in any other file. XMP (700) and Photoshop's block (34377) repeat the orientation or a thumbnail.
_LAYOUT_TAGS = frozenset(
    (*range(254, 260), 262, 266, 273, 274, 277, 278, 279, 284, 292, 293, 297, 317, 320, *range(322, 326))
) | {330, 338, 339, 347, 513, 514, *range(529, 533), 700, 34377, 34675}
_EXIF_BLOCKS = frozenset((ExifTags.IFD.Exif, ExifTags.IFD.GPSInfo))
# What Pillow's compressed TIFF writer takes; it fails on EXIF's own blocks, and an unusual tag may crash it.
_COMPRESSIBLE_TAGS = frozenset((270, 271, 272, 282, 283, 296, 305, 306, 315, 316, 33432))


# PNG chunks that are kept as they are: how colours are meant, and texts.
_COLOUR_CHUNKS = (b"gAMA", b"cHRM", b"sRGB", b"cICP", b"mDCV", b"cLLI")
_TEXT_CHUNKS = (b"tEXt", b"zTXt", b"iTXt")
_XMP_NAME = b"XML:com.adobe.xmp\0"
# What XMP says about the orientation and about a gain map is wrong once pixels were turned or the map has gone.
_STALE_XMP = re.compile(
    rb'\s(?:tiff:Orientation|hdrgm:\w+)="[^"]*"'
    rb"|<(tiff:Orientation|Container:Directory|GContainer:Directory)\b.*?</\1>"
    rb"|<xmp:Thumbnails\b.*?</xmp:Thumbnails>",
    re.DOTALL,
)


@dataclass(frozen=True)
class Extras:
    """Metadata beside EXIF and the colour profile, None or empty where there is none.

    xmp: the packet. iptc: Photoshop's block, with IPTC in it. comment: of a JPEG file. chunks: names and bodies of a
    PNG file's chunks that say how colours are meant, and of its texts.
    """

    xmp: bytes | None = None
    iptc: bytes | None = None
    comment: bytes | None = None
    chunks: tuple[tuple[bytes, bytes], ...] = ()


def extras_of(opened: Image.Image, path: Path) -> Extras:
    """The extras of a file that was opened and loaded."""
    xmp = opened.info.get("xmp")
    if opened.format == "TIFF":
        tags = getattr(opened, "tag_v2", {})
        return Extras(_stripped(xmp or tags.get(700)), _as_bytes(tags.get(34377)))
    if opened.format == "PNG":
        chunks = [(name, body) for name, body in png_chunks(path.read_bytes()) if _is_kept(name, body)]
        return Extras(_stripped(xmp), chunks=tuple(chunks))
    blocks = [body for name, body in getattr(opened, "applist", []) if name == "APP13"]
    comment = opened.info.get("comment") if opened.format in ("JPEG", "MPO") else None
    return Extras(_stripped(xmp), b"".join(blocks) or None, comment)


def _is_kept(name: bytes, body: bytes) -> bool:
    return name in _COLOUR_CHUNKS or (name in _TEXT_CHUNKS and not body.startswith(_XMP_NAME))


def _as_bytes(value: object) -> bytes | None:
    return bytes(value) if isinstance(value, (bytes, tuple)) else None


def _stripped(xmp: object) -> bytes | None:
    xmp = xmp.encode() if isinstance(xmp, str) else _as_bytes(xmp)
    return _STALE_XMP.sub(b"", xmp) if xmp else None


def second_pictures(opened: Image.Image) -> tuple[str, ...]:
    """What a JPEG file holds behind its picture, in words."""
    if b"hdrgm:" in (opened.info.get("xmp") or b"") or b"urn:iso:std:iso:ts:21496" in _application_data(opened):
        return ("the gain map (HDR)",)
    return ("the second picture (MPO)",) if getattr(opened, "n_frames", 1) > 1 else ()


def _application_data(opened: Image.Image) -> bytes:
    return b"".join(body[:64] for _, body in getattr(opened, "applist", []))


def lost_in(format_name: str, extras: Extras, exif: bytes | None, profile: bytes | None, dpi: bool) -> tuple[str, ...]:
    """Names of what a file of that format does not hold of a picture's metadata."""
    names = {name for name, _ in extras.chunks}
    held = _HELD[format_name]
    found = {
        "EXIF": bool(exif),
        "the colour profile": bool(profile),
        "XMP": bool(extras.xmp),
        "IPTC": bool(extras.iptc),
        "the comment": bool(extras.comment),
        "the resolution (dpi)": dpi,
        "PNG colour chunks": bool(names.intersection(_COLOUR_CHUNKS) - {b"sRGB"}),
        "PNG texts": bool(names.intersection(_TEXT_CHUNKS)),
    }
    return tuple(name for name, there in found.items() if there and name not in held)


_HELD = {
    "JPEG": {"EXIF", "the colour profile", "XMP", "IPTC", "the comment", "the resolution (dpi)"},
    "PNG": {"EXIF", "the colour profile", "XMP", "the resolution (dpi)", "PNG colour chunks", "PNG texts"},
    "WEBP": {"EXIF", "the colour profile", "XMP"},
    "AVIF": {"EXIF", "the colour profile", "XMP"},
    "TIFF": {"EXIF", "the colour profile", "XMP", "IPTC", "the resolution (dpi)"},
    "BMP": {"the resolution (dpi)"},
}


def png_info(extras: Extras) -> PngImagePlugin.PngInfo:
    info = PngImagePlugin.PngInfo()
    for name, body in extras.chunks:
        info.add(name, body)
    if extras.xmp:
        info.add_itxt("XML:com.adobe.xmp", extras.xmp.decode("utf-8", "replace"))
    return info


def jpeg_segments(extras: Extras) -> bytes:
    """XMP and IPTC as segments of a JPEG file."""
    xmp = segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0" + extras.xmp) if extras.xmp else b""
    return xmp + (segment(0xED, extras.iptc) if extras.iptc else b"")


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


def tiff_options(exif: Image.Exif, extras: Extras) -> dict[str, Any]:
    for tag, value in ((700, extras.xmp), (34377, extras.iptc)):
        if value:
            exif[tag] = value
    # Compression yields to metadata: both cannot be had from Pillow.
    compression = "tiff_adobe_deflate" if _COMPRESSIBLE_TAGS.issuperset(exif) else "raw"
    return {"compression": compression, "exif": exif}


def matching_profile(profile: bytes | None, mode: str) -> bytes | None:
    """The profile, if it is for this mode: viewers show wrong colours with that of another colour space."""
    if not profile or profile[16:20] not in (b"GRAY", b"RGB ", b"CMYK"):
        return profile or None
    return profile if profile[16:20] == _PROFILE_SPACE.get(mode, b"RGB ") else None
