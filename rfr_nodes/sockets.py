"""The types of the pack's own connections."""

from __future__ import annotations

from comfy_api.latest import io

CATEGORY = "RFR"

RFRModel = io.Custom("RFR_MODEL")  # a managed_model.ManagedModel
RFRSteps = io.Custom("RFR_STEPS")  # a list of rfr_core.recording.Recording, one per picture of the batch
