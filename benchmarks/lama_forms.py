"""LaMa's architecture (big-lama's size, random weights: for speed alone) in the forms in which it is run."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from benchmarks.spandrel_lama import build_lama
from rfr_core.errors import RFRError
from rfr_core.inference.devices import resolve_dtype

MULTIPLE = 8  # of which LaMa's pictures have sides
Fill = Callable[[Tensor, Tensor], Tensor]
Run = Callable[[Tensor, Tensor], Tensor]


def lama_forms() -> dict[str, Fill]:
    """Whole fills by name: a picture (1, 3, H, W) in [0, 1] and a hole (1, 1, H, W), 1 = fill -> the picture filled.

    Empty without spandrel; without onnxruntime its forms are missing. bfloat16 is left out on a processor without units
    for it, where a pass would take minutes.
    """
    lama = build_lama()
    if lama is None:
        return {}
    forms: dict[str, Run] = {"LaMa, float32": lama, "LaMa, compiled": torch.compile(lama)}
    if resolve_dtype("auto", torch.device("cpu")) == torch.bfloat16:
        forms["LaMa, bfloat16"] = _bfloat16(lama)
    return {name: _whole(run) for name, run in (forms | _onnx_forms(lama)).items()}


def _whole(run: Run) -> Fill:
    def fill(image: Tensor, hole: Tensor) -> Tensor:
        height, width = image.shape[-2:]
        missing = (0, -width % MULTIPLE, 0, -height % MULTIPLE)
        output = run(F.pad(image, missing, mode="replicate"), F.pad(hole, missing, mode="replicate"))
        return torch.where(hole > 0, output[..., :height, :width].float(), image)

    return fill


def _bfloat16(lama: nn.Module) -> Run:
    def run(image: Tensor, hole: Tensor) -> Tensor:
        with torch.autocast("cpu", torch.bfloat16):  # its Fourier transforms stay in float32
            return lama(image, hole)

    return run


def _onnx_forms(lama: nn.Module) -> dict[str, Run]:
    try:
        import onnx  # noqa: F401
        import onnxruntime  # noqa: F401
    except ImportError:
        return {}
    with tempfile.TemporaryDirectory() as name, torch.inference_mode(False), torch.no_grad():
        plain, small = Path(name, "lama.onnx"), Path(name, "int8.onnx")
        sides = {2: torch.export.Dim("height") * MULTIPLE, 3: torch.export.Dim("width") * MULTIPLE}
        example = torch.rand(1, 3, 256, 256), torch.zeros(1, 1, 256, 256)
        program = torch.onnx.export(
            lama, example, dynamo=True, opset_version=18, verbose=False, dynamic_shapes=(sides, sides)
        )
        if program is None:
            raise RFRError("LaMa could not be exported to ONNX.")
        program.save(plain)
        _quantise(plain, small)
        return {"LaMa, onnxruntime": _session(plain), "LaMa, onnxruntime int8": _session(small)}


def _session(path: Path) -> Run:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    session = onnxruntime.InferenceSession(path.read_bytes(), options, ["CPUExecutionProvider"])
    names = [given.name for given in session.get_inputs()]

    def run(image: Tensor, hole: Tensor) -> Tensor:
        values: dict[str, Any] = dict(zip(names, (image.numpy(), hole.numpy()), strict=True))
        return torch.from_numpy(session.run(None, values)[0])

    return run


def _quantise(source: Path, target: Path) -> None:
    """Convolutions with weights and activations of 8 bits, their ranges from one random picture."""
    import onnx
    from onnxruntime.quantization import CalibrationDataReader, QuantFormat, quantize_static

    class OnePicture(CalibrationDataReader):
        def __init__(self, names: list[str]) -> None:
            self.values = iter([dict(zip(names, (_noise(3), _noise(1)), strict=True))])

        def get_next(self) -> dict[str, Any]:
            return next(self.values, {})

    names = [given.name for given in onnx.load(source, load_external_data=False).graph.input]
    quantize_static(
        source, target, OnePicture(names), quant_format=QuantFormat.QDQ, op_types_to_quantize=["Conv"], per_channel=True
    )


def _noise(channels: int) -> Any:
    return torch.rand(1, channels, 256, 256, generator=torch.Generator().manual_seed(0)).numpy()
