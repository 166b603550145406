from __future__ import annotations

import io
import os
import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import ExifTags, Image, ImageCms

from rfr_core.errors import ImageError
from rfr_core.images.modes import to_supported_mode
from rfr_core.images.picture_files import Picture, picture_paths, read_picture, save_picture
from rfr_core.images.pixels import paste_fill, to_tensor

MAKE, ORIENTATION, ARTIST, EXIF_IFD, LENS, MAKER_NOTE = 271, 274, 315, 0x8769, 0xA434, 0x927C
PROFILE = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
CHANNELS = {"L": 1, "LA": 2, "RGB": 3, "RGBA": 4, "CMYK": 4}
MODES = ["1", "L", "LA", "RGB", "RGBA", "I;16", "CMYK"]


def noise(mode: str, size: tuple[int, int] = (9, 7)) -> Image.Image:
    rng = np.random.default_rng(3)
    width, height = size
    if mode == "I;16":
        return Image.fromarray(rng.integers(0, 65536, (height, width), dtype=np.uint16))
    if mode == "1":
        return Image.fromarray(rng.random((height, width)) < 0.5)
    count = CHANNELS[mode]
    return Image.frombytes(mode, size, rng.integers(0, 256, (height, width, count), dtype=np.uint8).tobytes())


def camera_exif(orientation: int, lens: str | bytes = "A lens") -> Image.Exif:
    exif = Image.Exif()
    exif[MAKE] = "A camera"
    exif[ORIENTATION] = orientation
    exif[EXIF_IFD] = {LENS: lens, MAKER_NOTE: b"secret\x00\x01"}
    return exif


def as_stored(upright: Image.Image, orientation: int) -> Image.Image:
    """What a camera would store so that a viewer shows `upright`, by the definition of the EXIF tag."""
    pixels = np.asarray(upright)
    undone = {
        1: pixels,
        2: pixels[:, ::-1],
        3: pixels[::-1, ::-1],
        4: pixels[::-1],
        5: pixels.swapaxes(0, 1),
        6: np.rot90(pixels, 1),
        7: np.rot90(pixels, 2).swapaxes(0, 1),
        8: np.rot90(pixels, -1),
    }
    return Image.fromarray(np.ascontiguousarray(undone[orientation]))


def same_pixels(one: Image.Image, other: Image.Image) -> bool:
    return (one.mode, one.size, one.tobytes()) == (other.mode, other.size, other.tobytes())


# Metadata


@pytest.mark.parametrize("suffix", [".png", ".tif", ".webp"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_orientation_is_applied_on_reading_and_reset_on_saving(tmp_path: Path, orientation: int, suffix: str):
    upright = noise("RGB")
    lossless: dict[str, Any] = {"lossless": True} if suffix == ".webp" else {}
    stored = as_stored(upright, orientation)
    stored.save(tmp_path / f"in{suffix}", exif=camera_exif(orientation).tobytes(), icc_profile=PROFILE, **lossless)
    picture = read_picture(tmp_path / f"in{suffix}")
    assert same_pixels(picture.image, upright)
    with Image.open(save_picture(picture, tmp_path / f"out{suffix}")) as saved:
        saved.load()
        exif = saved.getexif()
        assert exif.get(ORIENTATION, 1) == 1
        assert exif[MAKE] == "A camera"
        assert exif.get_ifd(EXIF_IFD)[LENS] == "A lens"
        assert exif.get_ifd(EXIF_IFD)[MAKER_NOTE] == b"secret\x00\x01"
        assert saved.info["icc_profile"] == PROFILE
        assert same_pixels(saved.convert("RGB"), upright)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_jpeg_orientation(tmp_path: Path, orientation: int):
    upright = Image.new("RGB", (32, 16), "black")
    upright.paste("white", (0, 0, 8, 8))
    as_stored(upright, orientation).save(
        tmp_path / "in.jpg", exif=camera_exif(orientation), icc_profile=PROFILE, quality=100
    )
    picture = read_picture(tmp_path / "in.jpg")
    assert np.abs(np.asarray(picture.image, dtype=int) - np.asarray(upright)).max() < 8
    again = read_picture(save_picture(picture, tmp_path / "out.jpg"))
    assert again.image.size == (32, 16)
    assert np.abs(np.asarray(again.image, dtype=int) - np.asarray(upright)).max() < 8
    assert again.exif is not None
    assert b"A camera" in again.exif
    assert again.icc_profile == PROFILE


def test_orientation_given_by_hand_is_reset_on_saving(tmp_path: Path):
    picture = Picture(noise("RGB"), exif=camera_exif(6).tobytes())
    with Image.open(save_picture(picture, tmp_path / "out.jpg")) as saved:
        assert saved.getexif().get(ORIENTATION, 1) == 1
        assert saved.getexif()[MAKE] == "A camera"


@pytest.mark.parametrize("orientation", [0, 9, 1000])
def test_an_orientation_that_does_not_exist_changes_nothing(tmp_path: Path, orientation: int):
    image = noise("RGB")
    image.save(tmp_path / "in.png", exif=camera_exif(orientation).tobytes())
    assert same_pixels(read_picture(tmp_path / "in.png").image, image)


def test_metadata_survives_a_change_of_format(tmp_path: Path):
    noise("RGB").save(tmp_path / "in.tif", exif=camera_exif(1).tobytes(), icc_profile=PROFILE, dpi=(300, 300))
    picture = read_picture(tmp_path / "in.tif")
    for suffix in (".jpg", ".png", ".webp"):
        with Image.open(save_picture(picture, tmp_path / f"out{suffix}")) as saved:
            exif = saved.getexif()
            assert exif[MAKE] == "A camera"
            assert 273 not in exif, "the offsets of the TIFF's strips mean nothing here"
            assert saved.info["icc_profile"] == PROFILE
    with Image.open(tmp_path / "out.jpg") as saved:
        assert saved.info["dpi"] == (300, 300)


def test_the_embedded_thumbnail_of_the_old_picture_is_not_kept(tmp_path: Path):
    thumbnail = io.BytesIO()
    Image.new("RGB", (16, 16), "red").save(thumbnail, "JPEG")
    exif = camera_exif(1).tobytes()
    body = bytearray(exif[6:])  # little- or big-endian TIFF; IFD0's link to IFD1 follows its entries
    order = "<" if body[:2] == b"II" else ">"
    first = struct.unpack_from(order + "I", body, 4)[0]
    link = first + 2 + 12 * struct.unpack_from(order + "H", body, first)[0]
    struct.pack_into(order + "I", body, link, len(body))
    start = len(body) + 2 + 24 + 4
    data = thumbnail.getvalue()
    body += struct.pack(order + "HHHIIHHIII", 2, 513, 4, 1, start, 514, 4, 1, len(data), 0) + data
    noise("RGB").save(tmp_path / "in.jpg", exif=exif[:6] + bytes(body))
    with Image.open(tmp_path / "in.jpg") as stored:
        assert stored.getexif().get_ifd(ExifTags.IFD.IFD1), "the test's own file must hold a thumbnail"
    with Image.open(save_picture(read_picture(tmp_path / "in.jpg"), tmp_path / "out.jpg")) as saved:
        assert saved.getexif()[MAKE] == "A camera"
        assert not saved.getexif().get_ifd(ExifTags.IFD.IFD1)
        assert data not in (tmp_path / "out.jpg").read_bytes()


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".webp", ".tif"])
def test_names_in_exif_keep_their_letters(tmp_path: Path, suffix: str):
    exif = camera_exif(1, lens="Objektiv für".encode())
    exif[ARTIST] = "Jürgen Müller 人".encode()
    noise("RGB").save(tmp_path / "in.jpg", exif=exif.tobytes())
    path = save_picture(read_picture(tmp_path / "in.jpg"), tmp_path / f"out{suffix}")
    assert "Jürgen Müller 人".encode() in path.read_bytes()
    assert "Objektiv für".encode() in path.read_bytes()


def test_tiff_is_compressed_unless_a_cameras_exif_forbids(tmp_path: Path):
    plain = Picture(Image.new("RGB", (64, 64)))
    size = save_picture(plain, tmp_path / "a.tif").stat().st_size
    assert size < 64 * 64
    again = save_picture(read_picture(tmp_path / "a.tif"), tmp_path / "b.tif")
    assert again.stat().st_size < 64 * 64


def test_a_profile_of_another_colour_space_is_not_written(tmp_path: Path):
    gray_profile = PROFILE[:16] + b"GRAY" + PROFILE[20:]
    picture = Picture(noise("L"), icc_profile=gray_profile)
    assert read_picture(save_picture(picture, tmp_path / "gray.png")).icc_profile == gray_profile
    assert read_picture(save_picture(picture, tmp_path / "colour.webp")).icc_profile is None


def test_broken_exif_does_not_cost_the_picture(tmp_path: Path):
    image = noise("RGB")
    image.save(tmp_path / "in.png", exif=b"Exif\x00\x00II*\x00\x08\x00\x00\x00\xff\xff\x01")
    assert same_pixels(read_picture(tmp_path / "in.png").image, image)


@pytest.mark.parametrize("suffix", [".jpg", ".tif"])
@pytest.mark.parametrize("exif", [b"nonsense", b"Exif\x00\x00II*\x00\x08\x00\x00\x00\xff\xff\x01"])
def test_broken_exif_given_by_hand_does_not_stop_a_save(tmp_path: Path, exif: bytes, suffix: str):
    path = save_picture(Picture(noise("RGB"), exif=exif), tmp_path / f"a{suffix}")
    assert read_picture(path).image.size == (9, 7)


# Modes


@pytest.mark.parametrize(
    ("mode", "suffix"),
    [
        *[(mode, ".png") for mode in ("L", "LA", "RGB", "RGBA", "I;16")],
        *[(mode, ".tif") for mode in ("L", "LA", "RGB", "RGBA", "I;16", "CMYK")],
        *[
            ("RGB", ".webp"),
            ("RGBA", ".webp"),
            ("RGB", ".bmp"),
            ("L", ".bmp"),
            ("RGB", ".tiff"),
            ("RGB", ".PNG"),
        ],
    ],
)
def test_lossless_formats_give_back_what_was_saved(tmp_path: Path, mode: str, suffix: str):
    image = noise(mode)
    again = read_picture(save_picture(Picture(image), tmp_path / f"a{suffix}"))
    assert same_pixels(again.image, image)


@pytest.mark.parametrize("mode", ["L", "RGB", "CMYK"])
def test_jpeg_keeps_its_mode(tmp_path: Path, mode: str):
    image = Image.new(mode, (16, 16), {"L": 90, "RGB": (200, 30, 60), "CMYK": (10, 200, 30, 60)}[mode])
    again = read_picture(save_picture(Picture(image), tmp_path / "a.jpg"))
    assert (again.image.mode, again.format) == (mode, "JPEG")
    assert np.abs(np.asarray(again.image, dtype=int) - np.asarray(image)).max() <= 3


def test_jpeg_quality_is_used(tmp_path: Path):
    picture = Picture(noise("RGB", (64, 64)))
    low = save_picture(picture, tmp_path / "low.jpg", quality=20).stat().st_size
    assert low < save_picture(picture, tmp_path / "high.jpg", quality=95).stat().st_size
    with pytest.raises(ImageError, match="1 to 100"):
        save_picture(picture, tmp_path / "a.jpg", quality=0)


def test_jpeg_keeps_colour_detail(tmp_path: Path):
    stripes = np.zeros((16, 16, 3), dtype=np.uint8)
    stripes[:, ::2] = (255, 0, 0)
    stripes[:, 1::2] = (0, 0, 255)
    again = read_picture(save_picture(Picture(Image.fromarray(stripes)), tmp_path / "a.jpg")).image
    assert np.abs(np.asarray(again, dtype=int) - stripes).max() < 40


@pytest.mark.parametrize("kind", ["bits", "palette", "palette with transparency", "colour key"])
def test_modes_that_cannot_hold_a_fill_are_converted_on_reading(tmp_path: Path, kind: str):
    path = tmp_path / "a.png"
    if kind == "bits":
        noise("1").save(path)
        expected = noise("1").convert("L")
    elif kind == "colour key":
        image = Image.new("RGB", (4, 4), (1, 2, 3))
        image.putpixel((0, 0), (9, 9, 9))
        image.save(path, transparency=(1, 2, 3))
        expected = Image.new("RGBA", (4, 4), (1, 2, 3, 0))
        expected.putpixel((0, 0), (9, 9, 9, 255))
    else:
        image = Image.new("P", (4, 4), 1)
        image.putpalette([255, 0, 0, 0, 128, 0])
        image.putpixel((2, 1), 0)
        options: dict[str, Any] = {"transparency": 0} if "transparency" in kind else {}
        image.save(path, **options)
        expected = Image.new("RGB", (4, 4), (0, 128, 0))
        expected.putpixel((2, 1), (255, 0, 0))
        if "transparency" in kind:
            expected.putalpha(Image.frombytes("L", (4, 4), bytes([255] * 6 + [0] + [255] * 9)))
    assert same_pixels(read_picture(path).image, expected)


def test_big_endian_16_bit_tiff_has_exact_values(tmp_path: Path):
    values = np.array([[0, 1, 256], [513, 40000, 65535]], dtype=np.uint16)
    Image.frombytes("I;16B", (3, 2), values.astype(">u2").tobytes()).save(tmp_path / "a.tif")
    image = read_picture(tmp_path / "a.tif").image
    assert image.mode == "I;16"
    assert (np.asarray(image) == values).all()


@pytest.mark.parametrize("mode", ["F", "LAB"])
def test_modes_without_a_faithful_form_are_refused(mode: str):
    with pytest.raises(ImageError, match=f"mode is {mode}; expected"):
        to_supported_mode(Image.new(mode, (2, 2)))


def test_32_bit_integers_are_16_bit_gray_where_they_fit():
    assert to_supported_mode(Image.new("I", (2, 2), 65535)).getpixel((1, 1)) == 65535
    with pytest.raises(ImageError, match="expected 0 to 65535"):
        to_supported_mode(Image.new("I", (2, 2), 65536))


@pytest.mark.parametrize(
    ("mode", "suffix", "hint"),
    [
        *[("RGBA", ".jpg", "PNG"), ("LA", ".jpeg", "PNG"), ("RGBA", ".bmp", "PNG"), ("I;16", ".jpg", "PNG")],
        *[("I;16", ".webp", "PNG"), ("CMYK", ".png", "TIFF"), ("CMYK", ".webp", "TIFF")],
    ],
)
def test_a_mode_that_the_format_cannot_hold_is_refused_with_a_way_out(
    tmp_path: Path, mode: str, suffix: str, hint: str
):
    with pytest.raises(ImageError, match=rf"cannot hold .*{hint}"):
        save_picture(Picture(noise(mode)), tmp_path / f"a{suffix}")
    assert list(tmp_path.iterdir()) == []


# Files that cannot be read


def png_header(width: int, height: int) -> bytes:
    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    data = chunk(b"IDAT", zlib.compress(b"\0"))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + data + chunk(b"IEND", b"")


@pytest.mark.parametrize("size", [(1, 2**20 + 1), (2**20 + 1, 2)])
def test_a_row_or_column_without_end_is_refused(tmp_path: Path, size: tuple[int, int]):
    path = tmp_path / "line.png"
    path.write_bytes(png_header(*size))
    with pytest.raises(ImageError, match=r"sides of at most 1,048,576: crop it first"):
        read_picture(path)


@pytest.mark.parametrize("side", [9_600, 12_000, 60_000])
def test_size_is_refused_by_the_header_alone(tmp_path: Path, side: int):
    path = tmp_path / "huge.png"
    path.write_bytes(png_header(side, side))
    # 9600² is within the limit: the damage is found by decoding, with no refusal for size and no warning.
    match = "cut short" if side == 9_600 else "megapixels|exceeds limit"
    with pytest.raises(ImageError, match=match):
        read_picture(path)


def test_the_limit_is_the_callers(tmp_path: Path):
    noise("RGB", (10, 10)).save(tmp_path / "a.png")
    assert read_picture(tmp_path / "a.png", max_pixels=100).image.size == (10, 10)
    with pytest.raises(ImageError, match="10×10"):
        read_picture(tmp_path / "a.png", max_pixels=99)


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".webp", ".tif", ".bmp"])
def test_a_file_cut_short_is_named(tmp_path: Path, suffix: str):
    path = tmp_path / f"a{suffix}"
    noise("RGB", (64, 64)).save(path)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(ImageError, match=r"cut short|no format") as caught:
        read_picture(path)
    assert str(path) in str(caught.value)


def test_what_is_no_picture_is_named(tmp_path: Path):
    (tmp_path / "text.png").write_text("hello")
    (tmp_path / "empty.png").touch()
    noise("RGB").save(tmp_path / "other.gif")
    for name in ("text.png", "empty.png", "other.gif"):
        with pytest.raises(ImageError, match="no format that is read here; expected a JPEG"):
            read_picture(tmp_path / name)
    with pytest.raises(ImageError, match="is a folder"):
        read_picture(tmp_path)
    with pytest.raises(ImageError, match="does not exist"):
        read_picture(tmp_path / "missing.png")


@pytest.mark.parametrize("suffix", [".png", ".webp", ".tif"])
def test_animations_and_pages_are_refused(tmp_path: Path, suffix: str):
    frames = [Image.new("RGB", (4, 4), colour) for colour in ("red", "blue", "green")]
    frames[0].save(tmp_path / f"a{suffix}", save_all=True, append_images=frames[1:])
    with pytest.raises(ImageError, match="3 frames or pages"):
        read_picture(tmp_path / f"a{suffix}")


def test_a_phones_jpeg_with_a_second_picture_is_its_first(tmp_path: Path):
    frames = [Image.new("RGB", (16, 16), colour) for colour in ("red", "blue")]
    frames[0].save(tmp_path / "a.jpg", format="MPO", save_all=True, append_images=frames[1:])
    picture = read_picture(tmp_path / "a.jpg")
    assert picture.format == "JPEG"
    assert np.asarray(picture.image)[8, 8, 0] > 250


def test_pictures_of_a_folder_are_found_by_suffix(tmp_path: Path):
    (tmp_path / "deep").mkdir()
    (tmp_path / "folder.png").mkdir()
    for name in ("b.PNG", "a.jpeg", ".hidden.png", "notes.txt", "deep/c.webp"):
        (tmp_path / name).touch()
    assert picture_paths(tmp_path) == [tmp_path / "a.jpeg", tmp_path / "b.PNG"]
    assert picture_paths(str(tmp_path), deep=True) == [tmp_path / name for name in ("a.jpeg", "b.PNG", "deep/c.webp")]
    for deep in (False, True):
        with pytest.raises(OSError, match="missing"):
            picture_paths(tmp_path / "missing", deep=deep)


# Files that cannot be written


@pytest.mark.parametrize("name", ["a.gif", "a", "a.jpg.txt"])
def test_an_unknown_suffix_is_refused_with_the_known_ones(tmp_path: Path, name: str):
    with pytest.raises(ImageError, match=r"expected one of \.jpg, .*\.png"):
        save_picture(Picture(noise("RGB")), tmp_path / name)


def test_folders_are_no_files_to_write(tmp_path: Path):
    (tmp_path / "folder.png").mkdir()
    with pytest.raises(ImageError, match="is a folder"):
        save_picture(Picture(noise("RGB")), tmp_path / "folder.png")
    with pytest.raises(ImageError, match="does not exist; create it"):
        save_picture(Picture(noise("RGB")), tmp_path / "missing" / "a.png")


def test_a_failed_save_leaves_the_old_file_and_nothing_else(tmp_path: Path):
    path = tmp_path / "a.webp"
    save_picture(Picture(noise("RGB")), path)
    before = path.read_bytes()
    with pytest.raises(ImageError, match="could not be written"):
        save_picture(Picture(Image.new("RGB", (16_384, 1))), path)  # WebP ends at 16,383 pixels
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_a_save_leaves_one_file_with_usual_permissions(tmp_path: Path):
    (tmp_path / "plain").touch()
    path = save_picture(Picture(noise("RGB")), str(tmp_path / "a.png"))
    save_picture(Picture(noise("L")), path)
    assert read_picture(path).image.mode == "L"
    assert sorted(os.listdir(tmp_path)) == ["a.png", "plain"]  # noqa: PTH208
    assert path.stat().st_mode == (tmp_path / "plain").stat().st_mode


def test_reading_closes_the_file_and_detaches_the_picture(tmp_path: Path):
    path = save_picture(Picture(noise("RGB")), tmp_path / "a.png")
    picture = read_picture(path)
    path.unlink()
    assert same_pixels(picture.image.copy(), noise("RGB"))


# Tensors


@pytest.mark.parametrize("mode", MODES)
def test_to_tensor_is_what_pil_shows(mode: str):
    image = noise(mode)
    tensor = to_tensor(image)
    assert (tuple(tensor.shape), tensor.dtype) == ((1, 3, 7, 9), torch.float32)
    if mode == "I;16":
        expected = np.repeat(np.asarray(image)[..., None] / 65535.0, 3, axis=2)
    elif mode == "RGBA":
        expected = np.asarray(image)[..., :3] / 255.0
    elif mode == "LA":
        expected = np.repeat(np.asarray(image)[..., :1] / 255.0, 3, axis=2)
    else:
        expected = np.asarray(image.convert("RGB")) / 255.0
    np.testing.assert_allclose(tensor[0].permute(1, 2, 0).numpy(), expected, atol=1e-6)


# Pasting


@pytest.mark.parametrize("mode", MODES)
def test_paste_keeps_bytes_where_the_weight_is_zero(mode: str):
    image = noise(mode)
    image.info["dpi"] = (72, 72)
    weight = torch.zeros(1, 1, 7, 9)
    weight[..., 2:5, 3:6] = torch.rand(3, 3, generator=torch.Generator().manual_seed(0)) * 0.9 + 0.1
    before = image.tobytes()
    pasted = paste_fill(image, torch.rand(1, 3, 7, 9), weight)
    assert (pasted.mode, pasted.size, pasted.info) == (image.mode, image.size, image.info)
    outside = weight[0, 0].numpy() == 0
    assert (np.asarray(pasted)[outside] == np.asarray(image)[outside]).all()
    assert image.tobytes() == before, "the given image must stay as it is"
    assert same_pixels(paste_fill(image, torch.rand(1, 3, 7, 9), torch.zeros(1, 1, 7, 9)), image)


@pytest.mark.parametrize("mode", MODES)
def test_paste_at_full_weight_shows_the_fill(mode: str):
    fill = torch.tensor([0.9, 0.5, 0.6]).view(1, 3, 1, 1).expand(1, 3, 7, 9)
    shown = to_tensor(paste_fill(noise(mode), fill, torch.ones(1, 1, 7, 9)))
    luma = 0.299 * 0.9 + 0.587 * 0.5 + 0.114 * 0.6
    gray = torch.full((1, 3, 7, 9), 1.0 if mode == "1" else luma)
    tolerance = 1e-5 if mode == "I;16" else 1 / 255
    assert (shown - (fill if mode in ("RGB", "RGBA", "CMYK") else gray)).abs().max() <= tolerance


def test_paste_blends_by_the_weight():
    weight = torch.full((1, 1, 1, 1), 0.25)
    fill = torch.ones(1, 3, 1, 1)
    assert paste_fill(Image.new("RGB", (1, 1), (0, 100, 255)), fill, weight).getpixel((0, 0)) == (
        64,
        139,
        255,
    )
    assert paste_fill(Image.new("I;16", (1, 1), 1000), fill, weight).getpixel((0, 0)) == 17134
    assert paste_fill(Image.new("L", (1, 1), 100), fill, weight).getpixel((0, 0)) == 139


def test_gray_is_pils_luma():
    fill = torch.rand(1, 3, 7, 9, generator=torch.Generator().manual_seed(1)).mul(255).round() / 255
    pasted = paste_fill(noise("L"), fill, torch.ones(1, 1, 7, 9))
    rgb = Image.fromarray((fill[0].permute(1, 2, 0) * 255).round().to(torch.uint8).numpy())
    assert np.abs(np.asarray(pasted, dtype=int) - np.asarray(rgb.convert("L"))).max() <= 1


@pytest.mark.parametrize(("mode", "clear"), [("RGBA", (0, 0, 0, 0)), ("LA", (0, 0))])
def test_transparent_pixels_become_opaque_and_never_darken_the_fill(mode: str, clear: tuple[int, ...]):
    weight = torch.tensor([[[[0.0, 0.25, 1.0]]]])
    pasted = paste_fill(Image.new(mode, (3, 1), clear), torch.ones(1, 3, 1, 3), weight)
    white = (255,) * len(clear)
    assert [pasted.getpixel((x, 0)) for x in range(3)] == [clear, white, white]


def test_black_ink_stays_black_under_a_soft_edge():
    image = Image.new("CMYK", (1, 1), (0, 0, 0, 255))
    pasted = paste_fill(image, torch.zeros(1, 3, 1, 1), torch.full((1, 1, 1, 1), 0.5))
    assert to_tensor(pasted).max() == 0


def test_paste_clamps_values_beyond_the_range():
    fill = torch.tensor([-3.0, 0.5, 7.0]).view(1, 3, 1, 1)
    assert paste_fill(Image.new("RGB", (1, 1)), fill, torch.ones(1, 1, 1, 1)).getpixel((0, 0)) == (
        0,
        128,
        255,
    )


def test_paste_takes_half_precision():
    fill = torch.ones(1, 3, 1, 1, dtype=torch.bfloat16, requires_grad=True)
    assert paste_fill(Image.new("L", (1, 1)), fill, torch.ones(1, 1, 1, 1)).getpixel((0, 0)) == 255


def test_paste_says_what_does_not_fit():
    image, fill, weight = noise("RGB"), torch.zeros(1, 3, 7, 9), torch.ones(1, 1, 7, 9)
    with pytest.raises(ImageError, match=r"The fill has shape \(1, 3, 9, 7\); expected \(1, 3, 7, 9\)"):
        paste_fill(image, torch.zeros(1, 3, 9, 7), weight)
    with pytest.raises(ImageError, match="The weight has shape"):
        paste_fill(image, fill, torch.ones(1, 3, 7, 9))
    with pytest.raises(ImageError, match="mode P"):
        paste_fill(image.quantize(4), fill, weight)
    with pytest.raises(ImageError, match="not numbers"):
        paste_fill(image, torch.full_like(fill, float("nan")), weight)
