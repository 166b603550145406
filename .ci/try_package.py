"""Tries an installed wheel from outside of the checkout: its commands, its page by the container's own lines, a Space.

python .ci/try_package.py ENVIRONMENT CHECKOUT
"""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

environment, checkout = Path(sys.argv[1]), Path(sys.argv[2])
programs = environment / ("Scripts" if os.name == "nt" else "bin")
variables = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"} | {
    "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}",
    "HF_HUB_OFFLINE": "1",
}


def run(*command: str, folder: str) -> str:
    print("+", *command, flush=True)
    return subprocess.run(command, check=True, cwd=folder, env=variables, stdout=subprocess.PIPE, text=True).stdout


def free_port() -> str:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return str(probe.getsockname()[1])


def serves(command: list[str], health: list[str], folder: str, **more: str) -> None:
    """Starts a page and waits until its health check passes."""
    print("+", *command, flush=True)
    with subprocess.Popen(command, cwd=folder, env=variables | more) as page:
        try:
            deadline = time.monotonic() + 180
            while subprocess.run(health, cwd=folder, env=variables, stderr=subprocess.DEVNULL, check=False).returncode:
                assert page.poll() is None, "the page has ended"
                assert time.monotonic() < deadline, "the page does not answer"
                time.sleep(1)
        finally:
            page.terminate()


def container_line(name: str) -> list[str]:
    """What the Dockerfile runs by CMD, or to check health: the last list in that instruction."""
    text = (checkout / "Dockerfile").read_text("utf-8").replace("\\\n", " ")
    (line,) = re.findall(rf"^{name}\b.*?(\[.*\])\s*$", text, re.MULTILINE)
    return json.loads(line)


with tempfile.TemporaryDirectory() as folder:
    where = run("python", "-c", "import rfr_core; print(rfr_core.__file__)", folder=folder)
    assert Path(where.strip()).is_relative_to(environment), f"not the wheel was tried, but {where}"
    picture, mask = (str(checkout / "examples" / name) for name in ("flower.jpg", "flower_mask.png"))
    run("rfr", "inpaint", picture, mask, "-o", "filled.jpg", folder=folder)
    assert Path(folder, "filled.jpg").stat().st_size > 10_000
    print(run("rfr-inpainting", "info", "--system", folder=folder))
    run("rfr", "push", "lite", "owner/space", "--space", "--dry-run", "--out", "space", folder=folder)
    port = free_port()
    health = [word.replace("7860", port) for word in container_line("HEALTHCHECK")]
    serves([word.replace("7860", port) for word in container_line("CMD")], health, folder)
    serves(["python", "app.py"], health, str(Path(folder, "space")), PORT=port)
