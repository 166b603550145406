"""The bundled network compiled by ``torch.compile``, against the form that is run by default."""

from __future__ import annotations

import time

import torch

from benchmarks.networks import bundled_network, difference, inference_form, sample
from benchmarks.report import Table, Value
from benchmarks.setting import Setting
from benchmarks.timing import in_turns
from rfr_core.errors import DeviceError
from rfr_core.inference.optimize import optimized


@torch.inference_mode()
def run(setting: Setting) -> Table:
    title = "The bundled model in float32, compiled, on the CPU"
    network = bundled_network()
    form = optimized(network, compile=True)
    rows: list[list[Value]] = []
    try:
        for size in setting.sizes:
            image, known = sample(size)
            usual = inference_form(network, image, known)
            image = image.contiguous(memory_format=torch.channels_last)
            started = time.perf_counter()
            off = difference(form(image, known), usual())
            first = time.perf_counter() - started
            ways = {"compiled": lambda image=image, known=known: form(image, known), "usual": usual}
            times = in_turns(ways, setting.rounds, setting.clock)
            rows.append([size, first, 1e3 * times.of("compiled"), times.ratio("usual", "compiled"), off])
    except DeviceError as error:
        return Table(title, (), (), (f"Left out: {error}",))
    columns = ("side", "first call s (less where PyTorch's cache has it)", "ms", "times as fast", "largest difference")
    return Table(title, columns, rows)
