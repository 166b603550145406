"""RFR Recurrences: every recurrence as a picture, what was still open, and the film strip."""

# The host's own modules are there only inside it.
# pyright: reportMissingImports=false
from __future__ import annotations

import torch
from comfy_api.latest import io

from rfr_core.views.film_strip import film_strip, stack_strips
from rfr_core.views.recording import Recording
from rfr_nodes.host_tensors import to_image, to_mask
from rfr_nodes.newer_host import schema, shows_result
from rfr_nodes.sockets import CATEGORY, RFRSteps, check_connected, check_recorded
from rfr_nodes.strip_files import write_strips


class RFRRecurrences(io.ComfyNode):
    """Unpacks the recurrences of RFR Inpaint."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return schema(
            node_id="RFRRecurrences",
            display_name="RFR Recurrences",
            category=CATEGORY,
            search_aliases=["film strip", "steps", "animation", "inpaint progress"],
            description="Shows how the hole closed: one picture for each recurrence.",
            inputs=[RFRSteps.Input("steps", tooltip="From RFR Inpaint.")],
            outputs=[
                io.Image.Output("frames", display_name="frames", tooltip="The picture after each recurrence."),
                io.Mask.Output("open", display_name="open", tooltip="What each recurrence left open."),
                io.Image.Output("strip", display_name="film strip", tooltip="All of them in a row, from the start."),
            ],
            **shows_result(),
        )

    @classmethod
    def execute(cls, steps: list[Recording]) -> io.NodeOutput:
        check_connected("steps", steps, Recording)
        check_recorded(steps)
        filled = [recording for recording in steps if len(recording)]
        places = [(recording, index) for recording in filled for index in range(1, len(recording) + 1)]
        frames = torch.cat([recording.picture(index) for recording, index in places])
        still_open = torch.cat([recording.open_hole(index) for recording, index in places])
        strip = stack_strips([film_strip(recording) for recording in filled])
        strips, left_out = write_strips(steps)
        page = {"rfr_strip": strips, "rfr_text": left_out}
        return io.NodeOutput(to_image(frames), to_mask(still_open), to_image(strip), ui=page)
