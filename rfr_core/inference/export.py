"""A network as one graph for other runtimes: ONNX, or torch.export's own format.

The graph takes a picture and a mask as pixels and gives the filled picture, at any size and for any number of pictures.
What depends on the picture in Python becomes fixed: the number of recurrences is unrolled, and there is no cropping to
the hole, so that memory grows with the whole picture (its attention with the fourth power of the side). Detail, which
is added after the network, is left out.
"""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import torch
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.export import Dim, ExportedProgram
from torch.fx.experimental.symbolic_shapes import ShapeEnv

from rfr_core.config import check_recurrences
from rfr_core.errors import ConfigError, RFRError
from rfr_core.files import appearing
from rfr_core.inference.folding import fold
from rfr_core.network.rfr_net import RFRNet
from rfr_core.ops.pyramid import GRAPH_SCALES

# Sizes that are alike in nothing and multiples of nothing, beyond the last scale of the colour match: what holds for
# them is traced as holding for all. No memory is touched for them.
_EXAMPLE = (3, 2**GRAPH_SCALES + 7, 2**GRAPH_SCALES + 19)
_AXES = ("batch", "height", "width")


class FillGraph(nn.Module):
    """What is exported: pixels in, the composite out."""

    def __init__(self, network: RFRNet, recurrences: int) -> None:
        super().__init__()
        self.network = network
        self.recurrences = recurrences

    def forward(self, picture: Tensor, mask: Tensor) -> Tensor:
        """Fills.

        Args:
            picture: (N, H, W, 3) uint8.
            mask: (N, H, W) uint8, from 128 on = fill.

        Returns:
            (N, H, W, 3) float32 in [0, 1], ``picture / 255`` where the mask is below 128.
        """
        image = picture.permute(0, 3, 1, 2).float() / 255  # (N, 3, H, W)
        known = (mask < 128).float().unsqueeze(1)  # (N, 1, H, W)
        filled = self.network(image, known, self.recurrences).clamp(0, 1)
        return torch.where(known > 0, image, filled).permute(0, 2, 3, 1)


def export_program(network: RFRNet, recurrences: int | None = None) -> ExportedProgram:
    """The graph as :func:`save_program` takes it, with the arguments of :meth:`FillGraph.forward`.

    Args:
        network: in float32, on the CPU; it stays as it is.
        recurrences: 1-64; ``None`` = the configured number.

    Raises:
        ConfigError: ``recurrences`` is no such number.
    """
    recurrences = network.config.recurrences if recurrences is None else recurrences
    check_recurrences(recurrences)
    if not isinstance(recurrences, int):
        raise ConfigError(f"recurrences is {recurrences!r}; a graph has a fixed number of them, from 1 to 64.")
    graph = FillGraph(fold(network), recurrences)
    axes = dict.fromkeys(range(3), Dim.DYNAMIC)
    with torch.no_grad(), quietly():
        program = torch.export.export(
            graph, _example(), dynamic_shapes=(axes, axes), prefer_deferred_runtime_asserts_over_guards=True
        )
    program.example_inputs = None  # they have no values, and could not be saved
    _drop_assertions(program)
    return program


def save_program(program: ExportedProgram, path: str | Path) -> Path:
    """Writes the graph in the format that the suffix names; the file appears when it is complete.

    Args:
        path: ``.onnx``, with inputs named ``picture`` and ``mask`` and the output ``filled``; or ``.pt2``, for
            :func:`torch.export.load`.

    Raises:
        RFRError: another suffix, a folder that is missing or cannot be written to, or no packages that write ONNX.
    """
    path = check_export_path(path)
    try:
        with appearing(path) as file:
            if path.suffix.lower() == ".onnx":
                _write_onnx(program, file)
            else:
                torch.export.save(program, file)
    except OSError as error:
        raise RFRError(f"{path} could not be written: {error}. Check the folder and its free space.") from error
    return path


def check_export_path(path: str | Path) -> Path:
    """The path, if it names a format that can be written here; else RFRError, before any work is done in vain."""
    path = Path(path)
    if path.suffix.lower() not in (".onnx", ".pt2"):
        raise RFRError(f"{path} ends in {path.suffix or 'no suffix'}; expected .onnx or .pt2: rename it.")
    if not path.parent.is_dir():
        raise RFRError(f"The folder {path.parent} does not exist; create it first.")
    if path.suffix.lower() == ".onnx":
        check_onnx_packages()
    return path


def check_onnx_packages() -> None:
    """Raises RFRError where the packages that write ONNX files are missing."""
    try:
        import onnx  # noqa: F401
        import onnxscript  # noqa: F401
    except ImportError as error:
        raise RFRError(
            f"ONNX files need the package {error.name}, which is missing; run pip install 'rfr-inpainting[onnx]'."
        ) from error


def _write_onnx(program: ExportedProgram, file: BinaryIO) -> None:
    names: Any = dict(enumerate(_AXES))
    with quietly():
        converted = torch.onnx.export(
            program,
            (),
            dynamo=True,
            input_names=["picture", "mask"],
            output_names=["filled"],
            dynamic_shapes=(names, names),
            verbose=False,
        )
    assert converted is not None
    file.write(converted.model_proto.SerializeToString())


def _drop_assertions(program: ExportedProgram) -> None:
    """Lets the graph take sizes that would lie differently in memory than the example's: all it asserts is of that."""
    graph = program.graph_module.graph
    for node in list(graph.nodes):
        if node.target is torch.ops.aten._assert_scalar.default:
            graph.erase_node(node)
    graph.eliminate_dead_code()
    program.graph_module.recompile()


def _example() -> tuple[Tensor, Tensor]:
    with FakeTensorMode(allow_non_fake_inputs=True, shape_env=ShapeEnv()):
        return torch.empty(*_EXAMPLE, 3, dtype=torch.uint8), torch.empty(*_EXAMPLE, dtype=torch.uint8)


@contextmanager
def quietly() -> Iterator[None]:
    """Without what the exporters say to their own developers."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)
