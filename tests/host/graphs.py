"""Graphs in the host's API form."""

from __future__ import annotations

from typing import Any

from prepared_host import MODEL

Graph = dict[str, dict[str, Any]]

LOAD_MASK = {"channel": "auto", "invert": False, "threshold": 0.5, "grow": 0, "feather": 0}
NEEDS_A_MODEL = {"remove_by_name"}  # templates that run only where the user has put another network's weights
INPAINT = {"recurrences": 0, "context": 1.0, "grow": 0, "feather": 0}  # detail may be left out


def node(kind: str, **inputs: Any) -> dict[str, Any]:
    """A node; an input (node, output) is a connection."""
    linked = {name: list(value) if isinstance(value, tuple) else value for name, value in inputs.items()}
    return {"class_type": kind, "inputs": linked}


def fill(**settings: Any) -> Graph:
    """photo.png filled where mask.png is white: nodes image, mask, model, inpaint and preview."""
    return {
        "image": node("LoadImage", image="photo.png"),
        "mask": node("RFRLoadMask", image="mask.png", **LOAD_MASK),
        "model": node("RFRLoadModel", model_name=MODEL, precision="float32"),
        "inpaint": node("RFRInpaint", model=("model", 0), image=("image", 0), mask=("mask", 0), **INPAINT | settings),
        "preview": node("PreviewImage", images=("inpaint", 0)),
    }


def with_mask(mask: dict[str, Any], output: int = 0) -> Graph:
    """The same with another node for the mask."""
    graph = fill() | {"mask": mask}
    graph["inpaint"]["inputs"]["mask"] = ["mask", output]
    return graph
