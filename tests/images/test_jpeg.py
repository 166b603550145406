"""JPEG files: what a fill did not touch keeps its coefficients, tables, sampling and place."""

from __future__ import annotations

import io
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageCms, JpegImagePlugin

from rfr_core.images import picture_files
from rfr_core.images.picture_files import Picture, losses, read_picture, save_picture

SIZES = [(64, 48), (61, 45), (17, 9), (8, 33)]


def smooth(size: tuple[int, int]) -> Image.Image:
    rng = np.random.default_rng(1)
    return Image.fromarray(rng.integers(0, 256, (6, 8, 3), np.uint8)).resize(size, Image.Resampling.BICUBIC)


def filled(picture: Picture) -> tuple[Picture, np.ndarray]:
    """With a red corner, and which pixels lie in or beside a block of 16×16 with red in it."""
    image = picture.image.copy()
    image.paste(200 if image.mode == "L" else (200, 30, 30), (0, 0, 6, 5))
    near = np.zeros((image.height, image.width), dtype=bool)
    near[:17, :17] = True
    return picture.filled(image), near


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("sampling", [0, 1, 2])
@pytest.mark.parametrize("mode", ["RGB", "L"])
@pytest.mark.parametrize("progressive", [False, True])
def test_untouched_blocks_keep_every_pixel(
    tmp_path: Path, size: tuple[int, int], sampling: int, mode: str, progressive: bool
) -> None:
    pytest.importorskip("jpeglib")
    source = tmp_path / "a.jpg"
    smooth(size).convert(mode).save(source, quality=71, subsampling=sampling, progressive=progressive)
    picture, near = filled(read_picture(source))
    with Image.open(save_picture(picture, tmp_path / "b.jpg")) as after, Image.open(source) as before:
        assert isinstance(after, JpegImagePlugin.JpegImageFile)
        assert isinstance(before, JpegImagePlugin.JpegImageFile)
        assert after.quantization == before.quantization
        assert JpegImagePlugin.get_sampling(after) == JpegImagePlugin.get_sampling(before)
        assert not after.info.get("progressive"), "as the documentation says"
        assert (np.asarray(after)[~near] == np.asarray(before)[~near]).all()
        assert np.abs(np.asarray(after, int)[:4, :4] - np.asarray(picture.image, int)[:4, :4]).mean() < 40


@pytest.mark.parametrize("size", [*SIZES, (130, 75)])
@pytest.mark.parametrize("sampling", [0, 1, 2])
@pytest.mark.parametrize("mode", ["RGB", "L"])
def test_changed_blocks_are_what_coding_the_whole_gives(
    tmp_path: Path, size: tuple[int, int], sampling: int, mode: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    jpeglib = pytest.importorskip("jpeglib")
    smooth(size).convert(mode).save(tmp_path / "a.jpg", quality=71, subsampling=sampling)
    picture = read_picture(tmp_path / "a.jpg")
    image = picture.image.copy()
    for corner in ((0, 0), (size[0] - 2, size[1] - 2), (size[0] // 2, 3), (size[0] - 1, 0)):
        image.paste(90 if mode == "L" else (90, 200, 10), (*corner, corner[0] + 3, corner[1] + 3))
    save_picture(picture.filled(image), tmp_path / "kept.jpg")
    monkeypatch.setattr(picture_files, "coefficients_can_be_kept", lambda: False)
    save_picture(picture.filled(image), tmp_path / "whole.jpg")
    kept, whole, before = (jpeglib.read_dct(str(tmp_path / name)) for name in ("kept.jpg", "whole.jpg", "a.jpg"))
    for name in ("Y", "Cb", "Cr") if mode == "RGB" else ("Y",):
        new, wanted, old = (getattr(jpeg, name) for jpeg in (kept, whole, before))
        differs = (new != old).any((2, 3))
        assert (new[differs] == wanted[differs]).all()
        assert differs[0, 0]
        assert differs[-1, -1]


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_turned_file_stays_turned_and_keeps_its_blocks(tmp_path: Path, orientation: int) -> None:
    pytest.importorskip("jpeglib")
    exif = Image.Exif()
    exif[274], exif[271] = orientation, "A camera"
    smooth((61, 45)).save(tmp_path / "a.jpg", exif=exif, quality=80)
    picture, near = filled(read_picture(tmp_path / "a.jpg"))
    near[:32, :32] = True  # the file's blocks begin at another corner
    again = read_picture(save_picture(picture, tmp_path / "b.jpg"))
    assert again.image.size == picture.image.size
    assert (np.asarray(again.image)[~near] == np.asarray(picture.image)[~near]).all()
    assert again.orientation == orientation
    assert again.exif is not None
    assert b"A camera" in again.exif


def test_nothing_changed_is_nothing_lost(tmp_path: Path) -> None:
    pytest.importorskip("jpeglib")
    smooth((90, 70)).save(tmp_path / "a.jpg", quality=60)
    picture = read_picture(tmp_path / "a.jpg")
    again = read_picture(save_picture(picture, tmp_path / "b.jpg"))
    assert again.image.tobytes() == picture.image.tobytes()


def test_a_picture_that_was_painted_on_in_place_is_saved_as_it_is(tmp_path: Path) -> None:
    pytest.importorskip("jpeglib")
    Image.new("RGB", (90, 70)).save(tmp_path / "a.jpg", quality=95)
    picture = read_picture(tmp_path / "a.jpg")
    picture.image.paste((200, 200, 200), (0, 0, 32, 32))
    again = np.asarray(read_picture(save_picture(picture, tmp_path / "b.jpg")).image, int)
    assert np.abs(again[:32, :32] - 200).max() < 4
    assert (again[:, 32:] == 0).all()


def test_coefficients_that_were_read_ahead_make_the_same_files(tmp_path: Path) -> None:
    pytest.importorskip("jpeglib")
    smooth((90, 70)).save(tmp_path / "a.jpg", quality=80)
    picture, _ = filled(read_picture(tmp_path / "a.jpg"))
    expected = save_picture(picture, tmp_path / "b.jpg").read_bytes()
    assert picture.jpeg is not None
    picture.jpeg.read_ahead()
    for _ in range(2):  # with those, and with others
        assert save_picture(picture, tmp_path / "c.jpg").read_bytes() == expected


def test_files_are_read_in_several_threads(tmp_path: Path) -> None:
    pytest.importorskip("jpeglib")
    names = [f"{number}.jpg" for number in range(24)]
    for number, name in enumerate(names):  # each with a header of another length
        smooth((60 + number, 50)).save(tmp_path / name, quality=80, comment=b"a" * 999 * number)

    def kept(name: str) -> bytes:
        return save_picture(filled(read_picture(tmp_path / name))[0], tmp_path / f"kept_{name}").read_bytes()

    expected = [kept(name) for name in names]
    with ThreadPoolExecutor(4) as pool:
        for _ in range(5):
            assert list(pool.map(kept, names)) == expected


def test_without_jpeglib_tables_and_sampling_stay(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(picture_files, "coefficients_can_be_kept", lambda: False)
    smooth((61, 45)).save(tmp_path / "a.jpg", quality=71, subsampling=2)
    picture, _ = filled(read_picture(tmp_path / "a.jpg"))
    with Image.open(save_picture(picture, tmp_path / "b.jpg")) as after, Image.open(tmp_path / "a.jpg") as before:
        assert isinstance(after, JpegImagePlugin.JpegImageFile)
        assert isinstance(before, JpegImagePlugin.JpegImageFile)
        assert after.quantization == before.quantization
        assert JpegImagePlugin.get_sampling(after) == JpegImagePlugin.get_sampling(before) == 2


def test_a_quality_that_is_asked_for_is_used(tmp_path: Path) -> None:
    smooth((61, 45)).save(tmp_path / "a.jpg", quality=95)
    picture = read_picture(tmp_path / "a.jpg")
    low = save_picture(picture, tmp_path / "low.jpg", quality=20).stat().st_size
    assert low < save_picture(picture, tmp_path / "kept.jpg").stat().st_size


def test_a_picture_of_another_size_is_coded_anew(tmp_path: Path) -> None:
    smooth((61, 45)).save(tmp_path / "a.jpg")
    picture = replace(read_picture(tmp_path / "a.jpg"), image=smooth((30, 20)))
    assert read_picture(save_picture(picture, tmp_path / "b.jpg")).image.size == (30, 20)


XMP = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF dc:title="A title" tiff:Orientation="6"/></x:xmpmeta>'
IPTC = b"Photoshop 3.0\0" + b"8BIM\x04\x04\0\0\0\0\0\x0d\x1c\x02\x78\0\x08a legend\0"


def with_segments(image: Image.Image, path: Path) -> None:
    file = io.BytesIO()
    image.save(file, "JPEG", comment=b"a comment", dpi=(300, 300))
    data = file.getvalue()
    blocks = [(0xE1, b"http://ns.adobe.com/xap/1.0/\0" + XMP), (0xED, IPTC)]
    added = b"".join(bytes([0xFF, marker]) + (len(body) + 2).to_bytes(2, "big") + body for marker, body in blocks)
    path.write_bytes(data[:2] + added + data[2:])


def test_xmp_iptc_comment_and_resolution_stay(tmp_path: Path) -> None:
    with_segments(smooth((61, 45)), tmp_path / "a.jpg")
    picture = read_picture(tmp_path / "a.jpg")
    path = save_picture(picture, tmp_path / "b.jpg")
    for part in (b"A title", IPTC, b"a comment"):
        assert path.read_bytes().count(part) == 1
    assert b"tiff:Orientation" not in path.read_bytes(), "which may be wrong now"
    assert read_picture(path).image.info["dpi"] == (300, 300)
    assert losses(picture, path) == ()
    assert losses(picture, "b.png") == ("IPTC", "the comment")
    assert b"A title" in save_picture(picture, tmp_path / "b.png").read_bytes()
    tiff = read_picture(save_picture(picture, tmp_path / "b.tif"))
    assert tiff.extras.xmp is not None
    assert b"A title" in tiff.extras.xmp
    assert tiff.extras.iptc == IPTC


def test_png_colour_chunks_and_texts_stay(tmp_path: Path) -> None:
    from PIL.PngImagePlugin import PngInfo

    info = PngInfo()
    info.add(b"gAMA", (45455).to_bytes(4, "big"))
    info.add(b"cHRM", b"".join(n.to_bytes(4, "big") for n in (31270, 32900, 64000, 33000, 30000, 60000, 15000, 6000)))
    info.add(b"cICP", bytes([9, 16, 0, 1]))
    info.add_text("parameters", "a prompt, ümlaut")
    smooth((20, 10)).save(tmp_path / "a.png", pnginfo=info)
    picture = read_picture(tmp_path / "a.png")
    again = read_picture(save_picture(picture, tmp_path / "b.png"))
    assert again.extras.chunks == picture.extras.chunks
    assert {name for name, _ in again.extras.chunks} >= {b"gAMA", b"cHRM", b"cICP"}
    assert losses(picture, "b.webp") == ("PNG colour chunks", "PNG texts")


def test_the_second_picture_is_named_when_it_goes(tmp_path: Path) -> None:
    frames = [smooth((32, 16)), smooth((32, 16))]
    frames[0].save(tmp_path / "a.jpg", format="MPO", save_all=True, append_images=frames[1:])
    picture = read_picture(tmp_path / "a.jpg")
    assert losses(picture, "b.jpg") == ("the second picture (MPO)",)
    path = save_picture(filled(picture)[0], tmp_path / "b.jpg")
    with Image.open(path) as after:
        assert after.format == "JPEG"
        assert b"MPF\0" not in path.read_bytes()


def test_avif_goes_in_and_out_where_pillow_has_it(tmp_path: Path) -> None:
    if ".avif" not in picture_files.FORMAT_BY_SUFFIX:
        pytest.skip("this Pillow has no AVIF")
    again = read_picture(save_picture(Picture(smooth((64, 48))), tmp_path / "a.avif"))
    assert np.abs(np.asarray(again.image, int) - np.asarray(smooth((64, 48)), int)).mean() < 4


def test_heic_is_read_or_told_how_to_be(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(picture_files, "_heic_is_read", lambda: False)
    (tmp_path / "a.heic").write_bytes(b"\0\0\0\x18ftypheic" + bytes(40))
    with pytest.raises(picture_files.ImageError, match="HEIC file; to read it install pillow-heif"):
        read_picture(tmp_path / "a.heic")
    monkeypatch.undo()
    heif = pytest.importorskip("pillow_heif")
    heif.from_pillow(smooth((64, 48))).save(tmp_path / "b.heic", quality=90)
    assert read_picture(tmp_path / "b.heic").image.size == (64, 48)
    assert tmp_path / "b.heic" in picture_files.picture_paths(tmp_path)


@pytest.mark.parametrize("channels", [2, 3, 4])
@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_sixteen_bits_a_channel_come_back_as_they_are(tmp_path: Path, channels: int, suffix: str) -> None:
    deep = np.random.default_rng(0).integers(0, 65536, (37, 53, channels), np.uint16)
    picture = replace(Picture(Image.new("RGB", (53, 37)), exif=None), deep=deep)
    path = save_picture(picture, tmp_path / f"a{suffix}")
    again = read_picture(path, as_it_is=True).deep
    assert again is not None
    expected = deep[..., [0, 0, 0, 1]] if channels == 2 and suffix == ".tif" else deep
    assert np.array_equal(again, expected)
    with pytest.raises(picture_files.ImageError, match="16 bits a channel in colour, which would be lost"):
        read_picture(path)


def test_sixteen_bit_files_of_other_software_are_read(tmp_path: Path) -> None:
    cv2 = pytest.importorskip("cv2")
    deep = np.random.default_rng(0).integers(0, 65536, (37, 53, 3), np.uint16)
    for name, options in (("a.png", []), ("a.tif", [259, 1]), ("b.tif", [259, 5]), ("c.tif", [259, 8])):
        assert cv2.imwrite(str(tmp_path / name), deep[..., ::-1], options)
        assert np.array_equal(read_picture(tmp_path / name, as_it_is=True).deep, deep)  # type: ignore[arg-type]


def test_a_profile_that_is_not_of_the_pictures_colours_is_named_as_dropped(tmp_path: Path) -> None:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    for mode, lost in (("L", ("the colour profile",)), ("RGB", ())):
        smooth((61, 45)).convert(mode).save(tmp_path / "a.png", icc_profile=profile)
        picture = read_picture(tmp_path / "a.png")
        written = read_picture(save_picture(picture, tmp_path / "b.png"))
        assert losses(picture, "b.png") == lost
        assert (written.icc_profile is None) == bool(lost)
