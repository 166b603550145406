"""The library as a client of a Hub, in a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

TESTS = Path(__file__).parent
REPO = "owner/tiny"


class Client:
    """The library in a process of its own, with its cache in ``home``."""

    def __init__(self, url: str, home: Path) -> None:
        self.home = home
        self.environment = {name: value for name, value in os.environ.items() if not name.startswith("HF_")}
        self.environment |= {"HF_ENDPOINT": url, "HF_HOME": str(home), "NO_PROXY": "127.0.0.1"}
        self.environment |= {"HF_HUB_DISABLE_XET": "1", "PYTHONPATH": str(TESTS.parent), "OMP_NUM_THREADS": "1"}

    def start(self, action: str = "download", source: str = REPO, env: dict[str, str] | None = None, **arguments: Any):
        command = [sys.executable, str(TESTS / "hub_client.py"), action]
        given = {"source": source} if action in ("download", "load") else {}
        command.append(json.dumps(given | arguments))
        environment = self.environment | (env or {})
        return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def __call__(self, *args: Any, **kwargs: Any) -> dict[str, Any]:
        return outcome(self.start(*args, **kwargs))

    def refused(self, *args: Any, **kwargs: Any) -> str:
        return sentence(self(*args, **kwargs))

    def cached(self) -> list[str]:
        """What the cache offers to its users: the files of its snapshots and its finished blobs."""
        blobs = [path for path in self.home.rglob("blobs/*") if path.suffix != ".incomplete"]
        return sorted(path.name for path in [*self.home.rglob("snapshots/*/*"), *blobs])


def outcome(process: subprocess.Popen[str]) -> dict[str, Any]:
    output, errors = process.communicate(timeout=600)
    assert process.returncode == 0, errors
    return json.loads(output)


def sentence(result: dict[str, Any]) -> str:
    text = result["error"]
    assert "\n" not in text
    assert text.endswith(".")
    return text
