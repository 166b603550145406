"""Pictures and masks from mutated files of every format: read, used, and written again, or refused in a sentence."""

from __future__ import annotations

import base64
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

from rfr_core.errors import HoleError, ImageError, RFRError
from rfr_core.holes.masks import read_hole
from rfr_core.images.picture_files import Picture, read_picture, save_picture
from rfr_core.images.pixels import paste_fill, to_tensor

from .attempts import refused
from .mutation import Random, mutated, mutated_png
from .pictures import samples

MEMORY = 2 << 30  # bytes; 128 megapixels with transparency, twice over, and their mask fit

_CHANNELS = ("auto", "alpha", "red", "green", "blue", "luminance")
_SUFFIXES = (".png", ".jpg", ".webp", ".tif", ".bmp")
_USED_PIXELS = 250_000  # larger ones are read alone, to keep the number of inputs up


def prepare(folder: Path, seed: int) -> Callable[[int], str]:
    """See `attempts.Attempts`: an input is a mutated picture file."""
    files = samples()
    names = sorted(files)

    def attempt(index: int) -> str:
        random = np.random.default_rng((seed, index))
        name = names[int(random.integers(len(names)))]
        data = files[name]
        png = name.endswith(".png") and random.random() < 0.7
        data = mutated_png(data, random) if png else mutated(data, random)
        path = folder / f"input{Path(name).suffix}"
        path.write_bytes(data)
        return try_file(path, random)

    return attempt


def try_file(path: Path, random: Random) -> str:
    """Reads a file as picture, mask, and as the page's painted layer, and uses what was read."""
    outcome = "read"
    try:
        picture = read_picture(path)
        if picture.image.width * picture.image.height <= _USED_PIXELS:
            _use(picture, path.parent, random)
    except ImageError as error:
        outcome = refused(error)
    try:
        hole = read_hole(
            path,
            size=(23, 31),
            threshold=float(random.uniform(0.01, 1)),
            invert=bool(random.integers(2)),
            channel=_CHANNELS[int(random.integers(6))],  # type: ignore[arg-type]
            resize=True,
        )
        assert hole.shape == (1, 1, 23, 31)
        assert set(hole.unique().tolist()) <= {0.0, 1.0}
    except HoleError as error:
        refused(error)
    try_painted(path.read_bytes())
    return outcome


def try_painted(data: bytes) -> None:
    """Gives the bytes as what the page paints."""
    from rfr_nodes.demo.uploads import read_painted

    try:
        assert read_painted("data:image/png;base64," + base64.b64encode(data).decode()).mode == "L"
    except RFRError as error:
        refused(error)


def _use(picture: Picture, folder: Path, random: Random) -> None:
    tensor = to_tensor(picture.image)
    assert bool(((tensor >= 0) & (tensor <= 1)).all()), "colours out of range"
    weight = torch.zeros(1, 1, *tensor.shape[-2:])
    weight[..., : tensor.shape[-2] // 2, :] = 1
    image = paste_fill(picture.image, torch.rand(tensor.shape), weight)
    assert (image.mode, image.size) == (picture.image.mode, picture.image.size)
    target = folder / f"again{_SUFFIXES[int(random.integers(5))]}"
    try:
        save_picture(Picture(image, picture.exif, picture.icc_profile, picture.format), target)
        again = read_picture(target).image
        assert again.size == image.size, "another size after saving"
        target.unlink()
    except ImageError as error:
        if "cannot hold" not in str(error):
            raise AssertionError(f"cannot be saved: {error}") from error
    assert [path.name for path in folder.iterdir() if path.name.startswith("again") or path.suffix == ".tmp"] == []
