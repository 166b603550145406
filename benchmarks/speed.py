"""The network's forward against its plain form, and OpenCV's Telea on the same picture."""

from __future__ import annotations

import torch

from benchmarks.networks import bundled_network, difference, full_network, inference_form, plain, sample
from benchmarks.report import Table, Value
from benchmarks.setting import Setting
from benchmarks.timing import in_turns
from rfr_core.inference.devices import resolve_dtype


@torch.inference_mode()
def run(setting: Setting) -> Table:
    rows: list[list[Value]] = []
    fast = resolve_dtype("auto", torch.device("cpu"))
    for size in setting.sizes:
        image, known = sample(size)
        full = full_network()
        ways = {
            "plain": plain(full, image, known),
            "float32": inference_form(full, image, known),
            "fast": inference_form(full, image, known, fast),
            "lite": inference_form(bundled_network(), image, known, fast),
        }
        expected = ways["plain"]()
        off = {name: difference(ways[name](), expected) for name in ("float32", "fast")}
        times = in_turns(ways, setting.rounds, setting.clock)
        for name, form in (("float32", "full, float32"), ("fast", f"full, auto ({_name(fast)})")):
            rows.append(
                [size, form, 1e3 * times.of(name), 1e3 * times.of("plain"), times.ratio("plain", name), off[name]]
            )
        rows.append(
            [
                size,
                f"bundled, auto ({_name(fast)})",
                1e3 * times.of("lite"),
                1e3 * times.of("plain"),
                times.ratio("plain", "lite"),
                "",
            ]
        )
    return Table(
        "One forward on the CPU, against the plain form of the full network in float32",
        ("side", "network", "ms", "plain ms", "times as fast", "largest difference"),
        rows,
    )


def _name(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")
