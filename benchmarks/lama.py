"""The bundled model against LaMa's architecture (big-lama's size, random weights: for speed alone) and Telea."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor

from benchmarks.networks import bundled_network, full_network, inference_form, sample
from benchmarks.report import Table, Value
from benchmarks.setting import Setting
from benchmarks.spandrel_lama import build_lama
from benchmarks.timing import in_turns
from rfr_core.inference.devices import resolve_dtype


@torch.inference_mode()
def run(setting: Setting) -> Table:
    lama = build_lama()
    if lama is None:
        return Table("LaMa", (), (), ("Left out: it needs the package spandrel (pip install spandrel --no-deps).",))
    rows: list[list[Value]] = []
    fast = resolve_dtype("auto", torch.device("cpu"))
    for size in setting.sizes:
        image, known = sample(size)
        ways: dict[str, Callable[[], Any]] = {
            "LaMa": lambda image=image, known=known: lama(image, 1 - known),
            "bundled, float32": inference_form(bundled_network(), image, known),
            "bundled, auto": inference_form(bundled_network(), image, known, fast),
            "full, float32": inference_form(full_network(), image, known),
            "full, auto": inference_form(full_network(), image, known, fast),
        } | _telea(image, known)
        times = in_turns(ways, setting.rounds, setting.clock)
        rows += [[size, name, 1e3 * times.of(name), times.ratio("LaMa", name)] for name in ways]
    note = f"auto = {str(fast).removeprefix('torch.')}. LaMa in float32, where its Fourier transforms run."
    return Table(
        "One forward on the CPU, against LaMa", ("side", "method", "ms", "times as fast as LaMa"), rows, (note,)
    )


def _telea(image: Tensor, known: Tensor) -> dict[str, Callable[[], Any]]:
    try:
        import cv2
    except ImportError:
        return {}
    pixels = (image[0].permute(1, 2, 0) * 255).byte().contiguous().numpy()
    hole = (known[0, 0] == 0).numpy().astype(np.uint8)
    return {"Telea (OpenCV)": lambda: cv2.inpaint(pixels, hole, 5, cv2.INPAINT_TELEA)}
