"""The types of the pack's own connections."""

# The host's own modules are there only inside it.
# pyright: reportMissingImports=false
from __future__ import annotations

from typing import Any

from comfy_api.latest import io

from rfr_core.errors import ConfigError, HoleError
from rfr_core.views.recording import Recording

CATEGORY = "RFR"

RFRModel = io.Custom("RFR_MODEL")  # a managed_model.ManagedModel
RFRSteps = io.Custom("RFR_STEPS")  # a list of rfr_core.views.recording.Recording, one per picture of the batch


def check_connected(name: str, value: Any, kind: type) -> None:
    """Raises ConfigError for what is not `kind`, or a list of it: a graph sent by a program may hold a bare value."""
    values = value if isinstance(value, list) else [value]
    if not all(isinstance(v, kind) for v in values):
        raise ConfigError(f"{name} is {value!r}; connect it to a node that gives it.")


def check_recorded(steps: list[Recording]) -> None:
    """Raises HoleError or ConfigError where no recurrence was kept of any fill."""
    if any(len(recording) for recording in steps):
        return
    if all(recording.box is None for recording in steps):
        raise HoleError("The mask was empty, so there is no recurrence to show; connect a mask that is not.")
    raise ConfigError(
        "There is no recurrence to show: a sequence keeps none (switch it off on RFR Inpaint), and a picture that "
        "could not be filled has none."
    )
