"""Attempts that go wrong in every way, which shows that the others would be caught."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from time import process_time

MEMORY = 64 << 20


def prepare(folder: Path, seed: int) -> Callable[[int], str]:
    """See `attempts.Attempts`: inputs 2, 4, 6 and 7 raise, crash, take too long, and take too much memory."""

    def attempt(index: int) -> str:
        (folder / "input").write_text(str(index))
        if index == 2:
            raise KeyError(index)
        if index == 4:
            os.abort()
        if index == 6:
            end = process_time() + 5.2
            while process_time() < end:
                pass
        if index == 7:
            assert len(os.urandom(1) * (100 << 20))
        return "fine"

    return attempt
