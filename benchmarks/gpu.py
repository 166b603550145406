"""Time and memory of the full network on a CUDA device, against the plain form run there."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from benchmarks.networks import full_network, plain, sample
from benchmarks.report import Table, Value
from benchmarks.setting import Setting
from benchmarks.timing import in_turns

_SIDES, _BATCHES = (256, 512, 1024), (1, 16)


@torch.inference_mode()
def run(setting: Setting) -> Table:
    title = "One forward of the full network on a GPU"
    if not torch.cuda.is_available():
        return Table(title, (), (), ("Left out: there is no CUDA device.",))
    rows = [row for side in _SIDES for batch in _BATCHES for row in _compared(side, batch, setting)]
    return Table(title, ("side", "batch", "form", "ms", "times as fast as plain", "peak GiB"), rows)


def _compared(side: int, batch: int, setting: Setting) -> list[list[Value]]:
    network = full_network().cuda()
    image, known = (x.cuda() for x in sample(side, batch))
    half = image.half().contiguous(memory_format=torch.channels_last)
    float32, float16 = network.optimized(), network.optimized().half()
    compiled = network.optimized(compile=True).half()
    ways: dict[str, Callable[[], Tensor]] = {
        "plain": plain(network, image, known),
        "float32": lambda: float32(image.contiguous(memory_format=torch.channels_last), known),
        "float16": lambda: float16(half, known),
        "float16, compiled": lambda: compiled(half, known),
    }
    peaks = {name: _peak(way) for name, way in ways.items()}
    finished = {name: _finished(way) for name, way in ways.items() if peaks[name] is not None}
    times = in_turns(finished, setting.rounds, "wall")
    rows: list[list[Value]] = []
    for name, peak in peaks.items():
        ratio = times.ratio("plain", name) if peak and peaks["plain"] else "-"
        rows.append(
            [side, batch, name, 1e3 * times.of(name), ratio, peak] if peak else [side, batch, name, "-", "-", "-"]
        )
    return rows


def _peak(way: Callable[[], Tensor]) -> float | None:
    """GiB, ``None`` where the memory does not suffice."""
    torch.cuda.empty_cache()
    torch.cuda.reset_peak_memory_stats()
    try:
        way()
    except torch.OutOfMemoryError:
        return None
    return torch.cuda.max_memory_allocated() / 2**30


def _finished(way: Callable[[], Tensor]) -> Callable[[], Any]:
    """What waits until the device is done."""

    def waited() -> None:
        way()
        torch.cuda.synchronize()

    return waited
