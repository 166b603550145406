"""The demo's API with mutated pictures, values, bodies and routes, against a running server."""

from __future__ import annotations

import json
import tempfile
import time
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np

from . import memory
from .attempts import SECONDS
from .demo_server import API, Server, file_data
from .figures import MIB, Figures
from .mutation import VALUES, Random, mutated, mutated_json, mutated_png
from .pictures import file_of, photograph, samples

MEMORY = 1 << 30  # bytes that the server may take more than when it was idle
SECRET = "what no visitor may read"

_NAMES = (
    "photo.png",
    "../../photo.png",
    "C:\\photo.png",
    "\\\\host\\share\\a.png",
    "a\0b.png",
    "é\u202e.png",
    "." * 300,
)
_ROUTES = ("file=", "file/", "proxy=", "component_server", "upload_progress?upload_id=", "heartbeat/", "queue/data?")
_ROUTES += ("call/inpaint/", "info?", "config?", "reset", "cancel", "startup-events", "deep_link?", "stream/", "dev/")


class _Fuzzing:
    """A server and what is sent to it."""

    def __init__(self, server: Server, folder: Path) -> None:
        self.server = server
        self.secret = folder / "secret.png"
        self.secret.write_text(SECRET)
        self.files = samples()
        (self.photo,) = json.loads(server.upload(file_of(photograph(64, 48), "PNG"), "photo.png")[1])
        mask = np.zeros((48, 64), np.uint8)
        mask[10:30, 20:40] = 255
        from PIL import Image

        (self.mask,) = json.loads(server.upload(file_of(Image.fromarray(mask), "PNG"), "mask.png")[1])
        self.good: list[Any] = [file_data(self.photo), file_data(self.mask), 2, 0, 0, "png", ""]

    def attempt(self, random: Random) -> tuple[str, str]:
        """One input; how it ended and what was answered."""
        kinds = (self._picture, self._picture, self._value, self._value, self._body, self._route, self._event)
        return kinds[int(random.integers(len(kinds)))](random)

    def _picture(self, random: Random) -> tuple[str, str]:
        name = list(self.files)[int(random.integers(len(self.files)))]
        data = self.files[name]
        data = mutated_png(data, random) if name.endswith(".png") else mutated(data, random)
        if random.random() < 0.2:
            name = _NAMES[int(random.integers(len(_NAMES)))]
        status, text = self.server.upload(data, name)
        if status != 200:
            return f"refused {status}", text
        values = list(self.good)
        values[int(random.integers(2))] = file_data(json.loads(text)[0], name)
        return self.server.inpaint(values)

    def _value(self, random: Random) -> tuple[str, str]:
        outcome, text = self.server.call(mutated_json(json.dumps({"data": self.good}), random).encode())
        return outcome, _without_echo(text)

    def _body(self, random: Random) -> tuple[str, str]:
        outcome, text = self.server.call(mutated(json.dumps({"data": self.good}).encode(), random))
        return outcome, _without_echo(text)

    def _route(self, random: Random) -> tuple[str, str]:
        path = str(self.secret)
        forms = (path, f"..{path}", f"/../../../..{path}", f"{self.server.root}/../../..{path}", f"{path}\0.png")
        form = forms[int(random.integers(len(forms)))]
        for _ in range(int(random.integers(0, 3))):
            form = quote(form, safe="" if random.random() < 0.5 else "/")
        if random.random() < 0.3:
            form = mutated(form.encode(), random).decode("latin-1")
        route = _ROUTES[int(random.integers(len(_ROUTES)))]
        if route.startswith(("queue/data", "heartbeat", "upload_progress")):
            return "left out", ""  # these stay open by their nature
        method = ("GET", "POST")[int(random.integers(2))]
        status, text = self.server.ask(method, f"{API}/{route}{quote(form, safe='/%=')}")
        return f"status {status}", text

    def _event(self, random: Random) -> tuple[str, str]:
        """One of the page's own events, with values that it did not send."""
        values = [VALUES[int(random.integers(len(VALUES)))] for _ in range(int(random.integers(0, 8)))]
        values = [file_data(str(self.secret)) if random.random() < 0.2 else value for value in values]
        session = f"s{random.integers(2**60)}"
        body = {"data": values, "fn_index": int(random.integers(-1, 40)), "session_hash": session}
        body["event_data"] = VALUES[int(random.integers(len(VALUES)))]
        status, text = self.server.ask("POST", f"{API}/queue/join", json.dumps(body).encode())
        if status != 200:
            return f"refused {status}", text
        _, text = self.server.ask("GET", f"{API}/queue/data?session_hash={session}")
        return ("complete" if '"success":true' in text else "error"), text

    def check(self, answer: str) -> None:
        """What no answer may show, and what must still be right after it."""
        assert SECRET not in answer, "a file of the machine was shown"
        assert "Traceback" not in answer, f"a traceback was shown: {answer[:300]}"
        assert str(self.secret.parent) not in answer.replace(str(self.server.root), ""), f"a path: {answer[:300]}"
        assert self.server.alive, "the server has ended"


def _without_echo(answer: str) -> str:
    """A refusal without what was sent, which FastAPI repeats, paths included."""
    if not answer.startswith('{"detail":[{'):
        return answer
    return json.dumps([{**entry, "input": None} for entry in json.loads(answer)["detail"]])


def run(figures: Figures, seed: int, inputs: int, seconds: float) -> None:
    """Sends inputs one after another until there are so many or the time is over."""
    with tempfile.TemporaryDirectory(prefix="rfr-stress-") as name, Server(Path(name)) as server:
        fuzzing = _Fuzzing(server, Path(name))
        assert server.inpaint(fuzzing.good)[0] == "complete"
        idle, read = server.memory(), server.log.stat().st_size
        end = time.monotonic() + seconds
        for index in range(inputs):
            if time.monotonic() > end or not server.alive:
                break
            started = time.monotonic()
            with figures.trial(f"input {index} of seed {seed}") as ended:
                outcome, answer = fuzzing.attempt(np.random.default_rng((seed, index)))
                taken = time.monotonic() - started
                figures.slowest = max(figures.slowest, taken)
                fuzzing.check(answer)
                with server.log.open("rb") as log:
                    log.seek(read)
                    said = log.read().decode("utf-8", "replace")
                    read = log.tell()
                assert "an event failed" not in said, f"an error that is no sentence: {said[-900:]}"
                assert not outcome.endswith((" 500", " 0")), f"{outcome}: {said[-900:]}"
                assert taken < 12 * SECONDS, f"took {taken:.1f} s"
                ended.append(outcome)
        with figures.trial("after all"):
            assert server.inpaint(fuzzing.good)[0] == "complete", "a good request is not answered any more"
            figures.memory = max(0, server.memory("VmHWM") - idle)
            assert not memory.AVAILABLE or figures.memory < MEMORY, f"took {figures.memory / MIB:.0f} MiB"
