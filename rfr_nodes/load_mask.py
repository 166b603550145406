"""Load Mask: a picture file of the input folder -> a mask, white = fill."""

# The host's own modules are there only inside it.
# pyright: reportMissingImports=false
from __future__ import annotations

from typing import Any

from comfy_api.latest import io, ui
from torch import Tensor

from rfr_core.errors import HoleError
from rfr_core.holes.masks import read_hole
from rfr_core.holes.shaping import feather as feather_hole
from rfr_core.holes.shaping import grow as grow_hole
from rfr_core.options import MAX_REACH
from rfr_nodes.host_tensors import to_mask, to_pictures
from rfr_nodes.input_files import content_fingerprint, input_file, input_pictures
from rfr_nodes.newer_host import ADVANCED, schema
from rfr_nodes.sockets import CATEGORY

CHANNELS = ("auto", "alpha", "red", "green", "blue", "luminance")


class RFRLoadMask(io.ComfyNode):
    """Loads a mask from a file of any depth and mode."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return schema(
            node_id="RFRLoadMask",
            display_name="Load Mask (RFR)",
            category=CATEGORY,
            search_aliases=["mask from file", "mask from image", "alpha"],
            description="Loads a mask from a picture file, at its full bit depth. White is filled.",
            inputs=[
                io.Combo.Input(
                    "image",
                    options=input_pictures(),
                    upload=io.UploadType.image,
                    image_folder=io.FolderType.input,
                    tooltip="A file of the input folder: JPEG, PNG (also 16-bit gray), WebP, TIFF or BMP.",
                ),
                io.Combo.Input(
                    "channel",
                    options=list(CHANNELS),
                    default="auto",
                    tooltip="What says where to fill. alpha: the transparent part. "
                    "auto: the brightness, or the paint where a layer was painted on.",
                ),
                io.Boolean.Input("invert", default=False, tooltip="Fill the other part."),
                io.Float.Input(
                    "threshold",
                    default=0.5,
                    min=0.01,
                    max=1.0,
                    step=0.01,
                    tooltip="Values of at least this count as white.",
                    **ADVANCED,
                ),
                io.Int.Input(
                    "grow",
                    default=0,
                    min=-MAX_REACH,
                    max=MAX_REACH,
                    tooltip="Pixels that the mask grows by; negative shrinks it.",
                ),
                io.Int.Input(
                    "feather",
                    default=0,
                    min=0,
                    max=MAX_REACH,
                    tooltip="Pixels over which the mask rises from its border inwards, for nodes that blend with it.",
                    **ADVANCED,
                ),
                io.Image.Input("resize_to", optional=True, tooltip="The mask is scaled to this picture's size."),
            ],
            outputs=[io.Mask.Output("mask", display_name="mask", tooltip="White is filled.")],
        )

    @classmethod
    def validate_inputs(cls, image: str) -> bool | str:
        try:
            input_file(image)
        except HoleError as error:
            return str(error)
        return True

    @classmethod
    def fingerprint_inputs(cls, image: str, **_: Any) -> str:
        return content_fingerprint(input_file(image))

    @classmethod
    def execute(
        cls,
        image: str,
        channel: str,
        invert: bool,
        threshold: float,
        grow: int,
        feather: int,
        resize_to: Tensor | None = None,
    ) -> io.NodeOutput:
        size = None
        if resize_to is not None:
            _, _, height, width = to_pictures(resize_to).shape
            size = (height, width)
        hole = read_hole(
            input_file(image),
            size=size,
            threshold=threshold,
            invert=invert != (channel == "alpha"),  # as in the host's loaders, alpha means what is transparent
            channel=channel,  # type: ignore[arg-type]  # read_hole refuses what is none
            resize=True,
        )
        mask = to_mask(feather_hole(grow_hole(hole, grow), feather))
        return io.NodeOutput(mask, ui=ui.PreviewMask(mask, cls=cls))
