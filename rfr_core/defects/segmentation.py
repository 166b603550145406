"""Finds defects by the bundled `DefectNet`: tile by tile, and in large pictures at coarser scales as well."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from rfr_core.config import RFRConfig
from rfr_core.defects.kinds import KINDS
from rfr_core.defects.segmentation_network import MULTIPLE, DefectNet
from rfr_core.errors import CheckpointError
from rfr_core.inference.devices import resolve_dtype
from rfr_core.ops.box import Box
from rfr_core.ops.padding import pad_to
from rfr_core.ops.pyramid import average_2x2, box_blur

WEIGHTS = Path(__file__).parents[1] / "weights" / "defects.safetensors"
_TILE = 1536  # pixels of a tile's side without its margin
_MARGIN = 112  # pixels from which on nothing reaches a pixel; like `_TILE` a multiple of `MULTIPLE`
_SOFTENING = 0.25  # share of a blur by a pixel; edges as hard as a drawing program's would be taken for graphics
_DIGITS_HEIGHT, _DIGITS_MARGIN = 32, 2  # pixels of a date's digits, and heights of them around it, when it is judged
_LEAST_STAMP = 0.01  # mean probability of a date in its strokes; letters of signs have 0.000
_LARGEST = 2200  # pixels of the shorter side up to which all that it was trained on is there at one scale


@torch.inference_mode()
def find_by_network(
    picture: Tensor, kinds: frozenset[str], sensitivity: float, weights: str | Path | None = None
) -> Tensor:
    """Where a picture (1, 3, H, W) in [0, 1] has defects of some kinds: (1, 1, H, W) bool.

    A pixel counts where "any defect" has a probability of at least 1 - ``sensitivity``, as what is likeliest of it.
    weights: a file of a `DefectNet`; ``None`` = the bundled one. Raises CheckpointError for a file that is none.
    """
    network = _network(Path(weights or WEIGHTS))
    found = _at_one_scale(network, picture, kinds, sensitivity)
    if min(picture.shape[-2:]) > _LARGEST:
        height, width = picture.shape[-2:]
        even = F.pad(picture, (0, width % 2, 0, height % 2), mode="replicate")
        coarse = find_by_network(average_2x2(even), kinds, sensitivity, weights)
        found |= coarse.repeat_interleave(2, -1).repeat_interleave(2, -2)[..., :height, :width]
    return found


@torch.inference_mode()
def looks_like_a_date(picture: Tensor, marks: Tensor, weights: str | Path | None = None) -> bool:
    """Whether a row of marks is a camera's date, and not a sign's letters, by the network.

    It looks at the row alone, in the size in which it knows digits best.

    Args:
        picture: (1, 3, H, W) in [0, 1].
        marks: (H, W) bool, not empty.
        weights: as for `find_by_network`, which says what it raises.
    """
    network = _network(Path(weights or WEIGHTS))
    rows, columns = marks.any(1).nonzero(), marks.any(0).nonzero()
    row = Box(int(rows[0]), int(columns[0]), int(rows[-1]) + 1, int(columns[-1]) + 1)
    place = row.grown(_DIGITS_MARGIN * row.height, *marks.shape).slices
    size = [max(MULTIPLE, round(side * _DIGITS_HEIGHT / row.height)) for side in marks[place].shape]
    shown = F.interpolate(picture[(..., *place)], size, mode="bicubic", antialias=True).clamp(0, 1)
    there = F.interpolate(marks[place][None, None].float(), size, mode="nearest")[:, 0] > 0
    logits = network(pad_to(shown, MULTIPLE).to(network.leave.weight.dtype))[..., : size[0], : size[1]]
    stamp = logits.float().softmax(1)[:, 1 + KINDS.index("stamp")]
    return bool(there.any()) and float(stamp[there].mean()) >= _LEAST_STAMP


def _at_one_scale(network: DefectNet, picture: Tensor, kinds: frozenset[str], sensitivity: float) -> Tensor:
    height, width = picture.shape[-2:]
    wanted = torch.tensor([kind in kinds for kind in KINDS])
    found = torch.zeros(1, 1, height, width, dtype=torch.bool)
    for tile in _tiles(height, width):
        around = tile.grown(_MARGIN, height, width)
        pixels = picture[(..., *around.slices)]
        softened = torch.lerp(pixels, box_blur(pixels, 1), _SOFTENING)
        values = pad_to(softened, MULTIPLE).to(network.leave.weight.dtype)
        logits = network(values.contiguous(memory_format=torch.channels_last))
        probability = logits[(..., *tile.within(around).slices)].float().softmax(1)
        likeliest = probability[:, 1:].argmax(1, keepdim=True)
        found[(..., *tile.slices)] = (probability[:, :1] <= sensitivity) & wanted[likeliest]
    return found


def _tiles(height: int, width: int) -> Iterator[Box]:
    for top in range(0, height, _TILE):
        for left in range(0, width, _TILE):
            yield Box(top, left, min(height, top + _TILE), min(width, left + _TILE))


@lru_cache(maxsize=2)
def _network(weights: Path) -> DefectNet:
    """The network of a file in eval mode, each normalisation a part of the convolution before it."""
    try:
        state = load_file(weights)
        network = DefectNet(RFRConfig(width=len(state["enter.0.weight"])))
        network.load_state_dict(state)
    except (OSError, SafetensorError, KeyError, RuntimeError) as error:
        raise CheckpointError(
            f"{weights} holds no network that finds defects; give what `rfr train finder` wrote."
        ) from error
    network.eval()
    for block in (network.enter, *network.down, *network.up):
        assert isinstance(block, nn.Sequential)
        for place in (0, 3):  # of the convolutions; their normalisations come next
            block[place] = fuse_conv_bn_eval(block[place], block[place + 1])  # pyright: ignore[reportArgumentType]
            block[place + 1] = nn.Identity()
    dtype = resolve_dtype("auto", torch.device("cpu"))
    return network.requires_grad_(False).to(dtype=dtype, memory_format=torch.channels_last)  # pyright: ignore
