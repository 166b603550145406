"""RFR Example: one of the pack's example pictures with its mask, to try the other nodes with."""

# The host's own modules are there only inside it.
# pyright: reportMissingImports=false
from __future__ import annotations

from pathlib import Path

from comfy_api.latest import io, ui

from rfr_core.errors import ImageError
from rfr_core.holes.masks import read_hole
from rfr_core.images.picture_files import read_picture
from rfr_core.images.pixels import to_tensor
from rfr_nodes.host_tensors import to_image, to_mask
from rfr_nodes.newer_host import schema, shows_result
from rfr_nodes.sockets import CATEGORY

_FOLDER = Path(__file__).resolve().parents[1] / "examples"


def example_names() -> list[str]:
    """The pictures that come with a mask."""
    return sorted(path.name.removesuffix("_mask.png") for path in _FOLDER.glob("*_mask.png"))


class RFRExample(io.ComfyNode):
    """Gives an example picture and its mask."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return schema(
            node_id="RFRExample",
            display_name="RFR Example",
            category=CATEGORY,
            search_aliases=["sample image", "demo picture", "test image"],
            description="An example picture with a mask. Put Load Image in its place to fill your own.",
            inputs=[io.Combo.Input("example", options=example_names(), tooltip="Which picture.")],
            outputs=[
                io.Image.Output("image", display_name="image", tooltip="The picture."),
                io.Mask.Output("mask", display_name="mask", tooltip="White is filled."),
            ],
            **shows_result(),
        )

    @classmethod
    def execute(cls, example: str) -> io.NodeOutput:
        if example not in example_names():
            raise ImageError(f"There is no example {example!r}; choose one of {', '.join(example_names())}.")
        image = to_image(to_tensor(read_picture(_FOLDER / f"{example}.jpg").image))
        mask = to_mask(read_hole(_FOLDER / f"{example}_mask.png"))
        return io.NodeOutput(image, mask, ui=ui.PreviewImage(image, cls=cls))
