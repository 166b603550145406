"""A network's parts as graphs without weights, for the fill without PyTorch (`rfr_core.portable`).

A graph names its weights as a checkpoint does, and holds none: whoever runs it reads them from the checkpoint. So it
depends on the configuration alone, and stays right when a network of the same configuration is trained anew. Nothing
is folded and nothing is optimised here; the runtime does both when it has the weights.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.export import Dim

from rfr_core.errors import ConfigError, RFRError
from rfr_core.files import appearing
from rfr_core.inference.export import check_onnx_packages, quietly
from rfr_core.network.attention_memory import AttentionMemory
from rfr_core.network.residual_network import FILLS, NetworkInput, ResidualEncoder
from rfr_core.network.rfr_net import RFRNet
from rfr_core.texture.refinement import MULTIPLE, STACK_CHANNELS, Refinement, refinement_of

CONFIG_KEY = "rfr_config"  # of a graph's metadata
_EXAMPLE_SIDES = (3, 5)  # of pictures for tracing, times what a part's sides are multiples of


class EncodePart(nn.Module):
    """From pictures and their interpolations to the features that the recurrences begin with."""

    def __init__(self, network: RFRNet) -> None:
        super().__init__()
        self.encoder = network.encoder

    def forward(
        self, image: Tensor, known: Tensor, interpolated: Tensor, fills: Tensor, trust: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        """The arguments of a `NetworkInput`; returns what `ResidualEncoder.forward` does."""
        features, reached, guide = self.encoder(NetworkInput(image, known, interpolated, fills, trust))
        return features, reached, guide


class RecurPart(nn.Module):
    """One recurrence."""

    def __init__(self, network: RFRNet) -> None:
        super().__init__()
        self.reasoning = network.reasoning

    def forward(
        self, features: Tensor, known: Tensor, guide: Tensor, attended: Tensor, scores: Tensor
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """What a recurrence makes of the one before.

        features, guide: (N, C, h, w). known: (N, 1, h, w) in {0, 1}. attended: (N, 1, h/2, w/2), the mask that the
        attention was given before, 0 in the first recurrence. scores: (N, hw/4, hw/4), its scores then, of no meaning
        where ``attended`` is 0. Returns new features, known, attended and scores.
        """
        coverages = self.reasoning.area.cover(known)
        known = coverages[-1].known
        features = features + self.reasoning.area(features, coverages) + guide
        memory = AttentionMemory(attended, _scores=scores)
        features, memory = self.reasoning.reason(features, known, memory)
        return features * known, known, memory.known, memory.scores


class DecodePart(nn.Module):
    """From merged features to pictures."""

    def __init__(self, network: RFRNet) -> None:
        super().__init__()
        self.decoder = network.decoder

    def forward(
        self, image: Tensor, known: Tensor, interpolated: Tensor, fills: Tensor, trust: Tensor, merged: Tensor
    ) -> Tensor:
        """The arguments of a `NetworkInput` and features (N, C, h, w); returns (N, 3, H, W)."""
        return self.decoder(NetworkInput(image, known, interpolated, fills, trust), merged)


class RefinePart(nn.Module):
    """The refinement of a fill with detail."""

    def __init__(self, refinement: Refinement) -> None:
        super().__init__()
        self.refinement = refinement

    def forward(self, stack: Tensor, known: Tensor, texture: Tensor) -> Tensor:
        """As `Refinement.forward`; texture: (1,)."""
        return self.refinement(stack, known, texture=texture)


@dataclass(frozen=True)
class _Export:
    """A part and what tracing it takes.

    inputs: examples, by name. axes: by name, those of each input that may have any length. outputs: their names.
    """

    part: nn.Module
    inputs: dict[str, Tensor]
    axes: dict[str, dict[int, Any]]
    outputs: list[str]


def write_parts(network: RFRNet, folder: str | Path) -> list[Path]:
    """Writes encode.onnx, recur.onnx, decode.onnx and refine.onnx into a folder; returns their paths.

    network: with residual blocks, partial convolutions, KCA and a refinement, as the bundled one. Raises ConfigError:
    another network. RFRError: no packages that write ONNX, or a folder that cannot be written to.
    """
    check_onnx_packages()
    folder = Path(folder)
    if not folder.is_dir():
        raise RFRError(f"The folder {folder} does not exist; create it first.")
    config = json.dumps(network.config.to_dict(), sort_keys=True)
    paths = []
    for name, export in _exports(network).items():
        path, data = folder / f"{name}.onnx", _graph(export, config)
        try:
            with appearing(path) as file:
                file.write(data)
        except OSError as error:
            raise RFRError(f"{path} could not be written: {error}. Check the folder and its free space.") from error
        paths.append(path)
    return paths


def _exports(network: RFRNet) -> dict[str, _Export]:
    config, refinement = network.config, refinement_of(network)
    usual = (config.area, config.attention, config.merge) == ("partial", "kca", "adaptive")
    if not isinstance(network.encoder, ResidualEncoder) or not usual or refinement is None:
        raise ConfigError(
            "Parts are written of networks with residual blocks, partial convolutions, KCA, adaptive merging and a "
            "refinement, as the bundled one is; this is another."
        )
    batch, down, right = Dim("batch"), Dim("rows"), Dim("columns")
    scale = config.multiple_of // 2**config.downsamples  # of the feature map
    half = scale // 2  # of the attention

    def export(part: nn.Module, outputs: list[str], **inputs: tuple[int, ...]) -> _Export:
        """inputs: channels, and of what a side is so many times a number."""
        examples, axes = {}, {}
        for name, (*channels, times) in inputs.items():
            examples[name] = torch.rand(2, *channels, *(times * side for side in _EXAMPLE_SIDES))
            axes[name] = {0: batch, len(channels) + 1: times * down, len(channels) + 2: times * right}
        return _Export(part.eval(), examples, axes, outputs)

    side = config.multiple_of
    shown = {"image": (3, side), "known": (1, side), "interpolated": (3, side)}
    shown |= {"fills": (FILLS, 3, side), "trust": (FILLS, side)}
    maps = {"features": (config.width, scale), "known": (1, scale), "guide": (config.width, scale)}
    recurred = ["features_after", "known_after", "attended_after", "scores_after"]
    exports = {
        "encode": export(EncodePart(network), ["features", "reached", "guide"], **shown),
        "recur": export(RecurPart(network), recurred, **maps, attended=(1, half)),
        "decode": export(DecodePart(network), ["decoded"], **shown, merged=(config.width, scale)),
        "refine": export(RefinePart(refinement), ["refined"], stack=(STACK_CHANNELS, MULTIPLE), known=(1, MULTIPLE)),
    }
    positions = exports["recur"].inputs["attended"][0].numel()
    exports["recur"].inputs["scores"] = torch.rand(2, positions, positions)
    exports["recur"].axes["scores"] = {0: batch, 1: Dim.AUTO, 2: Dim.AUTO}
    exports["refine"].inputs["texture"] = torch.zeros(1)
    exports["refine"].axes["texture"] = {}
    return exports


def _graph(export: _Export, config: str) -> bytes:
    """An ONNX file whose weights have names and shapes alone."""
    import onnx

    with torch.no_grad(), quietly():
        program = torch.export.export(export.part, (), export.inputs, dynamic_shapes=export.axes)
        converted = torch.onnx.export(
            program,
            (),
            kwargs=export.inputs,
            dynamo=True,
            output_names=export.outputs,
            optimize=False,
            verbose=False,
        )
    assert converted is not None
    model = converted.model_proto
    weights = export.part.state_dict()
    for tensor in model.graph.initializer:
        assert tuple(tensor.dims) == tuple(weights.pop(tensor.name).shape)
        tensor.ClearField("raw_data")
        tensor.data_location = onnx.TensorProto.EXTERNAL
        entry = tensor.external_data.add()
        entry.key, entry.value = "location", "model.safetensors"
    assert not weights
    del model.graph.value_info[:]  # what a runtime finds out by itself
    for part in (model.graph, *model.graph.node, *model.graph.input, *model.graph.output, *model.graph.initializer):
        part.ClearField("metadata_props")  # where in the code it comes from
    onnx.helper.set_model_props(model, {CONFIG_KEY: config})
    return model.SerializeToString()
