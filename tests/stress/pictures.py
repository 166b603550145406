"""Small real picture files of every kind that is read, and some that are not."""

from __future__ import annotations

import io
from collections.abc import Iterator

import numpy as np
from PIL import ExifTags, Image, ImageCms, PngImagePlugin


def photograph(width: int = 37, height: int = 29, seed: int = 0) -> Image.Image:
    """A smooth picture of many colours."""
    small = np.random.default_rng(seed).integers(0, 256, (5, 6, 3), dtype=np.uint8)
    return Image.fromarray(small).resize((width, height), Image.Resampling.BICUBIC)


def in_mode(image: Image.Image, mode: str) -> Image.Image:
    """A picture in another mode, with varying transparency where it holds any."""
    if mode == "I;16":
        return Image.fromarray(np.asarray(image.convert("L")).astype(np.uint16) * 257)
    if mode in ("LA", "RGBA"):
        result = image.convert(mode)
        result.putalpha(image.getchannel("R"))
        return result
    return image.quantize(16) if mode == "P" else image.convert(mode)


def file_of(image: Image.Image, format_name: str, **options: object) -> bytes:
    """The bytes of the picture's file."""
    file = io.BytesIO()
    image.save(file, format_name, **options)
    return file.getvalue()


def metadata() -> dict[str, object]:
    """EXIF with a camera's block, a place and an orientation, and an ICC profile."""
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    exif[ExifTags.Base.Artist] = "Ada"
    exif.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.ExposureTime] = 0.01
    exif.get_ifd(ExifTags.IFD.GPSInfo)[ExifTags.GPS.GPSLatitudeRef] = "N"
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    return {"exif": exif.tobytes(), "icc_profile": profile}


def samples() -> dict[str, bytes]:
    """Picture files by a name that ends in their suffix."""
    return dict(_samples())


def _samples() -> Iterator[tuple[str, bytes]]:
    photo = photograph()
    for mode in ("L", "RGB", "CMYK"):
        yield f"{mode}.jpg", file_of(in_mode(photo, mode), "JPEG", quality=80)
    yield "progressive.jpg", file_of(photo, "JPEG", progressive=True, **metadata())
    yield "two.jpg", file_of(photo, "MPO", save_all=True, append_images=[photo])
    for mode in ("1", "L", "LA", "RGB", "RGBA", "P", "I;16"):
        yield f"{mode.replace(';', '')}.png", file_of(in_mode(photo, mode), "PNG")
    text = PngImagePlugin.PngInfo()
    text.add_text("Comment", "a" * 300, zip=True)
    text.add_itxt("Title", "é" * 30, "fr", zip=True)
    yield "metadata.png", file_of(photo, "PNG", pnginfo=text, dpi=(72, 72), **metadata())
    yield "transparent.png", file_of(in_mode(photo, "P"), "PNG", transparency=3)
    yield "frames.png", file_of(photo, "PNG", save_all=True, append_images=[photo])
    yield "lossy.webp", file_of(photo, "WEBP", **metadata())
    yield "lossless.webp", file_of(in_mode(photo, "RGBA"), "WEBP", lossless=True)
    yield "frames.webp", file_of(photo, "WEBP", save_all=True, append_images=[photo])
    for mode in ("1", "L", "LA", "RGB", "RGBA", "P", "I;16", "CMYK", "F", "LAB"):
        yield f"{mode.replace(';', '')}.tif", file_of(_tiff_mode(photo, mode), "TIFF")
    for compression in ("tiff_lzw", "tiff_adobe_deflate", "jpeg", "packbits"):
        yield f"{compression}.tif", file_of(photo, "TIFF", compression=compression)
    yield "group4.tif", file_of(photo.convert("1"), "TIFF", compression="group4")
    yield "big.tif", file_of(photo, "TIFF", big_tiff=True, **metadata())
    yield "pages.tif", file_of(photo, "TIFF", save_all=True, append_images=[photo])
    for mode in ("1", "L", "P", "RGB", "RGBA"):
        yield f"{mode}.bmp", file_of(in_mode(photo, mode), "BMP")


def _tiff_mode(photo: Image.Image, mode: str) -> Image.Image:
    if mode == "F":
        return photo.convert("L").convert("F")
    if mode == "LAB":
        return photo.convert("RGB").convert("YCbCr").convert("RGB") if mode == "RGB" else _lab(photo)
    return in_mode(photo, mode)


def _lab(photo: Image.Image) -> Image.Image:
    source, target = ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB")
    lab = ImageCms.profileToProfile(photo, source, target, outputMode="LAB")
    assert lab is not None
    return lab
