"""RFR Find Defects: dust, hairs, scratches, creases and date stamps of a picture as a mask."""

# The host's own modules are there only inside it.
# pyright: reportMissingImports=false
from __future__ import annotations

from comfy_api.latest import io, ui
from torch import Tensor

from rfr_core.defects.finding import find_defects
from rfr_core.errors import ConfigError
from rfr_core.holes.shaping import grow as grow_hole
from rfr_nodes.host_tensors import to_mask, to_pictures
from rfr_nodes.newer_host import schema, shows_result
from rfr_nodes.sockets import CATEGORY

_TOOLTIPS = {
    "dust": "Specks, white or dark.",
    "hair": "Thin curved lines.",
    "scratch": "Thin straight lines.",
    "crease": "Wider jagged lines, where paper was folded.",
    "stamp": "The date that a camera wrote, in yellow, orange or red near the upper or lower border.",
}


class RFRFindDefects(io.ComfyNode):
    """Marks the defects of scanned pictures."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return schema(
            node_id="RFRFindDefects",
            display_name="RFR Find Defects",
            category=CATEGORY,
            search_aliases=["dust", "scratch", "restore", "date stamp", "old photo"],
            description="Finds dust, hairs, scratches, creases and a date stamp in scans. White is what was found.",
            inputs=[
                io.Image.Input("image", tooltip="One picture or a batch. Each is searched on its own."),
                io.Float.Input(
                    "sensitivity",
                    default=0.5,
                    min=0.0,
                    max=1.0,
                    step=0.05,
                    tooltip="Higher finds fainter defects, and more of what is none.",
                ),
                io.Int.Input("grow", default=1, min=0, max=64, tooltip="Pixels that the mask grows by."),
                *(io.Boolean.Input(kind, default=True, tooltip=text) for kind, text in _TOOLTIPS.items()),
            ],
            outputs=[io.Mask.Output("mask", display_name="mask", tooltip="White is what was found, for RFR Inpaint.")],
            **shows_result(),
        )

    @classmethod
    def execute(cls, image: Tensor, sensitivity: float, grow: int, **wanted: bool) -> io.NodeOutput:
        kinds = [kind for kind in _TOOLTIPS if wanted.get(kind, True)]
        if not kinds:
            raise ConfigError("No kind of defect is switched on; switch on at least one.")
        hole = find_defects(to_pictures(image), kinds=kinds, sensitivity=sensitivity)
        mask = to_mask(grow_hole(hole, grow))
        return io.NodeOutput(mask, ui=ui.PreviewMask(mask, cls=cls))
