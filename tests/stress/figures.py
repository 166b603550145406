"""What a run of an area came to: how much was tried, and every fault."""

from __future__ import annotations

import collections
import dataclasses
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

MIB = 2**20


@dataclasses.dataclass
class Figures:
    """The figures of one area.

    keep: folder that the inputs of faults are copied to. tried: inputs or injected faults. outcomes: how many of them
    ended how. faults: a sentence each. slowest: seconds of the slowest input. memory: bytes that an input took at most.
    """

    area: str
    keep: Path
    tried: int = 0
    outcomes: collections.Counter[str] = dataclasses.field(default_factory=collections.Counter)
    faults: list[str] = dataclasses.field(default_factory=list)
    notes: list[str] = dataclasses.field(default_factory=list)
    slowest: float = 0.0
    memory: int = 0
    seconds: float = 0.0

    def count(self, outcome: str, seconds: float = 0.0, memory: int = 0) -> None:
        """One more was tried."""
        self.tried += 1
        self.outcomes[outcome] += 1
        self.slowest, self.memory = max(self.slowest, seconds), max(self.memory, memory)

    def fault(self, sentence: str, *files: Path) -> None:
        """Something that must not happen, and the files that show it."""
        self.faults.append(sentence)
        for file in files:
            if file.is_file():
                self.keep.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(file, self.keep / f"{self.area}-{len(self.faults)}-{file.name}")

    @contextmanager
    def trial(self, name: str) -> Iterator[list[str]]:
        """One trial of several checks, of which the first that fails is a fault.

        What is put into the list says how it ended; otherwise it passed.
        """
        ended: list[str] = []
        try:
            yield ended
        except (AssertionError, OSError, ValueError, KeyError, subprocess.SubprocessError) as error:
            self.count("fault")
            self.fault(f"{name}: {error!r}"[:1500])
        else:
            self.count(ended[0] if ended else "passed")

    def line(self) -> str:
        """All of it in one line."""
        ended = ", ".join(f"{count} {name}" for name, count in self.outcomes.most_common())
        parts = [f"{self.tried} tried ({ended})" if ended else f"{self.tried} tried", f"{len(self.faults)} faults"]
        if self.slowest:
            parts.append(f"slowest {self.slowest:.2f} s")
        if self.memory:
            parts.append(f"peak memory {self.memory / MIB:.0f} MiB")
        return f"{self.area}: {'; '.join([*parts, *self.notes])}; {self.seconds:.0f} s in all"

    def to_dict(self) -> dict[str, Any]:
        """The same as JSON can hold it."""
        return dataclasses.asdict(self) | {"keep": str(self.keep), "outcomes": dict(self.outcomes)}
