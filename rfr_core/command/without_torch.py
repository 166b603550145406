"""`rfr inpaint` where PyTorch is not installed: the portable fill in the place of the inpainter."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from rfr_core.errors import ConfigError, HoleError
from rfr_core.options import Options

NOTICE = "PyTorch is not installed; filling with onnxruntime, in float32."


@dataclass(frozen=True)
class WholeFill:
    """A finished fill in the form of the last step of several, as `rfr_core.command.batch` takes them."""

    index: int
    total: int
    hole_ratio: float
    _picture: Any

    def picture(self) -> Any:
        return self._picture


class PortableSteps:
    """The portable inpainter with the method of `rfr_core.Inpainter` that a command calls."""

    def __init__(self) -> None:
        from rfr_core.portable.portable_inpainter import PortableInpainter

        self._inpainter = PortableInpainter()

    def steps(self, image: Any, hole: Any = None, **options: Any) -> Iterator[WholeFill]:
        """One step, or none for an empty hole. options: those of `Inpainter.steps`, of which detail alone counts.

        Raises RFRError: as `PortableInpainter.__call__`, and where there is no mask.
        """
        if hole is None:
            raise HoleError("There is no mask; to fill what is transparent needs PyTorch: install torch.")
        filled = self._inpainter.filled(image, hole, detail=options["detail"])
        if filled.recurrences:
            yield WholeFill(filled.recurrences, filled.recurrences, filled.hole_ratio, filled.picture)


def torch_is_missing() -> bool:
    return importlib.util.find_spec("torch") is None


def refuse_options(options: Options, asked: Mapping[str, bool]) -> None:
    """Raises ConfigError for options that need PyTorch: all but detail, and of others those that were asked for."""
    usual = asdict(Options())
    changed = [name for name, value in asdict(options).items() if value != usual[name] and name != "detail"]
    named = [f"--{name.replace('_', '-')}" for name in changed] + [name for name, given in asked.items() if given]
    if named:
        need, them = ("needs", "it") if len(named) == 1 else ("need", "them")
        raise ConfigError(
            f"{', '.join(named)} {need} PyTorch, which is not installed; run pip install torch, or leave {them} out."
        )
