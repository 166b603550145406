"""Runs one method over prepared pictures in a process of its own, so that its time and memory are its own.

``python -m rfr_core.training.evaluation.measure CASES OUT METHOD [DEVICE]``: CASES holds ``0000.image.png``,
``0000.hole.png`` and so on. OUT gets ``0000.png`` and so on, with a line on standard output for each, and at last
``report.json``. METHOD is the name of a peer, ``model:SOURCE``, ``exact:SOURCE`` for a model that aims at the least
error, or ``network:SOURCE`` for one without its detail step; ``no-network-`` before these puts the interpolated picture
in the network's place.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from rfr_core.config import RFRConfig
from rfr_core.errors import RFRError
from rfr_core.files import appearing
from rfr_core.training.evaluation.peers import PeerFill, find_peer


@dataclass(frozen=True)
class Variant:
    """A way to run a model.

    kind: before its source. title: behind its name. options: of `Inpainter`. network: whether it has its network, or
    the interpolated picture in its place.
    """

    kind: str
    title: str
    options: Mapping[str, Any]
    network: bool = True

    def without_network(self) -> Variant:
        """The same with the interpolated picture in the place of the network's."""
        return Variant(f"no-network-{self.kind}", f"{self.title}, without the network", self.options, network=False)


_MODEL = Variant("model:", "", {})
_EXACT = Variant("exact:", ", exact", {"detail": "exact"})
_NETWORK = Variant("network:", ", no detail", {"detail": False})
VARIANTS = tuple(form for one in (_MODEL, _EXACT, _NETWORK) for form in (one, one.without_network()))


def variants(config: RFRConfig, *, without_network: bool = False) -> list[Variant]:
    """Those that differ for a model of this configuration.

    without_network: whether each comes without the network as well.
    """
    found = [_MODEL, *([_EXACT] if config.refinement else []), *([_NETWORK] if config.detail else [])]
    return found + [variant.without_network() for variant in found if without_network]


def measure(cases: Path, out: Path, method: str, device: str = "cpu") -> None:
    """Fills every case and writes the pictures and ``report.json``: ``seconds`` per picture and ``peak_mib``.

    The first case is filled once beforehand, so that loading and warming up don't count.
    """
    fill = _fill(method, device)
    seconds: list[float] = []
    for path in sorted(cases.glob("*.image.png")):
        number = path.name.split(".")[0]
        image = _pixels(path)
        hole = _pixels(cases / f"{number}.hole.png") > 0
        if not seconds:
            fill(image.copy(), hole.copy())
        begin = time.perf_counter()
        filled = fill(image, hole)
        seconds.append(time.perf_counter() - begin)
        Image.fromarray(np.ascontiguousarray(filled)).save(out / f"{number}.png", compress_level=1)
        print(number, flush=True)
    with appearing(out / "report.json") as file:
        file.write(json.dumps({"seconds": seconds, "peak_mib": peak_mib()}).encode())


def peak_mib() -> float | None:
    """The most memory this process has held so far, in MiB; None where the system doesn't tell."""
    status = Path("/proc/self/status")
    if status.is_file():  # getrusage on Linux counts what the parent held before this program was started
        line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM:"))
        return int(line.split()[1]) / 1024
    try:
        import resource
    except ImportError:
        return None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 2**20 if sys.platform == "darwin" else peak / 2**10


def _fill(method: str, device: str) -> PeerFill:
    kind, separator, source = method.partition(":")
    if not separator:
        return find_peer(method).fill
    from rfr_core.checkpoints.loading import load_network
    from rfr_core.inpainter import Inpainter
    from rfr_core.training.evaluation.without_network import without_network

    variant = next(variant for variant in VARIANTS if variant.kind == kind + separator)
    network = load_network(source or None)
    if not variant.network:
        network = without_network(network)
    return partial(Inpainter(network, device=device), **variant.options)


def _pixels(path: Path) -> np.ndarray:
    with Image.open(path) as image:
        return np.array(image)


def main() -> None:
    """The command; one sentence and exit status 2 for what a user can mend."""
    try:
        cases, out, method, *device = sys.argv[1:]
        measure(Path(cases), Path(out), method, *device)
    except RFRError as error:
        sys.exit(_complain(error))


def _complain(error: RFRError) -> int:
    print(error, file=sys.stderr)
    return 2


if __name__ == "__main__":
    main()
