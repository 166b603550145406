"""Time and memory of the full network on a CUDA device, against the plain form run there."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator

import torch
from torch import Tensor

from benchmarks.networks import full_network, plain, sample
from benchmarks.report import Table, Value
from benchmarks.setting import Setting
from benchmarks.timing import finished, in_turns
from rfr_core.inference.optimize import optimized
from rfr_core.network.rfr_net import RFRNet

_BATCHES = (1, 16)
_COMPILED = "float16, compiled"


@torch.inference_mode()
def run(setting: Setting) -> Table:
    title = "One forward of the full network on a GPU"
    if not torch.cuda.is_available():
        return Table(title, (), (), ("Left out: there is no CUDA device.",))
    network = full_network().cuda()
    rows = [row for side in setting.sizes for batch in _BATCHES for row in _compared(network, side, batch, setting)]
    rows += [row for side in setting.sizes for row in _compared(network, side, 1, setting, compile=True)]
    return Table(title, ("side", "batch", "form", "ms", "times as fast as the first", "peak GiB"), rows)


def _compared(
    network: RFRNet, side: int, batch: int, setting: Setting, *, compile: bool = False
) -> Iterator[list[Value]]:
    """The rows of the plain form and ours, or of our half precision and that compiled."""
    image, known = (x.cuda() for x in sample(side, batch))
    last = image.contiguous(memory_format=torch.channels_last)
    half = last.half()
    float16 = optimized(network).half()
    ways: dict[str, Callable[[], Tensor]] = {"float16": lambda: float16(half, known)}
    if compile:
        compiled = optimized(network, compile=True).half()
        ways["float16, compiled"] = lambda: compiled(half, known)
    else:
        float32 = optimized(network)
        ways = {"plain": plain(network, image, known), "float32": lambda: float32(last, known)} | ways
    peaks = {name: _peak(way) for name, way in ways.items()}
    waiting = {name: finished(way, image.device) for name, way in ways.items() if peaks[name] is not None}
    times = in_turns(waiting, setting.rounds, "wall")
    first = next(iter(ways))
    for name, peak in peaks.items():
        ratio = times.ratio(first, name) if peak and peaks[first] else "-"
        row: list[Value] = [side, batch, name, *((1e3 * times.of(name), ratio, peak) if peak else "---")]
        print(row, file=sys.stderr, flush=True)  # compiling may take longer than one wants to wait
        yield row


def _peak(way: Callable[[], Tensor]) -> float | None:
    """GiB, ``None`` where the memory does not suffice."""
    torch.cuda.empty_cache()
    torch.cuda.reset_peak_memory_stats()
    try:
        way()
    except torch.OutOfMemoryError:
        return None
    return torch.cuda.max_memory_allocated() / 2**30
