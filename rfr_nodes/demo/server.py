"""The page on a port."""

from __future__ import annotations

import sys
from pathlib import Path

from starlette.middleware import Middleware

from rfr_nodes.demo.guard import Guard
from rfr_nodes.demo.limits import MAX_FILE_BYTES, MAX_SESSIONS, MAX_THREADS, MAX_WAITING
from rfr_nodes.demo.models import Models
from rfr_nodes.demo.page import build_page
from rfr_nodes.demo.theme import STYLE, theme


def serve(models: Models, root: Path, *, host: str, port: int | None, share: bool, private: bool) -> int:
    """Serves until interrupted and returns the exit status.

    root: the folder that holds everything visitors send and get. private: whether the page is for this machine
    alone.
    """
    page = build_page(models, root)
    page.queue(max_size=MAX_WAITING, default_concurrency_limit=1)
    try:
        page.launch(
            server_name=host,
            server_port=port,
            share=share,
            max_file_size=MAX_FILE_BYTES,
            max_threads=MAX_THREADS,
            state_session_capacity=MAX_SESSIONS,
            app_kwargs={"middleware": [Middleware(Guard, root=root, loopback_only=private)]},
            theme=theme(),
            css_paths=STYLE,
            footer_links=["api"],
            run_history=False,
            enable_monitoring=False,
            ssr_mode=False,
            mcp_server=False,
            pwa=False,
        )
    except OSError as error:
        print(f"The page cannot be served on {host}, port {port or '7860 and up'}: {error}", file=sys.stderr)
        return 2
    return 0
