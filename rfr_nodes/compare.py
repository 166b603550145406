"""RFR Compare: two images in numbers, and side by side."""

# The host's own modules are there only inside it.
# pyright: reportMissingImports=false
from __future__ import annotations

from comfy_api.latest import io
from comfy_execution.graph_utils import ExecutionBlocker
from torch import Tensor

from rfr_core.errors import ImageError
from rfr_core.metrics import SSIM_WINDOW, l1, psnr, ssim
from rfr_core.views.split_view import split_view
from rfr_nodes.host_tensors import hole_for, to_image, to_pictures
from rfr_nodes.newer_host import schema
from rfr_nodes.sockets import CATEGORY


class RFRCompare(io.ComfyNode):
    """Measures how near two pictures are to each other."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return schema(
            node_id="RFRCompare",
            display_name="RFR Compare",
            category=CATEGORY,
            search_aliases=["psnr", "ssim", "difference", "metrics", "before after"],
            description="l1, PSNR and SSIM between two images, over all of them and inside a mask, and a split view.",
            inputs=[
                io.Image.Input("image_a", optional=True, tooltip="Shown on the left, such as the filled picture."),
                io.Image.Input(
                    "image_b", optional=True, tooltip="Shown on the right, such as the original; of the same size."
                ),
                io.Float.Input(
                    "position", default=0.5, min=0.0, max=1.0, step=0.01, tooltip="Where the line of the split view is."
                ),
                io.Mask.Input("mask", optional=True, tooltip="Also measure inside its white part."),
            ],
            outputs=[
                io.Image.Output("view", display_name="split view", tooltip="A left of the line, B right of it."),
                io.String.Output("report", display_name="report", tooltip="The figures, a line for each picture."),
            ],
            is_output_node=True,  # its figures are all that many want of it, with nothing connected behind
        )

    @classmethod
    def execute(
        cls,
        position: float,
        image_a: Tensor | None = None,
        image_b: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> io.NodeOutput:
        if image_a is None or image_b is None:
            return _nothing_connected()
        a, b = to_pictures(image_a), to_pictures(image_b)
        if a.shape != b.shape:
            raise ImageError(f"The images have {_size(a)} and {_size(b)} pixels; expected the same: scale one of them.")
        hole = None if mask is None else hole_for(mask, a)[0].float().expand(len(a), -1, -1, -1)
        report = "\n".join(_report(a, b, hole))
        return io.NodeOutput(to_image(split_view(a, b, position)), report, ui={"rfr_text": [report]})


def _nothing_connected() -> io.NodeOutput:
    """A note, not an error: as an output node it is run also where it lies unconnected beside a graph."""
    note = "Connect two images to compare them."
    return io.NodeOutput(ExecutionBlocker(None), note, ui={"rfr_text": [note]})


def _size(pictures: Tensor) -> str:
    return f"{len(pictures)} × {pictures.shape[-1]}×{pictures.shape[-2]}"


def _report(a: Tensor, b: Tensor, hole: Tensor | None) -> list[str]:
    places = [("whole", None)] if hole is None else [("in the mask", hole), ("whole", None)]
    figures = {place: _figures(a, b, within) for place, within in places}
    count = len(a)
    return [
        (f"picture {item + 1} of {count}, {place}: " if count > 1 else f"{place}: ") + figures[place][item]
        for item in range(count)
        for place, _ in places
    ]


def _figures(a: Tensor, b: Tensor, hole: Tensor | None) -> list[str]:
    """One line of text for each picture."""
    columns = [("l1", l1(a, b, hole), "{:.4f}"), ("PSNR", psnr(a, b, hole), "{:.2f} dB")]
    if min(a.shape[-2:]) >= SSIM_WINDOW:
        columns.append(("SSIM", ssim(a, b, hole), "{:.4f}"))
    return [
        ", ".join(f"{name} {form.format(float(values[item]))}" for name, values, form in columns)
        for item in range(len(a))
    ]
