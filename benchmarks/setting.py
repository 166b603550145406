"""What is asked of every section."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Setting:
    """How much to measure.

    sizes: sides of the square pictures that networks are run on. rounds: of which medians are taken.
    clock: see `timing.in_turns`. pictures: a folder of photographs for what is measured on such, or the project's own.
    """

    sizes: tuple[int, ...] = (256, 512)
    rounds: int = 3
    clock: str = "wall"
    pictures: Path = Path(__file__).parents[1] / "examples"
