"""The page on a port."""

from __future__ import annotations

import secrets
import sys
import time
from pathlib import Path
from threading import Thread
from typing import Any

from starlette.middleware import Middleware

from rfr_nodes.demo.events import Events
from rfr_nodes.demo.guard import Guard
from rfr_nodes.demo.limits import MAX_FILE_BYTES, MAX_SESSIONS, MAX_THREADS, MAX_WAITING
from rfr_nodes.demo.offered_models import Models
from rfr_nodes.demo.page import build_page
from rfr_nodes.demo.session_store import SessionStore
from rfr_nodes.demo.storage import Storage
from rfr_nodes.demo.theme import STYLE, theme
from rfr_nodes.demo.words import LANGUAGES

_CLOSING_SECONDS = 3.0


def serve(models: Models, root: Path, *, host: str, port: int | None, share: bool, private: bool) -> int:
    """Serves until KeyboardInterrupt, and returns the exit status.

    root: the folder that holds everything visitors send and get. private: whether the page is for this machine
    alone.
    """
    storage = Storage(root)
    sessions = SessionStore(storage)
    page = build_page(models, storage, sessions)
    storage.keep_what_is_there()
    page.queue(max_size=MAX_WAITING, default_concurrency_limit=None)
    guard = Middleware(Guard, storage=storage, events=Events(page), loopback_only=private)
    try:
        page.launch(
            server_name=host,
            server_port=port,
            share=False,  # below, in one sentence instead of a screenful where it fails
            quiet=True,
            prevent_thread_lock=True,
            max_file_size=MAX_FILE_BYTES,
            max_threads=MAX_THREADS,
            state_session_capacity=MAX_SESSIONS,  # Gradio keeps 0.1 MB of every caller, too
            app_kwargs={"middleware": [guard], "openapi_url": None},
            theme=theme(),
            css_paths=STYLE,
            i18n=LANGUAGES,
            footer_links=["api"],
            run_history=False,
            enable_monitoring=False,
            ssr_mode=False,
            mcp_server=False,
            pwa=False,
        )
        if share and not _shared(page):
            return _closed(page, 2)
        print(f"The page is at {page.local_url} (end it with Ctrl-C).", flush=True)
        while True:
            for _ in range(120):
                time.sleep(0.5)  # in short parts, after each of which a signal counts
            sessions.sweep()  # though nobody may come
            storage.sweep()
    except OSError:  # which ports are free has been looked at before; someone was quicker
        where = "the ports from 7860 on are" if port is None else f"port {port} is"
        print(f"The page cannot be served on {host}: {where} taken. Give another one by --port.", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return _closed(page, 0)


def _closed(page: Any, status: int) -> int:
    """The exit status, once the server has ended or had its time to."""
    closing = Thread(target=page.close, kwargs={"verbose": False}, daemon=True)
    closing.start()
    closing.join(_CLOSING_SECONDS)
    return status


def _shared(page: Any) -> bool:
    """Gives the page a public address and prints it; prints why, and returns False, where there is none."""
    from gradio import networking

    try:
        address = networking.setup_tunnel("127.0.0.1", page.server_port, secrets.token_urlsafe(32), None, None)
    except Exception as error:  # of many classes: no network, no server, a program that cannot be fetched
        reason = str(error).rstrip(".") or type(error).__name__
        print(
            f"The page has no public address, since gradio.live does not answer ({reason}): leave out --share.",
            file=sys.stderr,
        )
        return False
    print(f"Everyone reaches it at {address.replace('http://', 'https://', 1)} for a week at most.", flush=True)
    return True
