"""``python -m rfr_nodes.demo``: starts the page."""

from __future__ import annotations

import argparse
import os
import signal
import socket
import sys
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

from rfr_core.errors import RFRError
from rfr_nodes.demo.temporary import own_folder

_LOOPBACK = ("127.0.0.1", "localhost", "::1")


def main(arguments: Sequence[str] | None = None) -> int:
    """Serves the page until it is interrupted; returns the exit status, 2 for input that cannot be used."""
    options = _parser().parse_args(arguments)
    if find_spec("gradio") is None:
        print("The demo needs Gradio: install it with `pip install 'rfr-inpainting[demo]'`.", file=sys.stderr)
        return 2
    if trouble := _trouble(options.host, options.port):
        where = options.host if options.port is None else f"{options.host}, port {options.port}"
        print(f"The page cannot be served on {where}: {trouble}.", file=sys.stderr)
        return 2
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _interrupt)
    try:
        with own_folder() as root:
            source = _absolute(options.model)
            _confine(root)
            return _serve(options, source, root)
    except RFRError as error:
        print(error, file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130


def _interrupt(number: int, frame: object) -> None:
    """Ends the program once; while it does so, further signals change nothing."""
    for ignored in (signal.SIGINT, signal.SIGTERM):
        signal.signal(ignored, signal.SIG_IGN)
    raise KeyboardInterrupt


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("python -m rfr_nodes.demo", description="A page to remove something from a photo.")
    parser.add_argument("--model", help="folder, .safetensors file or Hub repository owner/name (default: bundled)")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: this machine alone)")
    parser.add_argument("--port", type=int, help="port to listen on (default: the first free one from 7860)")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda or mps")
    parser.add_argument("--share", action="store_true", help="also give the page a public address, by gradio.live")
    return parser


def _trouble(host: str, port: int | None) -> str | None:
    """Why nothing can listen there, found before everything else is loaded; None if it can. port: None for any."""
    if port is not None and not 0 < port < 2**16:
        return "ports go from 1 to 65535"
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port or 0, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind, protocol) as probe:
            if os.name == "posix":  # as the server does: connections that have just ended do not count
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except (OSError, UnicodeError) as error:
        return str(getattr(error, "strerror", None) or error)
    return None


def _absolute(model: str | None) -> str | None:
    """A local model's path, still right after the working directory has changed; other names as they are."""
    if model is not None and Path(model).expanduser().exists():
        return str(Path(model).expanduser().resolve())
    return model


def _confine(root: Path) -> None:
    """Keeps Gradio to an empty folder and off the network. Its settings are read when it is imported."""
    os.environ |= {
        "GRADIO_ANALYTICS_ENABLED": "False",
        "GRADIO_TEMP_DIR": str(root / "files"),
        "GRADIO_EXAMPLES_CACHE": str(root / "files" / "examples"),
        "HF_HUB_DISABLE_TELEMETRY": "1",
    }
    for name in ("GRADIO_ALLOWED_PATHS", "GRADIO_SHARE", "GRADIO_MCP_SERVER", "GRADIO_SSR_MODE", "GRADIO_ROOT_PATH"):
        os.environ.pop(name, None)
    (root / "files").mkdir(mode=0o700)
    (root / "empty").mkdir()
    os.chdir(root / "empty")


def _serve(options: argparse.Namespace, source: str | None, root: Path) -> int:
    from rfr_core.checkpoints.loading import BUNDLED
    from rfr_nodes.demo.offered_models import Models
    from rfr_nodes.demo.server import serve

    private = options.host in _LOOPBACK and not options.share
    sources = [source] if source not in (None, BUNDLED) else []
    models = Models([*sources, BUNDLED], device=options.device, from_hub=private)
    models.get()  # so that a wrong one is told at once, and the first visitor does not wait
    return serve(models, root / "files", host=options.host, port=options.port, share=options.share, private=private)


if __name__ == "__main__":
    status = main()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)  # the interpreter's own end would abort while a fill still computes
