"""The same networks, quicker: folding, packing, compiling, devices, half precision, export."""

from rfr_core.inference.devices import resolve_device, resolve_dtype
from rfr_core.inference.optimize import optimized
from rfr_core.inference.runner import Run, Runner

__all__ = ["Run", "Runner", "optimized", "resolve_device", "resolve_dtype"]
