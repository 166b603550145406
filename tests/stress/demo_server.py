"""The demo as a process of its own, and what its API takes and gives, by plain HTTP."""

from __future__ import annotations

import copy
import http.client
import json
import os
import re
import subprocess
import sys
import time
import uuid
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import torch
from browser.demo import free_port

from rfr_core.checkpoints.saving import save_pretrained
from rfr_core.config import RFRConfig
from rfr_core.network.rfr_net import RFRNet

from . import memory
from .attempts import ROOT

TIMEOUT = 120.0  # seconds; an answer may have to wait for those of many others
API = "/gradio_api"


class Server:
    """A running demo with a tiny random network; its files and its log lie in ``folder``."""

    def __init__(self, folder: Path, settings: Mapping[str, str] | None = None) -> None:
        """settings: more variables of its environment."""
        self._source: tuple[str, int] | None = None
        self.log = folder / "server.log"
        torch.manual_seed(0)
        model = save_pretrained(RFRNet(RFRConfig(width=8, norm="group")), folder / "tiny")
        self.port = free_port()
        command = [sys.executable, "-u", "-m", "rfr_nodes.demo", "--port", str(self.port), "--model", str(model)]
        (folder / "temporary").mkdir()
        environment = os.environ | {"TMPDIR": str(folder / "temporary"), "OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"}
        environment |= settings or {}
        with self.log.open("w") as log:
            self._process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=log, stderr=log)
        while not re.search(r"http://127\.0\.0\.1:\d+", self.log.read_text()):
            if self._process.poll() is not None:
                raise RuntimeError(f"the demo does not start: {self.log.read_text()[-600:]}")
            time.sleep(0.2)
        self.root = next((folder / "temporary").glob("rfr-demo-*/files"))

    def __enter__(self) -> Server:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        try:
            self._process.wait(20)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def seen_from(self, number: int) -> Server:
        """The same server for a client with an address of its own, where this machine has more than one."""
        client = copy.copy(self)
        client._source = (f"127.0.1.{number}", 0) if sys.platform == "linux" else None
        return client

    @property
    def alive(self) -> bool:
        return self._process.poll() is None

    def memory(self, name: str = "VmRSS") -> int:
        """Bytes that it has in memory, or another figure of `memory.status`."""
        return memory.status(name, self._process.pid)

    def ask(self, method: str, path: str, body: bytes = b"", kind: str = "application/json") -> tuple[int, str]:
        """Status and text of one request; status 0 where the answer breaks off."""
        with closing(http.client.HTTPConnection("127.0.0.1", self.port, TIMEOUT, self._source)) as connection:
            connection.putrequest(method, path, skip_accept_encoding=True)
            connection.putheader("Content-Length", str(len(body)))
            connection.putheader("Content-Type", kind)
            connection.endheaders(body)
            try:
                response = connection.getresponse()
                return response.status, response.read().decode("utf-8", "replace")
            except http.client.HTTPException as error:
                return 0, repr(error)

    def upload(self, data: bytes, name: str) -> tuple[int, str]:
        """Status and text of an upload; good ones are answered by a list of one path."""
        boundary = uuid.uuid4().hex
        head = f'--{boundary}\r\nContent-Disposition: form-data; name="files"; filename="{name}"\r\n\r\n'
        body = head.encode("utf-8", "replace") + data + f"\r\n--{boundary}--\r\n".encode()
        return self.ask("POST", f"{API}/upload", body, f"multipart/form-data; boundary={boundary}")

    def inpaint(self, data: Any) -> tuple[str, str]:
        """How a call of the endpoint with these values ended, "complete" or "error", and what was said."""
        return self.call(json.dumps({"data": data}).encode())

    def call(self, body: bytes) -> tuple[str, str]:
        """The same with a body of one's own; "refused" where it was not even queued."""
        status, text = self.ask("POST", f"{API}/call/inpaint", body)
        if status != 200:
            return f"refused {status}", text
        _, text = self.ask("GET", f"{API}/call/inpaint/{json.loads(text)['event_id']}")
        ends = re.findall(r"^event: (complete|error)\ndata: (.*)$", text, re.MULTILINE)
        return ends[-1] if ends else ("cut", text)

    def fetch(self, answer: str) -> bytes:
        """The file that a complete answer names."""
        path = json.loads(answer)[0]["path"]
        with closing(http.client.HTTPConnection("127.0.0.1", self.port, TIMEOUT, self._source)) as connection:
            connection.request("GET", f"{API}/file={path}")
            response = connection.getresponse()
            assert response.status == 200, response.status
            return response.read()


def file_data(path: str, name: str = "photo.png") -> dict[str, Any]:
    """An uploaded file as a component's value."""
    return {"path": path, "orig_name": name, "meta": {"_type": "gradio.FileData"}}
