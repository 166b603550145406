"""``python -m rfr_nodes.demo``: starts the page."""

from __future__ import annotations

import argparse
import os
import socket
import sys
import tempfile
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

from rfr_core.errors import RFRError

_LOOPBACK = ("127.0.0.1", "localhost", "::1")


def main(arguments: Sequence[str] | None = None) -> int:
    """Serves the page until it is interrupted; returns the exit status, 2 for input that cannot be used."""
    options = _parser().parse_args(arguments)
    if find_spec("gradio") is None:
        print("The demo needs Gradio: install it with `pip install 'rfr-inpainting[demo]'`.", file=sys.stderr)
        return 2
    if options.port is not None and (trouble := _trouble(options.host, options.port)):
        print(f"The page cannot be served on {options.host}, port {options.port}: {trouble}.", file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory(prefix="rfr-demo-", ignore_cleanup_errors=True) as folder:
        root = Path(folder).resolve()
        source = _absolute(options.model)
        _confine(root)
        try:
            return _serve(options, source, root)
        except RFRError as error:
            print(error, file=sys.stderr)
            return 2
        finally:
            os.chdir(tempfile.gettempdir())  # some systems do not delete the folder that one is in


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("python -m rfr_nodes.demo", description="A page to remove something from a photo.")
    parser.add_argument("--model", help="folder, .safetensors file or Hub repository owner/name (default: bundled)")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: this machine alone)")
    parser.add_argument("--port", type=int, help="port to listen on (default: the first free one from 7860)")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda or mps")
    parser.add_argument("--share", action="store_true", help="also give the page a public address, by gradio.live")
    return parser


def _trouble(host: str, port: int) -> str | None:
    """Why that port cannot be listened on, found before everything else is loaded; None if it can."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind, protocol) as probe:
            if os.name == "posix":  # as the server does: connections that have just ended do not count
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except (OSError, OverflowError) as error:
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
    from rfr_nodes.demo.models import Models
    from rfr_nodes.demo.server import serve

    private = options.host in _LOOPBACK and not options.share
    sources = [source] if source not in (None, BUNDLED) else []
    models = Models([*sources, BUNDLED], device=options.device, from_hub=private)
    models.get()  # so that a wrong one is told at once, and the first visitor does not wait
    return serve(models, root / "files", host=options.host, port=options.port, share=options.share, private=private)


if __name__ == "__main__":
    sys.exit(main())
