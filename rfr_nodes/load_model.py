"""Load RFR Model: the bundled network, or a file in the host's model folders."""

# The host's own modules are there only inside it.
# pyright: reportMissingImports=false
from __future__ import annotations

from comfy_api.latest import io

from rfr_core.errors import CheckpointError
from rfr_nodes.managed_model import PRECISIONS, ManagedModel
from rfr_nodes.model_files import BUNDLED_NAME, load_model, model_fingerprint, model_names, model_source
from rfr_nodes.newer_host import ADVANCED, schema
from rfr_nodes.sockets import CATEGORY, RFRModel


class RFRLoadModel(io.ComfyNode):
    """Loads a network from disk."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return schema(
            node_id="RFRLoadModel",
            display_name="Load RFR Model",
            category=CATEGORY,
            search_aliases=["inpaint model", "rfr checkpoint", "lama", "inpainting loader"],
            description="Loads an RFR network: the bundled one, or a file in models/rfr or models/inpaint.",
            inputs=[
                io.Combo.Input(
                    "model_name",
                    options=model_names(),
                    default=BUNDLED_NAME,
                    tooltip="The bundled model, or a .safetensors file in models/rfr or models/inpaint.",
                ),
                io.Combo.Input(
                    "precision",
                    options=list(PRECISIONS),
                    default="auto",
                    tooltip="Number format to compute in. auto: half precision where the GPU is faster in it.",
                    **ADVANCED,
                ),
            ],
            outputs=[RFRModel.Output("model", display_name="model", tooltip="For RFR Inpaint.")],
        )

    @classmethod
    def validate_inputs(cls, model_name: str) -> bool | str:
        try:
            model_source(model_name)
        except CheckpointError as error:
            return str(error)
        return True

    @classmethod
    def fingerprint_inputs(cls, model_name: str, precision: str) -> str:
        return model_fingerprint(model_name)

    @classmethod
    def execute(cls, model_name: str, precision: str) -> io.NodeOutput:
        return io.NodeOutput(ManagedModel(load_model(model_name), precision))
