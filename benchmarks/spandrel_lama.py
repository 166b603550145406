"""LaMa's architecture out of the package spandrel, alone: the whole package would need a torchvision fit for torch."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.util import find_spec, module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

import torch
from torch import nn


def build_lama() -> nn.Module | None:
    """LaMa with random weights, called as ``lama(image, hole)``; ``None`` without spandrel."""
    found = find_spec("spandrel")
    if found is None or not found.submodule_search_locations:
        return None
    folder = Path(found.submodule_search_locations[0])
    with _instead(_stand_ins(folder)):
        spec = spec_from_file_location("spandrel_lama_only", folder / "architectures/LaMa/__arch/LaMa.py")
        assert spec is not None
        assert spec.loader is not None
        module = module_from_spec(spec)
        spec.loader.exec_module(module)
    torch.manual_seed(0)
    return module.LaMa(in_nc=4, out_nc=3).eval().requires_grad_(False)


def _stand_ins(folder: Path) -> dict[str, ModuleType]:
    """A spandrel that registers no architectures, and what LaMa's module imports of torchvision but does not use."""
    package = ModuleType("spandrel")
    package.__path__ = [str(folder)]
    functional = ModuleType("torchvision.transforms.functional")
    functional.__dict__.update(InterpolationMode=None, rotate=None)
    names = ("torchvision", "torchvision.transforms")
    return {name: ModuleType(name) for name in names} | {functional.__name__: functional, "spandrel": package}


@contextmanager
def _instead(modules: Mapping[str, ModuleType]) -> Iterator[None]:
    before = {name: sys.modules.get(name) for name in modules}
    sys.modules.update(modules)
    try:
        yield
    finally:
        for name, module in before.items():
            sys.modules.pop(name) if module is None else sys.modules.update({name: module})
