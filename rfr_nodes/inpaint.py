"""RFR Inpaint: image + mask -> filled image, every recurrence shown while it runs."""

# The host's own modules are there only inside it.
# pyright: reportMissingImports=false
from __future__ import annotations

from typing import Any

import torch
from comfy_api.latest import io
from torch import Tensor

import rfr_core.holes.shaping
from rfr_core import Inpainter
from rfr_core.config import MAX_RECURRENCES
from rfr_core.errors import ConfigError, DeviceError
from rfr_core.views.recording import Recording
from rfr_nodes.layout import hole_for, to_image, to_mask, to_pictures
from rfr_nodes.managed_model import ManagedModel
from rfr_nodes.progress import LiveProgress
from rfr_nodes.sockets import CATEGORY, RFRModel, RFRSteps, check_connected
from rfr_nodes.strip_files import write_strips

_DETAIL = {"auto": "auto", "on": True, "exact": "exact", "off": False}


class RFRInpaint(io.ComfyNode):
    """Fills the masked part of pictures."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="RFRInpaint",
            display_name="RFR Inpaint",
            category=CATEGORY,
            description="Fills the white part of a mask from its border inwards, one recurrence after another.",
            inputs=[
                RFRModel.Input("model", tooltip="From Load RFR Model or Fetch RFR Model."),
                io.Image.Input("image", tooltip="One picture or a batch, such as the frames of a video."),
                io.Mask.Input("mask", tooltip="White is filled. One mask for all pictures, or one for each."),
                *_settings(),
            ],
            outputs=[
                io.Image.Output("filled", display_name="image", tooltip="The filled picture; the rest is untouched."),
                RFRSteps.Output("steps", display_name="steps", tooltip="Every recurrence, for the other RFR nodes."),
                io.Mask.Output("hole", display_name="mask", tooltip="The mask as it was used: resized and grown."),
            ],
            hidden=[io.Hidden.unique_id],
            is_output_node=True,
        )

    @classmethod
    def execute(
        cls,
        model: ManagedModel,
        image: Tensor,
        mask: Tensor,
        recurrences: int,
        context: float,
        grow: int,
        feather: int,
        detail: str = "auto",
        wrap: str = "none",
    ) -> io.NodeOutput:
        check_connected("model", model, ManagedModel)
        if detail not in _DETAIL:
            raise ConfigError(f"detail is {detail!r}; expected one of {', '.join(_DETAIL)}.")
        pictures = to_pictures(image)
        hole, note = hole_for(mask, pictures)
        notes = [note] if note else []
        hole = rfr_core.holes.shaping.grow(hole, grow).expand(len(pictures), -1, -1, -1)
        options = {
            "recurrences": recurrences or "auto",
            "context": context,
            "feather": feather,
            "detail": _DETAIL[detail],
            "wrap": wrap,
        }
        progress = LiveProgress(cls.hidden.unique_id, len(pictures))
        memory = _memory_for(pictures, model)
        recordings = [
            _record(model, memory, pictures[item : item + 1], hole[item : item + 1], options, progress, item)
            for item in range(len(pictures))
        ]
        filled = torch.cat([recording.final for recording in recordings])
        page = {"rfr_strip": write_strips(recordings), "rfr_text": notes}
        return io.NodeOutput(to_image(filled), recordings, to_mask(hole), ui=page)


def _settings() -> list[io.Input]:
    return [
        io.Int.Input(
            "recurrences",
            default=0,
            min=0,
            max=MAX_RECURRENCES,
            tooltip="How often the network reasons. 0: as many as reach the middle of the hole.",
        ),
        io.Float.Input(
            "context",
            default=1.0,
            min=0.0,
            max=8.0,
            step=0.25,
            tooltip="Surroundings the network sees on every side of a hole, as a multiple of its longer side.",
        ),
        io.Int.Input(
            "grow",
            default=0,
            min=-256,
            max=256,
            tooltip="Pixels that the mask grows by first, to cover an object's soft edge. Negative shrinks it.",
        ),
        io.Int.Input(
            "feather",
            default=0,
            min=0,
            max=256,
            tooltip="Pixels inside the mask over which the fill blends into the picture.",
        ),
        io.Combo.Input(
            "detail",
            options=list(_DETAIL),
            default="auto",
            optional=True,  # graphs saved before it existed go on working
            tooltip="Give the finished fill texture from its surroundings; exact: aim at the least error instead, "
            "soft, for scratches in smooth parts. auto: as the model was made for.",
        ),
        io.Combo.Input(
            "wrap",
            options=["none", "x", "y", "xy"],
            default="none",
            optional=True,
            tooltip="For seamless textures (xy) and panoramas (x): beyond its border the picture goes on where it "
            "begins on the other side.",
        ),
    ]


def _record(
    model: ManagedModel,
    memory: int,
    picture: Tensor,
    hole: Tensor,
    options: dict[str, Any],
    progress: LiveProgress,
    item: int,
) -> Recording:
    """Fill one picture (1, 3, H, W); where even small tiles do not fit, once more with the device to itself."""
    try:
        return _run(model.inpainter(memory), picture, hole, options, progress, item)
    except DeviceError:
        model.free_device()
    return _run(model.inpainter(memory), picture, hole, options, progress, item)


def _run(
    inpainter: Inpainter, picture: Tensor, hole: Tensor, options: dict[str, Any], progress: LiveProgress, item: int
) -> Recording:
    """Fill it, reporting each recurrence as it is done."""
    recording = Recording(picture, hole)
    for step in inpainter.steps(picture, hole, **options):
        progress.show(item, step.index, step.total, recording.add(step))
    return recording


def _memory_for(pictures: Tensor, model: ManagedModel) -> int:
    """Bytes that the run needs beside the weights, by what networks of this kind were measured to take."""
    return min(pictures.shape[-2] * pictures.shape[-1], 1024**2) * model.bytes_per_pixel
