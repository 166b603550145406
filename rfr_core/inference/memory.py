"""Lack of memory, told apart from other errors on every device."""

from __future__ import annotations

import gc
import mmap
from collections.abc import Iterator
from contextlib import contextmanager

import torch

from rfr_core.errors import DeviceError

_MEMORY_SAYINGS = (
    "out of memory",  # CUDA's libraries, MPS
    "not enough memory",  # the CPU's allocator on Windows
    "can't allocate memory",  # the same elsewhere
    "could not create a memory",  # oneDNN
    "could not create a primitive",  # the same, which says so of nothing else that crops could bring about
)


@contextmanager
def memory_errors() -> Iterator[None]:
    """Turns whatever a device says when its memory is full into a DeviceError."""
    try:
        yield
    except Exception as error:
        if not is_out_of_memory(error):
            raise
        raise DeviceError(
            "The memory does not suffice for this hole, not even in small tiles; free some, or use another device."
        ) from error


def is_out_of_memory(error: Exception) -> bool:
    # Only CUDA has a class of its own; the CPU's allocators and MPS say it in a RuntimeError.
    text = str(error)
    return isinstance(error, (MemoryError, torch.OutOfMemoryError)) or (
        isinstance(error, RuntimeError) and any(saying in text for saying in _MEMORY_SAYINGS)
    )


def need_memory(size: int) -> None:
    """Raises MemoryError where this process cannot have ``size`` more bytes: asked before calls that do not look."""
    try:
        mmap.mmap(-1, size).close()  # address space alone, which takes some microseconds
    except OSError as error:
        raise MemoryError(f"can't allocate memory: {size} bytes") from error


def free_memory() -> None:
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
