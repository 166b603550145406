"""A pickle that is no data but a program: whoever loads it as it is creates a file."""

from __future__ import annotations

import os
import pickle
import pickletools
from collections.abc import Callable
from pathlib import Path
from typing import Any

from .mutation import Random, mutated


class Payload:
    """Creates the file ``path`` when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        return os.mkdir, (str(self.path),)


def is_live(path: Path) -> bool:
    """Whether loading the payload does create ``path``, which is removed again."""
    pickle.loads(pickle.dumps(Payload(path)))
    ran = path.exists()
    path.rmdir()
    return ran


def poisoned(data: bytes, path: Path, random: Random) -> bytes:
    """A pickle with a payload between two of its instructions, or in another's place, in one of several forms."""
    places = [place for _, _, place in pickletools.genops(data) if place]
    place = places[int(random.integers(len(places)))]
    forms = (
        pickle.dumps(Payload(path), protocol=int(random.integers(0, 5)))[:-1],  # without its STOP
        b"cos\nmkdir\n(V" + str(path).encode() + b"\ntR",
        b"(V" + str(path).encode() + b"\nios\nmkdir\n",
        b"cbuiltins\nexec\n(Vimport os; os.mkdir(" + repr(str(path)).encode() + b")\ntR",
        b"ctorch.serialization\n_get_layout\n(V" + str(path).encode() + b"\ntR",
        b"cbuiltins\ngetattr\n(cos\npath\nVsys\ntR",
    )
    form = forms[int(random.integers(len(forms)))]
    if form.startswith(b"\x80"):
        form = form[2:]
    result = data[:place] + form + (b"0" if random.random() < 0.7 else b"") + data[place:]
    return mutated(result, random) if random.random() < 0.3 else result
