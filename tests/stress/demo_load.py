"""Fifty clients at once, each with an address, for minutes: no wrong answer, memory flat, work of leavers ended."""

from __future__ import annotations

import http.client
import json
import tempfile
import threading
import time
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from PIL import Image

from .demo_server import API, Server, file_data
from .figures import MIB, Figures
from .pictures import file_of, photograph

CLIENTS = 50
REQUESTS = 12  # different ones
GROWTH = 128 * MIB  # that counts as flat, from the first third of the time to the last


@dataclass(frozen=True)
class _Request:
    """A picture and a mask, and the file that the server made of them when it had nothing else to do."""

    photo: bytes
    mask: bytes
    expected: bytes


@dataclass
class _Tally:
    """What the clients have seen. left: how many went away before their answer."""

    seconds: list[float] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    left: int = 0
    full: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)


def run(figures: Figures, seed: int, seconds: float) -> None:
    """Lets the clients ask for so long, and then looks at the server."""
    with tempfile.TemporaryDirectory(prefix="rfr-stress-") as name, Server(Path(name)) as server:
        requests = [_request(server, number) for number in range(REQUESTS)]
        tally, memory = _Tally(), []
        end = time.monotonic() + seconds
        clients = [
            threading.Thread(target=_client, args=(server.seen_from(1 + i), requests, tally, random, end))
            for i, random in enumerate(np.random.default_rng((seed, i)) for i in range(CLIENTS))
        ]
        for client in clients:
            client.start()
        while any(client.is_alive() for client in clients):
            memory.append(server.memory())
            time.sleep(2)
        _report(figures, tally, memory)
        with figures.trial("a request after all have left") as ended:
            started = time.monotonic()
            assert _ask(server, requests[0])[1] == requests[0].expected, "another result than before"
            assert time.monotonic() - started < 30, "their work goes on"
            ended.append("answered afterwards")


def _report(figures: Figures, tally: _Tally, memory: list[int]) -> None:
    figures.tried += len(tally.seconds) + tally.left + tally.full
    figures.outcomes.update(
        {"right": len(tally.seconds), "left before the answer": tally.left, "told to wait": tally.full}
    )
    for sentence in tally.wrong:
        figures.fault(sentence)
    third = max(1, len(memory) // 3)
    growth = int(np.mean(memory[-third:])) - int(np.mean(memory[third : 2 * third] or memory))
    if growth > GROWTH:
        figures.fault(f"the memory grew by {growth / MIB:.0f} MiB")
    figures.memory, figures.slowest = max(memory), max(tally.seconds, default=0)
    p50, p95 = np.percentile(tally.seconds or [0], (50, 95))
    figures.notes += [
        f"{CLIENTS} clients",
        f"p50 {p50:.1f} s, p95 {p95:.1f} s",
        f"memory grew by {growth / MIB:.0f} MiB",
    ]


def _request(server: Server, number: int) -> _Request:
    width, height = 96 + 16 * number, 128
    mask = np.zeros((height, width), np.uint8)
    mask[30:70, 20 : 60 + number] = 255
    bare = _Request(file_of(photograph(width, height, number), "PNG"), file_of(Image.fromarray(mask), "PNG"), b"")
    _, expected = _ask(server, bare)
    return _Request(bare.photo, bare.mask, expected)


def _values(server: Server, request: _Request) -> list[object]:
    paths = [server.upload(data, "a.png") for data in (request.photo, request.mask)]
    assert all(status == 200 for status, _ in paths), paths
    photo, mask = (json.loads(text)[0] for _, text in paths)
    return [file_data(photo), file_data(mask), 2, 0, 0, "png", ""]


def _ask(server: Server, request: _Request) -> tuple[str, bytes]:
    """How a request ended, and the file that came back."""
    outcome, answer = server.inpaint(_values(server, request))
    return outcome, server.fetch(answer) if outcome == "complete" else answer.encode()


def _client(server: Server, requests: list[_Request], tally: _Tally, random: np.random.Generator, end: float) -> None:
    while time.monotonic() < end:
        request = requests[int(random.integers(len(requests)))]
        try:
            if random.random() < 0.1:
                _leave(server, request)
                with tally.lock:
                    tally.left += 1
                continue
            started = time.monotonic()
            outcome, answer = _ask(server, request)
            taken = time.monotonic() - started
        except (OSError, AssertionError, ValueError, http.client.HTTPException) as error:
            with tally.lock:
                tally.wrong.append(f"a client met {error!r}"[:300])
            time.sleep(1)
            continue
        with tally.lock:
            if answer == request.expected:
                tally.seconds.append(taken)
            elif b"are waiting" in answer or b"waiting already" in answer or outcome.startswith("refused 503"):
                tally.full += 1
            else:
                tally.wrong.append(f"a wrong answer: {outcome} {answer[:200]!r}")


def _leave(server: Server, request: _Request) -> None:
    """Asks, begins to listen, and goes away."""
    status, text = server.ask("POST", f"{API}/call/inpaint", json.dumps({"data": _values(server, request)}).encode())
    if status != 200:
        return
    with closing(http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)) as connection:
        connection.request("GET", f"{API}/call/inpaint/{json.loads(text)['event_id']}")
        time.sleep(0.1)
