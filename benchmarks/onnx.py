"""The exported graph, and whole fills without PyTorch, under onnxruntime, against PyTorch."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch

from benchmarks.fills import square_hole
from benchmarks.networks import bundled_network, sample
from benchmarks.pictures import photograph
from benchmarks.report import Table, Value
from benchmarks.setting import Setting
from benchmarks.timing import in_turns
from rfr_core.images.values import to_bytes
from rfr_core.inference.export import FillGraph, export_program, save_program
from rfr_core.inference.optimize import optimized
from rfr_core.inpainter import Inpainter
from rfr_core.portable import PortableInpainter


@torch.inference_mode()
def run(setting: Setting) -> Table:
    try:
        session, runs = _session()
    except ImportError as error:
        return Table("ONNX", (), (), (f"Left out: {error.name} is missing (pip install 'rfr-inpainting[onnx]').",))
    graph = FillGraph(optimized(bundled_network()), bundled_network().config.recurrences)
    rows: list[list[Value]] = []
    for size in setting.sizes:
        image, known = sample(size)
        picture = to_bytes(image).permute(0, 2, 3, 1).contiguous()
        mask = 255 * (known[:, 0] == 0).byte()
        ways: dict[str, Callable[[], Any]] = {
            "onnxruntime": lambda picture=picture, mask=mask: runs(picture, mask),
            "PyTorch": lambda picture=picture, mask=mask: graph(picture, mask),
        }
        off = float((torch.from_numpy(ways["onnxruntime"]()) - ways["PyTorch"]()).abs().max())
        rows += _rows(size, "one forward", ways, off, setting)
        rows += _rows(size, "whole fill", *_fills(size), setting)
    columns = ("side", "what", "runtime", "ms", "times as fast as PyTorch", "largest difference")
    notes = ("A whole fill is the default one, with detail, of a square hole of a quarter of a photograph.",)
    return Table(f"The bundled model in float32 under {session}", columns, rows, notes)


def _rows(
    size: int, what: str, ways: dict[str, Callable[[], Any]], off: float, setting: Setting
) -> Iterator[list[Value]]:
    times = in_turns(ways, setting.rounds, setting.clock)
    for way in ways:
        yield [size, what, way, 1e3 * times.of(way), times.ratio("PyTorch", way), off]


def _fills(size: int) -> tuple[dict[str, Callable[[], Any]], float]:
    """Both ways of a whole fill, and how far apart their results are, white being 1."""
    picture = to_bytes(photograph((size, size)))[0].permute(1, 2, 0).numpy()
    hole = square_hole((size, size), size // 2)[0, 0].byte().numpy()
    portable = PortableInpainter(threads=torch.get_num_threads())
    usual = Inpainter(bundled_network(), device="cpu", dtype="float32")
    ways: dict[str, Callable[[], Any]] = {
        "onnxruntime": lambda: portable(picture, hole),
        "PyTorch": lambda: usual(picture, hole),
    }
    filled, expected = (way().astype(int) for way in ways.values())
    return ways, float(abs(filled - expected).max()) / 255


def _session() -> tuple[str, Callable[..., Any]]:
    import onnxruntime

    with tempfile.TemporaryDirectory() as folder, torch.inference_mode(False):
        path = save_program(export_program(bundled_network()), Path(folder, "bundled.onnx"))
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = torch.get_num_threads()
        session = onnxruntime.InferenceSession(path.read_bytes(), options, ["CPUExecutionProvider"])

    def run_session(picture: torch.Tensor, mask: torch.Tensor) -> Any:
        return session.run(None, {"picture": picture.numpy(), "mask": mask.numpy()})[0]

    return f"onnxruntime {onnxruntime.__version__}", run_session
