"""What stands before Gradio: fewer routes, this site's requests and files only, and bounds on all that arrives."""

from __future__ import annotations

import json
import logging
from collections.abc import MutableMapping
from typing import Any
from urllib.parse import unquote, urlsplit

from starlette.concurrency import run_in_threadpool
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from rfr_nodes.demo.confinement import within
from rfr_nodes.demo.events import Events
from rfr_nodes.demo.limits import MAX_BODY_BYTES, MAX_BODY_VALUES, MAX_FILE_BYTES
from rfr_nodes.demo.sentences import RequestError
from rfr_nodes.demo.slots import Slots
from rfr_nodes.demo.storage import Storage
from rfr_nodes.demo.uploads import NOT_UPLOADED

_log = logging.getLogger("rfr_nodes.demo")

_API = "/gradio_api/"
_FILES = ("file=", "file/")
_UPLOAD = "upload"
_AT_ONCE = ("run/", "api/")  # answered without Gradio's queue
_POSTS = (*_AT_ONCE, _UPLOAD, "call/", "queue/join", "cancel", "reset")
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
    "openapi.json",
    "dev/",
)
_CLOSED_PAGES = ("/openapi.json", "/docs", "/redoc", "/monitoring", "/login", "/logout")
_LOOPBACK_NAMES = ("localhost", "127.0.0.1", "[::1]")
_OWN_SITES = ("same-origin", "none")
# Gradio's front end builds functions from text and styles its elements; nothing else is let in from anywhere.
_POLICY = (
    "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data: blob:; media-src 'self' data: blob:; font-src 'self' data:; connect-src 'self' data: blob:; "
    "worker-src 'self' blob:; object-src 'none'; base-uri 'self'; form-action 'self'; frame-ancestors 'self'"
)
_HEADERS = {
    b"content-security-policy": _POLICY.encode(),
    b"x-content-type-options": b"nosniff",
    b"referrer-policy": b"no-referrer",
}
_UNKNOWN = "The page sends no such request: reload it."
_TOO_LARGE = "The request is too large."
_ADDRESS = "Give a file: addresses are not fetched."


class _Refusal(Exception):  # noqa: N818, it is an answer
    """A status and the sentence to answer with."""

    def __init__(self, status: int, sentence: str) -> None:
        super().__init__(sentence)
        self.status, self.sentence = status, sentence


class Guard:
    """ASGI middleware around Gradio's server.

    storage: the only folder whose files are served. events: those that the page has. loopback_only: whether the page
    is for this machine alone; then a request that names another host, as after DNS rebinding, is refused.
    """

    def __init__(self, app: ASGIApp, storage: Storage, events: Events, loopback_only: bool) -> None:
        self._app = app
        self._storage = storage
        self._events = events
        self._loopback_only = loopback_only
        self._slots = Slots()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuses, or passes the request on with its body bounded and its answer's headers completed."""
        if scope["type"] != "http":
            if scope["type"] == "lifespan":
                await self._app(scope, receive, send)
            return
        send = _with_headers(send)
        try:
            self._check(scope)
            await self._passed(scope, receive, send)
        except (_Refusal, RequestError) as error:
            status = error.status if isinstance(error, _Refusal) else 429
            _log.info("refused %s %s: %s", scope["method"], scope["path"][:200], error)
            await _answer(scope, status, str(error))(scope, receive, send)

    async def _passed(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["method"] != "POST":
            await self._answered(scope, receive, send)
            return
        visitor = _visitor(scope)
        if _route(scope) == _UPLOAD:
            size = _declared_bytes(scope)
            if size is None:
                raise _Refusal(411, "Say how long the file is: send Content-Length.")
            await run_in_threadpool(self._storage.admit, visitor, size)
            async with self._slots.held(visitor):
                await self._answered(scope, receive, send)
            return
        body = await _read(receive, MAX_BODY_BYTES)
        if sum(map(body.count, (b",", b"[", b"{"))) > MAX_BODY_VALUES:
            raise _Refusal(413, _TOO_LARGE)
        receive = _replayed(await run_in_threadpool(self._cleaned, _route(scope), body), receive)
        scope = {**scope, "headers": [(k, v) for k, v in scope["headers"] if k not in (b"content-length",)]}
        if _route(scope).startswith(_AT_ONCE):
            async with self._slots.held(visitor):
                await self._answered(scope, receive, send)
        else:
            await self._answered(scope, receive, send)

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
                await _answer(scope, 400, _UNKNOWN)(scope, receive, send)

    def _check(self, scope: Scope) -> None:
        """Raises _Refusal for what can be told without the body."""
        if self._loopback_only and _host(scope) not in _LOOPBACK_NAMES:
            raise _Refusal(403, "This page answers on this machine alone.")
        route = _route(scope)
        if scope["path"].startswith(_CLOSED_PAGES) or (route is not None and route.startswith(_CLOSED)):
            raise _Refusal(404, "There is nothing here.")
        if scope["method"] not in ("GET", "HEAD"):
            if _from_elsewhere(scope):
                raise _Refusal(403, "This page takes nothing from other sites.")
            if scope["method"] != "POST" or route is None or not route.startswith(_POSTS):
                raise _Refusal(404, "There is nothing here.")
            # An upload has its multipart frame around the file, whose own limit Gradio enforces as it arrives.
            allowed = MAX_FILE_BYTES + 2**20 if route == _UPLOAD else MAX_BODY_BYTES
            if (_declared_bytes(scope) or 0) > allowed:
                raise _Refusal(413, _TOO_LARGE)
        for prefix in _FILES:
            if route is not None and route.startswith(prefix):
                name = route[len(prefix) :]
                if not all(within(form, self._storage.root) for form in (name, unquote(name))):
                    raise _Refusal(403, "That file is not served.")

    def _cleaned(self, route: str, body: bytes) -> bytes:
        """A request's JSON body, in which the sentence about it takes the place of what names no uploaded file.

        `uploaded` says it. Gradio would fetch an address, and answer a path outside its folder with a traceback.
        """
        if not body:
            return body
        try:
            value = json.loads(body)
        except (ValueError, RecursionError):
            raise _Refusal(400, _UNKNOWN) from None
        if not self._events.complete(route, value):
            raise _Refusal(400, _UNKNOWN)
        waiting = [value]
        while waiting:
            one = waiting.pop()
            if isinstance(one, dict):
                refused = self._refused_path(one)
                if refused is not None:
                    one.clear()
                    one["orig_name"] = refused  # all else would be dropped on the way
                waiting.extend(one.values())
            elif isinstance(one, list):
                waiting.extend(one)
        return json.dumps(value).encode()

    def _refused_path(self, value: dict[str, Any]) -> str | None:
        """Why the path that a JSON object gives is not read; None where it gives none, or one that is."""
        if value.get("path") is None:
            return None
        path = str(value["path"])
        if "://" in path or ("://" in str(value.get("url")) and not within(path, self._storage.root)):
            return _ADDRESS
        return None if within(path, self._storage.root) else NOT_UPLOADED


def _answer(scope: Scope, status: int, sentence: str) -> Response:
    if scope["method"] != "POST":
        return PlainTextResponse(sentence, status)
    return JSONResponse({"detail": sentence, "error": sentence}, status)  # both are looked for by Gradio's clients


def _route(scope: Scope) -> Any:
    """What follows the API's prefix; None for other paths."""
    path = scope["path"]
    return path[len(_API) :] if path.startswith(_API) else None


def _visitor(scope: Scope) -> str:
    return scope["client"][0] if scope.get("client") else ""


def _host(scope: Scope) -> str:
    host = dict(scope["headers"]).get(b"host", b"").decode("latin-1")
    return host if host.endswith("]") else host.rsplit(":", 1)[0]


def _from_elsewhere(scope: Scope) -> bool:
    """Whether a page of another site makes the browser send this; programs say nothing of the kind."""
    headers = dict(scope["headers"])
    site = headers.get(b"sec-fetch-site")
    if site is not None:
        return site.decode("latin-1") not in _OWN_SITES
    origin = headers.get(b"origin")
    if origin is None:
        return False
    own = {headers.get(name, b"").decode("latin-1").lower() for name in (b"host", b"x-forwarded-host")}
    return urlsplit(origin.decode("latin-1")).netloc.lower() not in own - {""}


def _declared_bytes(scope: Scope) -> int | None:
    length = dict(scope["headers"]).get(b"content-length", b"")
    return int(length) if length.isdigit() and len(length) < 20 else None


async def _read(receive: Receive, allowed: int) -> bytes:
    """The whole body. Raises _Refusal where it has more bytes than allowed."""
    body = bytearray()
    while True:
        message = await receive()
        body += message.get("body", b"")
        if len(body) > allowed:
            raise _Refusal(413, _TOO_LARGE)
        if not message.get("more_body"):
            return bytes(body)


def _replayed(body: bytes, receive: Receive) -> Receive:
    """A body that has been read, as if it were still to come, and after it what comes next."""
    messages = iter([{"type": "http.request", "body": body, "more_body": False}])

    async def replaying() -> Message:
        message = next(messages, None)
        return message if message is not None else await receive()

    return replaying


def _with_headers(send: Send) -> Send:
    async def sending(message: MutableMapping[str, Any]) -> None:
        if message["type"] == "http.response.start":
            message["headers"] = [*message.get("headers", []), *_HEADERS.items()]
        await send(message)

    return sending
