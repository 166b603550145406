"""The list of nodes that the host registers."""

# The host's own modules are there only inside it.
# pyright: reportMissingImports=false
from __future__ import annotations

from comfy_api.latest import ComfyExtension, io

from rfr_nodes.attention_map import RFRAttentionMap
from rfr_nodes.compare import RFRCompare
from rfr_nodes.example import RFRExample
from rfr_nodes.fetch_model import RFRFetchModel
from rfr_nodes.find_defects import RFRFindDefects
from rfr_nodes.inpaint import RFRInpaint
from rfr_nodes.load_mask import RFRLoadMask
from rfr_nodes.load_model import RFRLoadModel
from rfr_nodes.model_files import register_folders
from rfr_nodes.random_mask import RFRRandomMask
from rfr_nodes.recurrences import RFRRecurrences


class RFRExtension(ComfyExtension):
    """All nodes of the category RFR."""

    async def get_node_list(self) -> list[type[io.ComfyNode]]:
        register_folders()
        return [
            RFRLoadModel,
            RFRFetchModel,
            RFRLoadMask,
            RFRRandomMask,
            RFRFindDefects,
            RFRInpaint,
            RFRRecurrences,
            RFRAttentionMap,
            RFRCompare,
            RFRExample,
        ]
