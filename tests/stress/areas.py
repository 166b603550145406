"""The areas by name, each as a function that fills in its figures."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec

from . import attempts
from .figures import Figures


@dataclass(frozen=True)
class Plan:
    """How much is to be tried. seed: decides every input. inputs: at most. seconds: at most."""

    seed: int
    inputs: int
    seconds: float


Area = Callable[[Figures, Plan], str | None]


def _fuzzed(figures: Figures, plan: Plan) -> str | None:
    """Mutated inputs in a process of their own."""
    if sys.platform == "win32":
        return "since it waits for its processes as Unix does."
    attempts.run(figures, figures.area, plan.seed, plan.inputs, plan.seconds)
    return None


def _limits(figures: Figures, plan: Plan) -> str | None:
    """Every case once: there is nothing random in them."""
    if sys.platform == "win32":
        return "since it waits for its processes as Unix does."
    from .limits import CASES

    attempts.run(figures, figures.area, plan.seed, len(CASES), max(plan.seconds, 600))
    return None


def _memory(figures: Figures, plan: Plan) -> str | None:
    if sys.platform != "linux":
        return "since only Linux limits the memory of a process."
    from . import little_memory

    little_memory.run(figures, plan.seed, plan.seconds)
    return None


def _kills(figures: Figures, plan: Plan) -> str | None:
    if sys.platform == "win32":
        return "since Windows has no SIGKILL."
    from . import kills

    kills.run(figures, plan.seed, min(plan.inputs, 50), plan.seconds)
    return None


def _disk(figures: Figures, plan: Plan) -> str | None:
    if sys.platform != "linux":
        return "since only Linux lends a file system to a process."
    from . import disk_full

    return disk_full.run(figures, plan.seed, plan.seconds)


def _hub(figures: Figures, plan: Plan) -> str | None:
    from . import hub_faults

    hub_faults.run(figures, plan.seed, plan.seconds)
    return None


def _endpoints(figures: Figures, plan: Plan) -> str | None:
    if find_spec("gradio") is None:
        return "since Gradio is not installed."
    from . import endpoints

    endpoints.run(figures, plan.seed, plan.inputs, plan.seconds)
    return None


def _load(figures: Figures, plan: Plan) -> str | None:
    if find_spec("gradio") is None:
        return "since Gradio is not installed."
    from . import demo_load

    demo_load.run(figures, plan.seed, plan.seconds)
    return None


def _network(figures: Figures, plan: Plan) -> str | None:
    if find_spec("gradio") is None or find_spec("accelerate") is None:
        return "since Gradio or Accelerate is not installed."
    from . import no_network

    no_network.run(figures)
    return None


def _host(figures: Figures, plan: Plan) -> str | None:
    if not os.environ.get("COMFYUI_PATH"):
        return "since COMFYUI_PATH names no ComfyUI checkout."
    from . import node_host

    node_host.run(figures, plan.seed, plan.inputs, plan.seconds)
    return None


def _properties(figures: Figures, plan: Plan) -> str | None:
    from . import properties

    properties.run(figures, plan.seed, plan.seconds)
    return None


AREAS: dict[str, Area] = {
    "properties": _properties,
    "decode": _fuzzed,
    "checkpoints": _fuzzed,
    "limits": _limits,
    "nodes": _fuzzed,
    "host": _host,
    "memory": _memory,
    "kills": _kills,
    "disk": _disk,
    "hub": _hub,
    "endpoints": _endpoints,
    "load": _load,
    "network": _network,
}
