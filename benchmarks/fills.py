"""Whole fills, from a picture to a picture, against other methods in the forms in which they are fastest."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Iterator, Mapping
from statistics import median
from typing import Any

import torch
from torch import Tensor

from benchmarks.lama_forms import lama_forms
from benchmarks.pictures import example, photograph
from benchmarks.process import run_python
from benchmarks.report import Table, Value
from benchmarks.setting import Setting
from benchmarks.timing import in_turns
from rfr_core.inference.devices import resolve_dtype
from rfr_core.inpainter import Inpainter
from rfr_core.training.evaluation.peers import PEERS, tensor_fill

Fill = Callable[[Tensor, Tensor], Tensor]

COLUMNS = ("picture", "hole", "hole's pixels", "method", "s", "times as fast as LaMa, float32")
IMPORT = "import torch, as a process"
_LAMA = "LaMa, float32"
_SHARES = (0.05, _MIDDLE := 0.25, 0.6)  # of the picture, that a square hole in its middle covers
_PEERS = ("patchmatch", "fsr-fast", "telea")
_USUAL = 512  # the side of the picture in which holes of an object's size are filled
_OBJECTS = ((120, 100), (350, 380))  # height, width
_EXAMPLES = ("flower", "creek")
_LARGE, _SMALL_HOLE = (3000, 4000), 200  # height, width; pixels
_MARGIN = 128  # around a hole in a large photograph, as tools that run LaMa cut it out
_LONGEST = 8.0  # seconds; what takes longer is done once


@torch.inference_mode()
def run(setting: Setting) -> Table:
    lama = lama_forms()
    if not lama:
        return Table("Whole fills", (), (), ("Left out: it needs spandrel (pip install spandrel --no-deps).",))
    fast = str(resolve_dtype("auto", torch.device("cpu"))).removeprefix("torch.")
    ours = {f"RFR, {dtype}": _ours(dtype) for dtype in dict.fromkeys(("float32", fast))}
    peers = {PEERS[name].title: tensor_fill(PEERS[name]) for name in _PEERS if PEERS[name].is_available()}
    rows: list[list[Value]] = []
    for size in setting.sizes:
        image = photograph((size, size))
        for share in _SHARES:
            hole = square_hole((size, size), round(size * math.sqrt(share)))
            rivals = lama if share == _MIDDLE else {_LAMA: lama[_LAMA]}
            rows += _rows(f"{size}×{size}", f"{share:.0%}", hole, _on(image, hole, ours | peers | rivals), setting)
    for picture, name, image, hole in _usual_cases() if _USUAL in setting.sizes else ():
        rows += _rows(picture, name, hole, _on(image, hole, ours | peers | {_LAMA: lama[_LAMA]}), setting)
    image, hole = photograph(_LARGE), square_hole(_LARGE, _SMALL_HOLE)
    around = tuple(slice((side - _SMALL_HOLE) // 2 - _MARGIN, (side + _SMALL_HOLE) // 2 + _MARGIN) for side in _LARGE)
    ways = _on(image, hole, ours) | _on(image[(..., *around)], hole[(..., *around)], peers | lama)
    rows += _rows(f"{_LARGE[1]}×{_LARGE[0]}", f"{_SMALL_HOLE} pixels", hole, ways, setting)
    imports = [run_python("-c", "import torch").seconds(setting.clock) for _ in range(setting.rounds)]
    rows.append(["", "", "", IMPORT, median(imports), ""])
    notes = (
        "Default fills, network and detail. LaMa's architecture has random weights, for speed alone, and looks at the",
        "whole picture, whatever the hole: its other forms are run with one hole of each size.",
        f"In the large picture all but RFR get the hole and {_MARGIN} pixels around it.",
    )
    return Table("Whole fills on the CPU, from picture to picture", COLUMNS, rows, notes)


def _usual_cases() -> Iterator[tuple[str, str, Tensor, Tensor]]:
    """Objects to be filled, and the examples: names of picture and hole, and both."""
    size = (_USUAL, _USUAL)
    for height, width in _OBJECTS:
        yield f"{_USUAL}×{_USUAL}", f"{width}×{height}", photograph(size), middle_hole(size, (height, width))
    for name in _EXAMPLES:
        image, hole = example(name)
        yield f"{name}, {image.shape[3]}×{image.shape[2]}", f"{hole.mean():.0%}", image, hole


def square_hole(size: tuple[int, int], side: int) -> Tensor:
    """A square hole (1, 1, H, W) of 0 and 1 in the middle of a picture of size (H, W)."""
    return middle_hole(size, (side, side))


def middle_hole(size: tuple[int, int], sides: tuple[int, int]) -> Tensor:
    """As `square_hole`, a rectangle of sides (height, width)."""
    hole = torch.zeros(1, 1, *size)
    top, left = ((length - side) // 2 for length, side in zip(size, sides, strict=True))
    hole[..., top : top + sides[0], left : left + sides[1]] = 1
    return hole


def _on(image: Tensor, hole: Tensor, fills: Mapping[str, Fill]) -> dict[str, Callable[[], Any]]:
    return {name: lambda fill=fill: fill(image, hole) for name, fill in fills.items()}


def _rows(
    picture: str, share: str, hole: Tensor, ways: Mapping[str, Callable[[], Any]], setting: Setting
) -> Iterator[list[Value]]:
    times = in_turns(ways, setting.rounds, setting.clock, longest=_LONGEST)
    print(f"{picture}, {share}: {', '.join(f'{name} {times.of(name):.2f} s' for name in ways)}", file=sys.stderr)
    for name in ways:
        yield [picture, share, int(hole.sum()), name, times.of(name), times.ratio(_LAMA, name)]


def _ours(dtype: str) -> Fill:
    inpainter = Inpainter(device="cpu", dtype=dtype)
    return lambda image, hole: inpainter(image, hole)
