"""A model under onnxruntime: its graphs, and the weights of its checkpoint put into them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load_file

from rfr_core.config import RFRConfig
from rfr_core.errors import CheckpointError, RFRError
from rfr_core.ops.box import Box
from rfr_core.ops.decoder_area import decoder_area
from rfr_core.ops.line_settings import PULL_PUSH_TRUST
from rfr_core.portable.array_lines import interpolated_lines
from rfr_core.portable.array_pyramid import padded, pull_push
from rfr_core.texture.settings import MULTIPLE

PARTS = {"encode": "encoder.", "recur": "reasoning.", "decode": "decoder.", "refine": "refinement."}  # of the weights
_WEIGHTS = Path(__file__).parents[1] / "weights"
_CONFIG_KEY = "rfr_config"


@dataclass(frozen=True)
class Reached:
    """What the network makes of a batch of crops.

    decoded: (N, 3, h, w) float32 of the box that was asked for, colours not matched, not clamped. known: of the whole
    feature map, (N, 1, rows, columns), above 0 where the last recurrence has come.
    """

    decoded: np.ndarray
    known: np.ndarray


class NetworkGraphs:
    """The network and its refinement; safe to use from several threads at once."""

    def __init__(self, folder: str | Path | None = None, threads: int | None = None) -> None:
        """folder, threads, errors: as for `PortableInpainter`."""
        self._runtime = _onnxruntime()
        self._folder, self._threads = Path(folder or _WEIGHTS), threads
        try:
            self.config = RFRConfig.from_dict(json.loads((self._folder / "config.json").read_text("utf-8")))
            weights = load_file(self._folder / "model.safetensors")
        except (OSError, ValueError, SafetensorError) as error:
            raise CheckpointError(f"{self._folder} holds no checkpoint that can be read ({error}).") from error
        self._weights = {name: np.ascontiguousarray(value, np.float32) for name, value in weights.items()}
        self._network = {name: self._session(name) for name in ("encode", "recur", "decode")}

    def run(self, image: np.ndarray, known: np.ndarray, recurrences: int, box: Box | None = None) -> Reached:
        """The network's pictures after so many recurrences, or a box of them.

        image: (N, 3, H, W) in [0, 1]. known: (N, 1, H, W) bool.
        """
        height, width = image.shape[-2:]
        shown = self._shown(image, known)
        features, reached, guide = self._network["encode"].run(None, shown)
        total, count = features, reached
        n, _, rows, columns = features.shape
        attended = np.zeros((n, 1, rows // 2, columns // 2), dtype=np.float32)
        scores = self._array(np.zeros((n, rows * columns // 4, rows * columns // 4), dtype=np.float32))
        for _ in range(recurrences):
            given = {"features": features, "known": reached, "guide": guide, "attended": attended}
            values = {name: self._array(value) for name, value in given.items()} | {"scores": scores}
            *made, scores = self._network["recur"].run_with_ort_values(None, values)
            features, reached, attended = (value.numpy() for value in made)
            total, count = total + features, count + reached
        # Adding 1e-7 to the mean of the masks, as released, is adding maps * 1e-7 to their sum.
        factor = 1 / np.maximum(count + np.float32((recurrences + 1) * 1e-7), np.float32(1e-7))
        merged = total * np.where(count > 0, factor, np.float32(0))
        scale = 2**self.config.downsamples
        box = box or Box(0, 0, height, width)
        area = decoder_area(box, scale, rows, columns, self.config.multiple_of // scale)
        part = area.enlarged(scale)
        seen = {name: value[(..., *part.slices)] for name, value in shown.items()}
        seen["merged"] = merged[(..., *area.slices)]
        (decoded,) = self._network["decode"].run(None, {name: np.ascontiguousarray(x) for name, x in seen.items()})
        return Reached(
            decoded[(..., *box.within(part).slices)], reached[..., : -(-height // scale), : -(-width // scale)]
        )

    def refine(self, stack: np.ndarray, known: np.ndarray, texture: float) -> np.ndarray:
        """What the refinement makes of an input stack (10, H, W) and known (H, W) bool: (3, H, W), not clamped."""
        height, width = known.shape
        bottom, right = -height % MULTIPLE, -width % MULTIPLE
        shown = {"stack": padded(stack, 0, 0, bottom, right), "known": padded(known, 0, 0, bottom, right)[None]}
        given = {name: value[None].astype(np.float32) for name, value in shown.items()}
        (refined,) = self._refinement.run(None, given | {"texture": np.array([texture], dtype=np.float32)})
        return refined[0][:, :height, :width]

    def _shown(self, image: np.ndarray, known: np.ndarray) -> dict[str, np.ndarray]:
        """What the network is shown: sides are multiples, and the hole is interpolated in several ways."""
        multiple = self.config.multiple_of
        bottom, right = -image.shape[-2] % multiple, -image.shape[-1] % multiple
        image = padded(np.where(known, image, np.float32(0)), 0, 0, bottom, right)
        known = padded(known, 0, 0, bottom, right)
        weight = known.astype(np.float32)
        interpolated = pull_push(image, weight)
        colours, trust = interpolated_lines(image, known, interpolated)
        fills = np.concatenate([colours, interpolated[:, None]], 1)
        trusts = np.concatenate([trust, np.full_like(weight, PULL_PUSH_TRUST)], 1)
        return {"image": image, "known": weight, "interpolated": interpolated, "fills": fills, "trust": trusts}

    @cached_property
    def _refinement(self) -> Any:
        return self._session("refine")

    def _array(self, values: np.ndarray) -> Any:
        return self._runtime.OrtValue.ortvalue_from_numpy(values)

    def _session(self, part: str) -> Any:
        options = self._runtime.SessionOptions()
        # Threads that have to wait sleep: beside other work, those that spin take twice as long.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        if self._threads is not None:
            options.intra_op_num_threads = self._threads
        names = [name for name in self._weights if name.startswith(PARTS[part])]
        options.add_external_initializers(names, [self._array(self._weights[name]) for name in names])
        path = self._folder / f"{part}.onnx"
        try:
            session = self._runtime.InferenceSession(path.read_bytes(), options, ["CPUExecutionProvider"])
        except Exception as error:  # the runtime's own classes, and those of a missing file
            raise CheckpointError(f"{path} cannot be used ({error}); write it with rfr export --parts.") from error
        config = session.get_modelmeta().custom_metadata_map.get(_CONFIG_KEY, "{}")
        if json.loads(config) != self.config.to_dict():
            raise CheckpointError(f"{path} is of another configuration; write it with rfr export --parts.")
        return session


def _onnxruntime() -> Any:
    try:
        import onnxruntime
    except ImportError as error:
        raise RFRError(
            "Without PyTorch a fill needs onnxruntime, which is missing; run pip install onnxruntime."
        ) from error
    return onnxruntime
