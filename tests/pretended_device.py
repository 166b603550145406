"""A CUDA device that is the CPU, to test what runs on one where there is none.

As on a real one, tensors on it and on the CPU do not mix, unless the latter are single numbers, and NumPy cannot read
them: code that forgets to create a tensor on the device of others fails here, too.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode
from torch.utils._pytree import tree_leaves, tree_map

DEVICE = torch.device("cuda")
_HOST = (Tensor.numpy, Tensor.__array__)


class OnDevice(Tensor):
    """A tensor that says it is on the device."""

    @classmethod
    def __torch_function__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        if func == Tensor.device.__get__:  # pyright: ignore[reportAttributeAccessIssue]
            return DEVICE
        if func is Tensor.cpu or (func is Tensor.to and _names(args[1:], kwargs, "cpu")):
            return args[0].as_subclass(Tensor)
        if func in _HOST:
            raise TypeError("can't convert cuda device type tensor to numpy")
        for leaf in tree_leaves((args, kwargs)):
            if isinstance(leaf, Tensor) and not isinstance(leaf, OnDevice) and leaf.dim():
                raise RuntimeError(f"{func.__name__}: expected all tensors to be on the same device")
        return super().__torch_function__(func, types, args, kwargs)


class PretendedDevice(TorchFunctionMode):
    """While it is entered, what is created on the device or moved to it is an `OnDevice`."""

    def __init__(self) -> None:
        super().__init__()
        self.created = 0

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = dict(kwargs or {})
        if _names((kwargs.get("device"),), {}, "cuda"):
            self.created += 1
            return _marked(func(*args, **kwargs | {"device": "cpu"}))
        if func is Tensor.pin_memory:
            return args[0]
        if func is Tensor.to and _names(args[1:], kwargs, "cuda"):
            return args[0].as_subclass(OnDevice)
        return func(*args, **kwargs)


def _names(values: Iterable[Any], kwargs: dict[str, Any], kind: str) -> bool:
    given = (*values, kwargs.get("device"))
    return any(torch.device(value).type == kind for value in given if isinstance(value, (str, torch.device)))


def _marked(made: Any) -> Any:
    return tree_map(lambda leaf: leaf.as_subclass(OnDevice) if isinstance(leaf, Tensor) else leaf, made)
