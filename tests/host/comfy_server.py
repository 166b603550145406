"""A real ComfyUI, started from its checkout with this pack in its custom_nodes, and spoken to by HTTP and websocket."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
import uuid
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
PACK = "rfr-inpainting"
_PREVIEW_WITH_METADATA = 4  # the host's binary event
_FOLDERS = ("input", "output", "temp", "user", "models", "custom_nodes")


@dataclass
class Run:
    """What the host sent while it worked on one graph.

    executed: node -> its output for the page. cached: nodes not run again. previews: (node, JPEG) in order. progress:
    (node, value, max). error: the host's message, with `exception_message`, or None. interrupted: whether it was.
    node_errors: of nodes that the host left out, since their inputs did not pass its checks.
    """

    prompt_id: str
    executed: dict[str, Any] = field(default_factory=dict)
    started: list[str] = field(default_factory=list)
    cached: list[str] = field(default_factory=list)
    previews: list[tuple[str, bytes]] = field(default_factory=list)
    progress: list[tuple[str, float, float]] = field(default_factory=list)
    error: dict[str, Any] | None = None
    interrupted: bool = False
    node_errors: dict[str, Any] = field(default_factory=dict)

    @property
    def sentence(self) -> str:
        """What the host shows of the error."""
        assert self.error is not None, "the run did not fail"
        return self.error["exception_message"].strip()


class RefusedError(Exception):
    """The host refused a graph before running it; `details` is its answer."""

    def __init__(self, details: dict[str, Any]) -> None:
        super().__init__(json.dumps(details))
        self.details = details

    @property
    def sentence(self) -> str:
        """What the host shows at the nodes."""
        errors = [error for node in self.details["node_errors"].values() for error in node["errors"]]
        return " ".join(error["details"] for error in errors)


class Host:
    """A running ComfyUI with folders of its own under `base`.

    front_end: folder with the page's files, None for the installed one. options: more of the host's own.
    environment: variables for it, beside ours.
    """

    def __init__(
        self,
        comfyui: Path,
        base: Path,
        *,
        front_end: Path | None = None,
        options: tuple[str, ...] = (),
        environment: dict[str, str] | None = None,
    ) -> None:
        self.base = base
        self.url = f"http://127.0.0.1:{_free_port()}"
        self.log = base / "host.log"
        self._environment = environment or {}
        for folder in _FOLDERS:
            (base / folder).mkdir(parents=True, exist_ok=True)
        self._command = [
            os.environ.get("COMFYUI_PYTHON", sys.executable),
            str(comfyui / "main.py"),
            "--cpu",
            "--disable-auto-launch",
            *("--port", self.url.rpartition(":")[2]),
            *("--base-directory", str(base)),
            *("--database-url", f"sqlite:///{base / 'user' / 'comfyui.db'}"),
            *(("--front-end-root", str(front_end)) if front_end else ()),
            *options,
        ]

    def put_pack(self, source: Path = ROOT) -> Path:
        """Link the pack's folder into custom_nodes, as a user's clone would lie there."""
        target = self.base / "custom_nodes" / PACK
        if not target.exists():
            target.symlink_to(source, target_is_directory=True)
        return target

    def __enter__(self) -> Host:
        environment = os.environ | {"HF_HUB_DISABLE_TELEMETRY": "1"} | self._environment
        with self.log.open("w") as log:
            self._process = subprocess.Popen(self._command, stdout=log, stderr=log, env=environment, cwd=self.base)
        self._wait_until_ready()
        return self

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        try:
            self._process.wait(20)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def restart(self) -> None:
        """Stop it and start it anew, with the same address and folders."""
        self.__exit__()
        self.__enter__()

    def _wait_until_ready(self) -> None:
        for _ in range(3000):
            if self._process.poll() is not None:
                break
            try:
                self.get("/system_stats")
                return
            except (urllib.error.URLError, ConnectionError):
                time.sleep(0.2)
        self.__exit__()
        raise RuntimeError(f"ComfyUI did not start:\n{self.log.read_text()[-4000:]}")

    def get(self, path: str, **query: str) -> Any:
        """The JSON at a path."""
        return json.loads(self.fetch(path, **query))

    def fetch(self, path: str, **query: str) -> bytes:
        """The bytes at a path."""
        suffix = f"?{urllib.parse.urlencode(query)}" if query else ""
        with urllib.request.urlopen(f"{self.url}{path}{suffix}", timeout=60) as response:
            return response.read()

    def view(self, reference: dict[str, str]) -> bytes:
        """The file that a node's output for the page refers to."""
        return self.fetch("/view", **reference)

    def post(self, path: str, data: dict[str, Any]) -> Any:
        """What the host answers, as JSON where it is any."""
        request = urllib.request.Request(
            f"{self.url}{path}", json.dumps(data).encode(), {"Content-Type": "application/json"}
        )
        with urllib.request.urlopen(request, timeout=60) as response:
            body = response.read()
            return json.loads(body) if body else None

    def add_input(self, path: Path, name: str | None = None) -> str:
        """Put a file into the input folder; its name there."""
        target = self.base / "input" / (name or path.name)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, target)
        return target.relative_to(self.base / "input").as_posix()

    def client(self) -> Client:
        return Client(self)


class Client:
    """One page's worth of a connection: queues graphs and follows them."""

    def __init__(self, host: Host) -> None:
        self.host = host
        self.id = uuid.uuid4().hex
        from websockets.sync.client import connect  # pyright: ignore[reportMissingImports]  # only this group needs it

        self._connection = connect(f"{host.url.replace('http', 'ws')}/ws?clientId={self.id}", max_size=None)

    def __enter__(self) -> Client:
        self._socket = self._connection.__enter__()
        self._socket.send(json.dumps({"type": "feature_flags", "data": {"supports_preview_metadata": True}}))
        return self

    def __exit__(self, *error: Any) -> None:
        self._connection.__exit__(*error)

    def queue(self, graph: dict[str, Any]) -> Run:
        """Queue a graph in the host's API form; raises RefusedError where it does not pass the host's checks."""
        try:
            answer = self.host.post("/prompt", {"prompt": graph, "client_id": self.id})
        except urllib.error.HTTPError as error:
            raise RefusedError(json.loads(error.read())) from error
        return Run(answer["prompt_id"], node_errors=answer["node_errors"])

    def run(self, graph: dict[str, Any], *, interrupt_at: float | None = None) -> Run:
        """Queue a graph and follow it to its end; `interrupt_at`: cancel at the first progress of this share."""
        return self.follow(self.queue(graph), interrupt_at=interrupt_at)

    def refusal(self, graph: dict[str, Any]) -> str:
        """What is said of a graph that cannot be run, by the host before running it or by a node."""
        try:
            return self.run(graph).sentence
        except RefusedError as error:
            return error.sentence

    def follow(self, run: Run, *, interrupt_at: float | None = None, timeout: float = 300) -> Run:
        """Read the host's messages until the run has ended."""
        end = time.monotonic() + timeout
        while time.monotonic() < end:
            message = self._socket.recv(timeout=max(0.1, end - time.monotonic()))
            if isinstance(message, bytes):
                _note_preview(run, message)
                continue
            event = json.loads(message)
            data = event.get("data") or {}
            if data.get("prompt_id") != run.prompt_id:
                continue
            if _note_event(run, event["type"], data):
                return run
            if interrupt_at is not None and run.progress and run.progress[-1][1] / run.progress[-1][2] >= interrupt_at:
                self.host.post("/interrupt", {})
                interrupt_at = None
        raise TimeoutError(f"the run did not end within {timeout} s")


def _note_preview(run: Run, message: bytes) -> None:
    if int.from_bytes(message[:4], "big") != _PREVIEW_WITH_METADATA:
        return
    length = int.from_bytes(message[4:8], "big")
    metadata = json.loads(message[8 : 8 + length])
    if metadata["prompt_id"] == run.prompt_id:
        run.previews.append((metadata["node_id"], message[8 + length :]))


def _note_event(run: Run, kind: str, data: dict[str, Any]) -> bool:
    """Note one event; whether it was the run's last."""
    if kind == "executing" and data.get("node") is not None:
        run.started.append(data["node"])
    elif kind == "execution_cached":
        run.cached += data["nodes"]
    elif kind == "executed":
        run.executed[data["node"]] = data["output"]
    elif kind == "progress":
        run.progress.append((data["node"], data["value"], data["max"]))
    elif kind == "execution_error":
        run.error = data
    elif kind == "execution_interrupted":
        run.interrupted = True
    return kind in ("execution_success", "execution_error", "execution_interrupted")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
