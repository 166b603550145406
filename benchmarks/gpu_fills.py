"""Whole fills on a GPU, one picture and many at once, against the least time that their arithmetic can take there."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from benchmarks.fills import square_hole
from benchmarks.pictures import photograph
from benchmarks.report import Table, Value
from benchmarks.setting import Setting
from benchmarks.timing import Times, finished, in_turns
from rfr_core.inpainter import Inpainter

BATCHES = (1, 16)
_SHARE = 0.25  # of the picture, that a square hole in its middle covers
_MATRIX = 8192  # rows and columns: what a GPU multiplies at its full speed
_COLUMNS = ("side", "batch", "form", "ms", "ms a picture", "times its arithmetic", "peak GiB")


def run(setting: Setting) -> Table:
    title = "Whole fills on a GPU, from picture to picture"
    if not torch.cuda.is_available():
        return Table(title, (), (), ("Left out: there is no CUDA device.",))
    forms = {"usual": Inpainter(device="cuda"), "compiled": Inpainter(device="cuda", compile=True)}
    return fills_of(forms, setting, title)


def fills_of(forms: Mapping[str, Inpainter], setting: Setting, title: str, *, matrix: int = _MATRIX) -> Table:
    """The table of inpainters on one device, the first of which is not compiled.

    matrix: rows and columns of those whose product says how fast the device computes.
    """
    usual = next(iter(forms.values()))
    device, rate = usual.device, _rate(usual.device, usual.dtype, matrix)
    rows: list[list[Value]] = []
    for side in setting.sizes:
        for batch in BATCHES:
            image = photograph((side, side)).repeat(batch, 1, 1, 1).to(device)
            hole = square_hole((side, side), round(side * math.sqrt(_SHARE))).repeat(batch, 1, 1, 1).to(device)
            ways = {name: finished(_filled(form, image, hole), device) for name, form in forms.items()}
            peaks = {name: _peak(device, way) for name, way in ways.items()}
            least = _multiply_adds(_filled(usual, image, hole)) / rate
            times = in_turns(ways, setting.rounds, "wall")
            rows += [_row(side, batch, name, times, least, peaks[name]) for name in ways]
    notes = (
        f"Default fills, network and detail, square holes of {_SHARE:.0%}, pictures on the device. Its arithmetic: the",
        f"multiply-adds of all convolutions and products at the speed of a product of two {matrix}×{matrix} matrices.",
    )
    return Table(title, _COLUMNS, rows, notes)


def _filled(inpainter: Inpainter, image: Tensor, hole: Tensor) -> Callable[[], Any]:
    return lambda: inpainter(image, hole)


def _row(side: int, batch: int, form: str, times: Times, least: float, peak: float) -> list[Value]:
    seconds = times.of(form)
    return [side, batch, form, 1e3 * seconds, 1e3 * seconds / batch, seconds / least, peak]


def _peak(device: torch.device, way: Callable[[], Any]) -> float:
    """GiB of the device's memory once all is compiled, weights of all forms included; 0 where it doesn't tell."""
    way()
    if device.type != "cuda":
        return 0.0
    torch.cuda.reset_peak_memory_stats(device)
    way()
    return torch.cuda.max_memory_allocated(device) / 2**30


def _multiply_adds(way: Callable[[], Any]) -> int:
    """On a CPU, where some convolutions are other operations, not all of them."""
    with FlopCounterMode(display=False) as counter:
        way()
    return counter.get_total_flops() // 2


def _rate(device: torch.device, dtype: torch.dtype, side: int) -> float:
    """Multiply-adds a second of a large product of matrices."""
    matrix = torch.ones(side, side, device=device, dtype=dtype)
    times = in_turns({"product": finished(lambda: matrix @ matrix, device)}, 5, "wall")
    return side**3 / times.of("product")
