"""What the nodes make of connections of any shape, type and value, and of options of any kind, without a host."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch

from rfr_core.config import RFRConfig
from rfr_core.errors import RFRError
from rfr_core.images.values import to_pil
from rfr_core.inpainter import Inpainter
from rfr_core.network.rfr_net import RFRNet
from rfr_nodes.host_tensors import hole_for, to_image, to_mask, to_pictures

from .attempts import refused
from .mutation import Random

MEMORY = 512 << 20

_LARGEST = 2**20  # numbers in a tensor
_SIDES = (0, 1, 2, 3, 5, 16, 17, 40, 64)
_DTYPES = (torch.float32, torch.float16, torch.bfloat16, torch.float64, torch.uint8, torch.int64, torch.bool)
_SCALES = (1.0, 1.0, 1.0, 0.0, 1.7, 255.0, -1.0, 1e30, float("nan"), float("inf"))
_OPTIONS: dict[str, tuple[Any, ...]] = {
    "recurrences": ("auto", 1, 2, 0, -1, 65, 10**6, 1.5, None, True, "3", float("nan"), [2]),
    "context": (1.0, 0, 0.25, 8, -1, 17, 1e9, float("nan"), float("inf"), None, "1"),
    "grow": (0, 1, -1, 5, -5, 10**4, -(10**4), 1.5, None, "2", float("nan")),
    "feather": (0, 1, 5, -1, 10**4, 1.5, None, "2", float("nan")),
    "threshold": (0.5, 1, 0, -1, 2, float("nan"), None, "0.5"),
    "channel": ("auto", "alpha", "red", "purple", None, 3, ["auto"]),
    "invert": (False, True, None, 2),
}


def prepare(folder: Path, seed: int) -> Callable[[int], str]:
    """See `attempts.Attempts`: an input is an IMAGE, a MASK and the options of a fill."""
    torch.manual_seed(0)
    network = RFRNet(RFRConfig(width=8, channels=(8, 8, 16), kernel_size=3, norm="group"))
    inpainter = Inpainter(network, device="cpu", dtype="float32")

    def attempt(index: int) -> str:
        random = np.random.default_rng((seed, index))
        try:
            return _try_fill(inpainter, random) if random.random() < 0.7 else _try_options(inpainter, random)
        except RFRError as error:
            return refused(error)

    return attempt


def _try_fill(inpainter: Inpainter, random: Random) -> str:
    """The way of RFR Inpaint: its pictures and its hole, and what it gives back."""
    image = _tensor(random, _shape(random, int(random.integers(2, 6))) if random.random() < 0.2 else None)
    pictures = to_pictures(image)
    size = list(pictures.shape[-2:]) if random.random() < 0.7 else [_side(random), _side(random)]
    lead = [len(pictures)] if random.random() < 0.7 else [int(random.integers(0, 4))]
    mask = _tensor(random, lead + size if random.random() < 0.9 else size)
    hole, notes = hole_for(mask, pictures)
    assert hole.shape[-2:] == pictures.shape[-2:]
    assert set(hole.unique().tolist()) <= {0.0, 1.0}
    assert any("resized" in note for note in notes) == (mask.shape[-2:] != pictures.shape[-2:])
    to_mask(hole)
    filled = inpainter(pictures, hole, recurrences=2)
    assert bool(torch.isfinite(filled[(hole > 0).expand_as(filled)].float()).all())
    assert to_image(filled).shape == (*filled.movedim(1, -1).shape,)
    to_pil(filled[:1])
    return "filled"


def _try_options(inpainter: Inpainter, random: Random) -> str:
    """A good picture and mask, and up to three options that may be anything."""
    image, mask = torch.rand(3, 40, 50), torch.zeros(40, 50)
    mask[10:20, 10:25] = 1
    names = random.choice(list(_OPTIONS), int(random.integers(1, 4)), replace=False)
    options: dict[str, Any] = {name: _OPTIONS[name][int(random.integers(len(_OPTIONS[name])))] for name in names}
    filled = inpainter(image, mask, **options)
    assert filled.shape == image.shape
    assert bool(torch.isfinite(filled).all())
    return "filled"


def _shape(random: Random, axes: int) -> list[int]:
    """Any shape of so many axes that fits into the memory that a fill may take."""
    shape = [_side(random) for _ in range(axes)]
    while np.prod(shape) > _LARGEST:
        shape[int(np.argmax(shape))] //= 2
    return shape


def _side(random: Random) -> int:
    return _SIDES[int(random.integers(len(_SIDES)))]


def _tensor(random: Random, shape: list[int] | None) -> torch.Tensor:
    """Random values of a random type; the shape of an IMAGE where none is given."""
    if shape is None:
        shape = [
            int(random.integers(1, 3)),
            max(1, _side(random)),
            max(2, _side(random)),
            int(random.choice([3, 3, 4, 1])),
        ]
    values = torch.from_numpy(random.random(shape)) * float(_SCALES[int(random.integers(len(_SCALES)))])
    if len(shape) != 4 and random.random() < 0.7:
        values = (values > 0.8).double()
    common = random.random() < 0.6
    return values.to(torch.float32 if common else _DTYPES[int(random.integers(len(_DTYPES)))])
