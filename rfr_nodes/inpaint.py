"""RFR Inpaint: image + mask -> filled image, every recurrence shown while it runs."""

# The host's own modules are there only inside it.
# pyright: reportMissingImports=false
from __future__ import annotations

import torch
from comfy_api.latest import io
from torch import Tensor

from rfr_core.config import MAX_RECURRENCES
from rfr_core.errors import ConfigError
from rfr_core.holes.shaping import shaped
from rfr_core.options import MAX_CONTEXT, MAX_REACH
from rfr_nodes.fill_frames import fill_frames
from rfr_nodes.fill_pictures import fill_pictures
from rfr_nodes.host_tensors import hole_for, nothing_to_fill, to_image, to_mask, to_pictures
from rfr_nodes.managed_model import ManagedModel
from rfr_nodes.newer_host import ADVANCED, schema, shows_result
from rfr_nodes.sockets import CATEGORY, RFRModel, RFRSteps, check_connected
from rfr_nodes.strip_files import write_strips

_DETAIL = ("auto", "texture", "exact", "off")
_OLD_DETAIL = {"on": "texture"}  # in graphs of earlier versions


class RFRInpaint(io.ComfyNode):
    """Fills the masked part of pictures."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return schema(
            node_id="RFRInpaint",
            display_name="RFR Inpaint",
            category=CATEGORY,
            search_aliases=[
                "inpaint",
                "remove",
                "erase",
                "object removal",
                "fill",
                "heal",
                "restore",
                "scratch",
                "lama",
                "cleanup",
            ],
            description="Fills the white part of a mask from its border inwards, one recurrence after another.",
            inputs=[
                RFRModel.Input("model", tooltip="From Load RFR Model or Fetch RFR Model."),
                io.Image.Input(
                    "image",
                    tooltip="One picture or a batch. Each is filled by itself; for a video, switch sequence on.",
                ),
                io.Mask.Input(
                    "mask",
                    tooltip="White is filled. One mask for all pictures, one for each, or several for one picture.",
                ),
                *_settings(),
                io.Mask.Input(
                    "avoid",
                    optional=True,
                    tooltip="White is neither looked at nor copied from, and stays as it is: what must not appear "
                    "again in the fill.",
                ),
            ],
            outputs=[
                io.Image.Output("filled", display_name="image", tooltip="The filled picture; the rest is untouched."),
                RFRSteps.Output("steps", display_name="steps", tooltip="Every recurrence, for the other RFR nodes."),
                io.Mask.Output("hole", display_name="mask", tooltip="The mask as it was used: resized and grown."),
            ],
            hidden=[io.Hidden.unique_id],
            **shows_result(),
        )

    @classmethod
    def validate_inputs(cls, detail: str = "auto") -> bool | str:
        # In place of the host's own check, which would refuse the old name.
        return True if detail in (*_DETAIL, *_OLD_DETAIL) else _no_such_detail(detail)

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
        threshold: float = 0.5,
        sequence: bool = False,
        fill_gaps: bool = False,
        avoid: Tensor | None = None,
    ) -> io.NodeOutput:
        check_connected("model", model, ManagedModel)
        detail = _OLD_DETAIL.get(detail, detail)
        if detail not in _DETAIL:
            raise ConfigError(_no_such_detail(detail))
        pictures = to_pictures(image)
        hole, notes = hole_for(mask, pictures, threshold)
        hole = shaped(hole, gaps=fill_gaps, pixels=grow).expand(len(pictures), -1, -1, -1)
        notes += nothing_to_fill(mask, hole, threshold, grow)
        avoided = None
        if avoid is not None:
            if sequence:
                raise ConfigError("A sequence looks at all that its frames show; disconnect avoid.")
            avoided, _ = hole_for(avoid, pictures, threshold)
        recordings, failures = (fill_frames if sequence else fill_pictures)(
            model,
            pictures,
            hole,
            cls.hidden.unique_id,
            avoid=avoided,
            recurrences=recurrences or "auto",
            context=context,
            feather=feather,
            wrap=wrap,
            detail=detail,
        )
        finals = [recording.final for recording in recordings]
        filled = finals[0] if len(finals) == 1 else torch.cat(finals)
        strips, left_out = write_strips(recordings)
        page = {"rfr_strip": strips, "rfr_text": [*notes, *failures, *left_out]}
        return io.NodeOutput(to_image(filled), recordings, to_mask(hole), ui=page)


def _no_such_detail(detail: str) -> str:
    return f"detail is {detail!r}; expected one of {', '.join(_DETAIL)}."


def _settings() -> list[io.Input]:
    return [
        io.Int.Input(
            "recurrences",
            default=0,
            min=0,
            max=MAX_RECURRENCES,
            tooltip="How many recurrences the network runs. 0: as many as it takes to reach the middle of the hole.",
            **ADVANCED,
        ),
        io.Float.Input(
            "context",
            default=1.0,
            min=0.0,
            max=MAX_CONTEXT,
            step=0.25,
            tooltip="How much of the surroundings the network sees, as a multiple of the hole's longer side.",
            **ADVANCED,
        ),
        io.Int.Input(
            "grow",
            default=0,
            min=-MAX_REACH,
            max=MAX_REACH,
            tooltip="Grow the mask by so many pixels first, to cover an object's soft edge. Negative shrinks it.",
        ),
        io.Int.Input(
            "feather",
            default=0,
            min=0,
            max=MAX_REACH,
            tooltip="Blend the fill into the picture over so many pixels inside the mask.",
            **ADVANCED,
        ),
        io.Combo.Input(
            "detail",
            options=list(_DETAIL),
            default="auto",
            optional=True,  # graphs saved before it existed go on working
            tooltip="texture: sharp texture from the surroundings. exact: least error, softer where the picture gives "
            "no clue; for scratches in smooth areas. off: the network's output. auto: as the model was trained for.",
        ),
        io.Combo.Input(
            "wrap",
            options=["none", "x", "y", "xy"],
            default="none",
            optional=True,
            tooltip="For seamless textures (xy) and panoramas (x): beyond its border the picture goes on where it "
            "begins on the other side.",
            **ADVANCED,
        ),
        io.Float.Input(
            "threshold",
            default=0.5,
            min=0.01,
            max=1.0,
            step=0.01,
            optional=True,
            tooltip="Mask values of at least this are filled. Lower it for a mask painted with a faint brush.",
            **ADVANCED,
        ),
        io.Boolean.Input(
            "sequence",
            default=False,
            optional=True,
            tooltip="The batch is the frames of one shot: what is hidden in one and seen in another is taken from "
            "there, so that nothing flickers.",
            **ADVANCED,
        ),
        io.Boolean.Input(
            "fill_gaps",
            default=False,
            optional=True,
            tooltip="Fill what the mask encloses as well: gaps in a detected object, or the inside of an outline.",
            **ADVANCED,
        ),
    ]
