"""RFR Attention Map: where the knowledge consistent attention fetched pixels of the fill from."""

# The host's own modules are there only inside it.
# pyright: reportMissingImports=false
from __future__ import annotations

import torch
from comfy_api.latest import io
from torch import Tensor

from rfr_core.errors import ConfigError, HoleError
from rfr_core.views.heat_map import heat_map
from rfr_core.views.recording import Recording
from rfr_nodes.host_tensors import hole_for, to_image
from rfr_nodes.newer_host import schema
from rfr_nodes.sockets import CATEGORY, RFRSteps, check_connected, check_recorded


class RFRAttentionMap(io.ComfyNode):
    """Shows why a fill looks as it does."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return schema(
            node_id="RFRAttentionMap",
            display_name="RFR Attention Map",
            category=CATEGORY,
            search_aliases=["heat map", "attention", "where from"],
            description="Shows where in the picture each recurrence fetched a filled pixel from, or part of the fill.",
            inputs=[
                RFRSteps.Input("steps", tooltip="From RFR Inpaint."),
                io.Int.Input("x", default=0, min=0, max=16384, tooltip="Column of a filled pixel. A mask decides."),
                io.Int.Input("y", default=0, min=0, max=16384, tooltip="Row of a filled pixel. A mask decides."),
                io.Int.Input("picture", default=0, min=0, max=4096, tooltip="Which picture of the batch, from 0."),
                io.Mask.Input("area", optional=True, tooltip="Instead of a pixel: the mean over its white part."),
            ],
            outputs=[
                io.Image.Output("heat", display_name="heat map", tooltip="One picture for each recurrence."),
                io.Mask.Output("shares", display_name="shares", tooltip="The same as numbers, the largest being 1."),
            ],
        )

    @classmethod
    def execute(cls, steps: list[Recording], x: int, y: int, picture: int, area: Tensor | None = None) -> io.NodeOutput:
        check_connected("steps", steps, Recording)
        if picture >= len(steps):
            raise ConfigError(f"Picture {picture} was asked for; the batch has 0 to {len(steps) - 1}.")
        recording = steps[picture]
        check_recorded([recording])
        wanted = _pixel(recording, x, y) if area is None else hole_for(area, recording.image)[0][0, 0] > 0
        found = [
            (recording.picture(index), shares)
            for index in range(1, len(recording) + 1)
            if (shares := recording.attention(index, wanted)) is not None
        ]
        if not found:
            raise HoleError(_nothing_found(recording, f"Pixel ({x}, {y})" if area is None else "The area"))
        pictures, batch = torch.cat([picture for picture, _ in found]), torch.stack([shares for _, shares in found])
        relative = batch / batch.flatten(1).amax(1)[:, None, None].clamp(min=1e-12)
        return io.NodeOutput(to_image(heat_map(pictures, batch)), relative)


def _pixel(recording: Recording, x: int, y: int) -> Tensor:
    """(H, W) bool, True at one pixel, nowhere where it lies outside the picture."""
    wanted = torch.zeros(recording.hole.shape[-2:], dtype=torch.bool)
    wanted[y : y + 1, x : x + 1] = True
    return wanted


def _nothing_found(recording: Recording, place: str) -> str:
    if not recording.has_attention:
        return (
            "There is no attention to show: this model has none, or the fill went through the picture's border; load "
            "another model, or choose none for wrap."
        )
    rows, columns = recording.hole[0, 0].nonzero().unbind(1)
    return (
        f"{place} is not in the fill; choose one in columns {int(columns.min())} to {int(columns.max())}, "
        f"rows {int(rows.min())} to {int(rows.max())}."
    )
