"""What is asked of every section."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Setting:
    """How much to measure.

    sizes: sides of the square pictures that networks are run on. rounds: of which medians are taken.
    clock: see `timing.in_turns`.
    """

    sizes: tuple[int, ...] = (256, 512)
    rounds: int = 3
    clock: str = "wall"
