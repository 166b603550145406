"""What stands before Gradio: fewer routes, files of one folder only, no addresses to fetch, bounded requests."""

from __future__ import annotations

import json
import logging
from collections.abc import MutableMapping
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from rfr_nodes.demo.limits import MAX_BODY_BYTES, MAX_FILE_BYTES

_log = logging.getLogger("rfr_nodes.demo")

_API = "/gradio_api/"
_FILES = ("file=", "file/")
_UPLOAD = "upload"
_CLOSED = (
    "proxy=",
    "component_server",
    "custom_component",
    "process_recording",
    "run-history",
    "runs",
    "stream/",
    "vibe-",
    "undo-vibe",
    "deep_link",
    "dev/",
)
_LOOPBACK_NAMES = ("localhost", "127.0.0.1", "[::1]")
# Gradio's front end builds functions from text and styles its elements; nothing else is let in from anywhere.
_POLICY = (
    "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data: blob:; media-src 'self' data: blob:; font-src 'self' data:; connect-src 'self' data: blob:; "
    "worker-src 'self' blob:; object-src 'none'; base-uri 'self'; form-action 'self'"
)
_HEADERS = {
    b"content-security-policy": _POLICY.encode(),
    b"x-content-type-options": b"nosniff",
    b"referrer-policy": b"no-referrer",
}


class Guard:
    """ASGI middleware around Gradio's server.

    root: the only folder whose files are served. loopback_only: whether the page is for this machine alone; then
    a request that names another host, as after DNS rebinding, is refused.
    """

    def __init__(self, app: ASGIApp, root: Path, loopback_only: bool) -> None:
        self._app = app
        self._root = root.resolve()
        self._loopback_only = loopback_only

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuses, or passes the request on with its body counted and its answer's headers completed."""
        if scope["type"] != "http":
            if scope["type"] == "lifespan":
                await self._app(scope, receive, send)
            return
        refusal = self._refusal(scope)
        if refusal is not None:
            await PlainTextResponse(refusal[1], refusal[0])(scope, receive, _with_headers(send))
            return
        if scope["method"] == "POST" and not _is_upload(scope):
            body = await _read(receive, MAX_BODY_BYTES)
            if body is None or _names_address(body):
                text = "The request is too large." if body is None else "Give a file: addresses are not fetched."
                await PlainTextResponse(text, 413 if body is None else 403)(scope, receive, _with_headers(send))
                return
            receive = _replayed(body, receive)
        await self._answered(scope, receive, _with_headers(send))

    async def _answered(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes a request on; one that Gradio fails at, since the page sends no such request, gets a sentence."""
        begun = False

        async def sending(message: Message) -> None:
            nonlocal begun
            begun = True
            await send(message)

        try:
            await self._app(scope, receive, sending)
        except Exception as error:
            _log.warning("a request to %s failed: %r", scope["path"][:200], error)
            if begun:
                await send({"type": "http.response.body", "body": b""})
            else:
                await PlainTextResponse("The page sends no such request: reload it.", 400)(scope, receive, send)

    def _refusal(self, scope: Scope) -> tuple[int, str] | None:
        if self._loopback_only and _host(scope) not in _LOOPBACK_NAMES:
            return 403, "This page answers on this machine alone."
        if _declared_bytes(scope) > _allowed_bytes(scope):
            return 413, "The request is too large."
        path = scope["path"]
        if not path.startswith(_API):
            return None
        route = path[len(_API) :]
        if route.startswith(_CLOSED):
            return 404, "There is nothing here."
        for prefix in _FILES:
            if route.startswith(prefix) and not self._serves(route[len(prefix) :]):
                return 403, "That file is not served."
        return None

    def _serves(self, name: str) -> bool:
        """Whether a name, links followed, is a file within the root; checked as given and as decoded once more."""
        return all("\0" not in n and Path(n).resolve().is_relative_to(self._root) for n in (name, unquote(name)))


def _host(scope: Scope) -> str:
    host = dict(scope["headers"]).get(b"host", b"").decode("latin-1")
    return host if host.endswith("]") else host.rsplit(":", 1)[0]


def _declared_bytes(scope: Scope) -> int:
    length = dict(scope["headers"]).get(b"content-length", b"0")
    return int(length) if length.isdigit() else 0


def _is_upload(scope: Scope) -> bool:
    return scope["path"].rstrip("/") == _API + _UPLOAD


def _allowed_bytes(scope: Scope) -> int:
    # An upload has its multipart frame around the file, whose own limit Gradio enforces as it arrives.
    return MAX_FILE_BYTES + 2**20 if _is_upload(scope) else MAX_BODY_BYTES


async def _read(receive: Receive, allowed: int) -> bytes | None:
    """The whole body, or None where it has more bytes than allowed."""
    body = bytearray()
    while True:
        message = await receive()
        body += message.get("body", b"")
        if len(body) > allowed:
            return None
        if not message.get("more_body"):
            return bytes(body)


def _replayed(body: bytes, receive: Receive) -> Receive:
    """A body that has been read, as if it were still to come, and after it what comes next."""
    messages = iter([{"type": "http.request", "body": body, "more_body": False}])

    async def replaying() -> Message:
        message = next(messages, None)
        return message if message is not None else await receive()

    return replaying


def _names_address(body: bytes) -> bool:
    """Whether a JSON body has an address where a file's path belongs, which Gradio would fetch."""
    try:
        waiting = [json.loads(body)]
    except (ValueError, RecursionError):
        return False  # no JSON: nothing that names a file
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict):
            if "://" in str(value.get("path")):
                return True
            waiting.extend(value.values())
        elif isinstance(value, list):
            waiting.extend(value)
    return False


def _with_headers(send: Send) -> Send:
    async def sending(message: MutableMapping[str, Any]) -> None:
        if message["type"] == "http.response.start":
            message["headers"] = [*message.get("headers", []), *_HEADERS.items()]
        await send(message)

    return sending
