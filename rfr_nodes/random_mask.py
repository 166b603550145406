"""Random Irregular Mask: brush strokes and ellipses that cover a given share of the picture."""

# The host's own modules are there only inside it.
# pyright: reportMissingImports=false
from __future__ import annotations

import numpy as np
import torch
from comfy_api.latest import io, ui
from torch import Tensor

from rfr_core.errors import HoleError
from rfr_core.holes.random_holes import RATIO_BUCKETS, random_irregular_hole
from rfr_nodes.host_tensors import to_mask, to_pictures
from rfr_nodes.newer_host import schema, shows_result
from rfr_nodes.sockets import CATEGORY

RATIOS = {f"{low * 100:.0f}-{high * 100:.0f} %": (low, high) for low, high in RATIO_BUCKETS}


class RFRRandomMask(io.ComfyNode):
    """Draws masks like those that inpainting networks are trained and measured with."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return schema(
            node_id="RFRRandomMask",
            display_name="Random Irregular Mask",
            category=CATEGORY,
            search_aliases=["irregular mask", "strokes", "free-form mask"],
            description="Draws a random mask of strokes and ellipses, as used for training and comparing networks.",
            inputs=[
                io.Int.Input("width", default=512, min=1, max=16384, tooltip="In pixels; a connected image decides."),
                io.Int.Input("height", default=512, min=1, max=16384, tooltip="In pixels; a connected image decides."),
                io.Combo.Input(
                    "ratio",
                    options=list(RATIOS),
                    default="20-30 %",
                    tooltip="The share of the picture that is covered, drawn from this range.",
                ),
                io.Int.Input(
                    "seed",
                    default=0,
                    min=0,
                    max=0xFFFFFFFFFFFFFFFF,
                    control_after_generate=True,
                    tooltip="The same seed gives the same mask.",
                ),
                io.Image.Input("image", optional=True, tooltip="One mask of its size for each picture of this batch."),
            ],
            outputs=[io.Mask.Output("mask", display_name="mask", tooltip="White is filled.")],
            **shows_result(),
        )

    @classmethod
    def execute(cls, width: int, height: int, ratio: str, seed: int, image: Tensor | None = None) -> io.NodeOutput:
        if ratio not in RATIOS:
            raise HoleError(f"The ratio is {ratio!r}; expected one of {', '.join(RATIOS)}.")
        count = 1
        if image is not None:
            count, _, height, width = to_pictures(image).shape
        generator = np.random.default_rng(seed)
        holes = [random_irregular_hole(height, width, ratio=RATIOS[ratio], generator=generator) for _ in range(count)]
        mask = to_mask(torch.cat(holes))
        return io.NodeOutput(mask, ui=ui.PreviewMask(mask, cls=cls))
