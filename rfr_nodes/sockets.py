"""The types of the pack's own connections."""

# The host's own modules are there only inside it.
# pyright: reportMissingImports=false
from __future__ import annotations

from comfy_api.latest import io

CATEGORY = "RFR"

RFRModel = io.Custom("RFR_MODEL")  # a managed_model.ManagedModel
RFRSteps = io.Custom("RFR_STEPS")  # a list of rfr_core.recording.Recording, one per picture of the batch
