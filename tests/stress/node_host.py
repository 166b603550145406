"""The nodes in a real ComfyUI: values that its pages do not send, two hundred queued graphs, interrupts at random."""

from __future__ import annotations

import contextlib
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "host"))  # its modules find each other by that

from host.comfy_server import Client, Host, RefusedError, Run
from host.graphs import Graph, fill, node
from host.prepared_host import prepared

from .figures import Figures
from .mutation import VALUES, Random

QUEUED = 200
_SENTENCES = ("CheckpointError", "ConfigError", "DeviceError", "HoleError", "ImageError", "RFRError")
_PATHS = (
    "../../secret.png",
    "/etc/passwd",
    "C:\\a.png",
    "\\\\host\\a.png",
    "a\0.png",
    "mask.png [output]",
    "é\u202e.png",
)


def run(figures: Figures, seed: int, inputs: int, seconds: float) -> None:
    """A quarter of the time for odd values, the rest for the queue."""
    with tempfile.TemporaryDirectory(prefix="rfr-stress-") as name:
        host = prepared(Host(Path(os.environ["COMFYUI_PATH"]), Path(name), environment={"HF_HUB_OFFLINE": "1"}))
        with host, host.client() as client:
            end = time.monotonic() + seconds / 4
            for index in range(inputs):
                if time.monotonic() > end:
                    break
                with figures.trial(f"graph {index} of seed {seed}") as ended:
                    ended.append(_try(client, _odd(np.random.default_rng((seed, index)))))
            _queue(figures, client, np.random.default_rng(seed), time.monotonic() + seconds * 3 / 4)
            with figures.trial("a fill after all") as ended:
                assert client.run(fill(recurrences=2)).error is None
                ended.append("filled")


def _odd(random: Random) -> Graph:
    """The graph of a fill with up to three inputs of our nodes that may be anything."""
    graph: Graph = fill(recurrences=1) | {
        "random": node("RFRRandomMask", width=64, height=64, ratio="20-30 %", seed=1),
        "frames": node("RFRRecurrences", steps=("inpaint", 1)),
        "heat": node("RFRAttentionMap", steps=("inpaint", 1), x=45, y=40, picture=0),
        "fetch": node("RFRFetchModel", repository="a/b", revision="main", file="model.safetensors", update=False),
    }
    graph["fetch"]["inputs"]["precision"] = "auto"
    for _ in range(int(random.integers(1, 4))):
        names = [name for name, entry in graph.items() if entry["class_type"].startswith("RFR")]
        inputs: dict[str, Any] = graph[names[int(random.integers(len(names)))]]["inputs"]
        name = list(inputs)[int(random.integers(len(inputs)))]
        values = (*VALUES[:-4], *_PATHS, *_PATHS, 10**6, -(10**6))
        value = values[int(random.integers(len(values)))]
        inputs[name] = value if not isinstance(value, float) or np.isfinite(value) else str(value)
    return graph


def _try(client: Client, graph: Graph) -> str:
    try:
        run = client.run(graph)
    except RefusedError:
        return "refused by the host"
    if run.error is None:
        return "run"
    kind, said = run.error["exception_type"], run.sentence
    assert kind.rpartition(".")[2] in _SENTENCES, f"{kind}: {said}"
    assert "root:" not in said
    return "told in a sentence"


def _queue(figures: Figures, client: Client, random: Random, end: float) -> None:
    """As many graphs at once as anybody would queue, of which some are interrupted while they run."""
    runs = [client.queue(fill(recurrences=int(random.integers(1, 7)), feather=index)) for index in range(QUEUED)]
    for index, run in enumerate(runs):
        if time.monotonic() > end:
            _cancel(client, runs[index:])
            figures.notes.append(f"{len(runs) - index} graphs of the queue left out, as the time was over")
            return
        with figures.trial(f"queued graph {index}") as ended:
            share = float(random.random()) if random.random() < 0.3 else None
            ended.append(_followed(client, run, share))


def _followed(client: Client, run: Run, share: float | None) -> str:
    client.follow(run, interrupt_at=share)
    assert run.error is None, run.sentence
    if run.interrupted:
        return "interrupted"
    assert "preview" in run.executed or "preview" in run.cached, "no result"
    return "filled in turn"


def _cancel(client: Client, runs: list[Run]) -> None:
    client.host.post("/queue", {"delete": [run.prompt_id for run in runs]})
    client.host.post("/interrupt", {})
    with contextlib.suppress(TimeoutError):
        client.follow(runs[0], timeout=30)
