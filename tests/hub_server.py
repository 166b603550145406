"""A small server on the loopback interface that answers as a Hub does: files by revision, errors, commits."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread

Files = dict[str, bytes]
Answer = tuple[int, dict[str, str], bytes]


@dataclass
class Repository:
    """Commits by their name, and branches and tags that point to them; ``token`` guards it when it is set."""

    commits: dict[str, Files] = field(default_factory=dict)
    refs: dict[str, str] = field(default_factory=dict)
    token: str | None = None
    gated: bool = False

    def commit(self, files: Files, branch: str = "main") -> str:
        """Adds a commit with all of ``files`` and moves the branch to it; returns its name."""
        parts = [branch.encode(), str(len(self.commits)).encode()]
        parts += [name.encode() + content for name, content in sorted(files.items())]
        name = hashlib.sha1(b"\0".join(parts)).hexdigest()
        self.commits[name] = dict(files)
        self.refs[branch] = name
        return name


class HubServer:
    """Serves repositories at ``url`` while it is entered; ``requests`` holds ``(method, path, range)`` of each.

    Faults, for files named ``model.safetensors``: ``cut_at`` closes the connection after so many bytes of the file,
    ``cuts`` times; ``stalls`` is how many answers stop there and stay open instead; ``announced`` is the size that is
    announced instead of the real one; ``replacement`` is sent in place of the content that was announced. ``status``
    answers everything.
    """

    def __init__(self) -> None:
        self.repositories: dict[str, Repository] = {}
        self.objects: dict[str, bytes] = {}
        self.requests: list[tuple[str, str, str | None]] = []
        self.cut_at = 0
        self.cuts = 0
        self.stalls = 0
        self.healed = Event()
        self.replacement: bytes | None = None
        self.announced: int | None = None
        self.status: int | None = None
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> HubServer:
        Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.healed.set()
        self._server.shutdown()
        self._server.server_close()

    def add(self, repo_id: str, files: Files) -> Repository:
        """A new repository with one commit on its main branch."""
        repository = self.repositories[repo_id] = Repository()
        repository.commit(files)
        return repository

    def asked(self, *methods: str) -> list[str]:
        """The paths inside repositories that were asked for by these methods; forgets all requests."""
        paths = [path for method, path, _ in self.requests if method in methods and "/resolve/" in path]
        self.requests.clear()
        return paths


def _handler(hub: HubServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, format: str, *args: object) -> None:
            """Keeps the test's output clean."""

        def answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            hub.requests.append((self.command, self.path, self.headers.get("Range")))
            status, headers, content = _answer(hub, self.command, self.path, self.headers.get("Authorization"), body)
            is_model = status == 200 and self.path.endswith("model.safetensors")
            if is_model and self.command == "GET" and hub.replacement is not None:
                content = hub.replacement
            start = 0
            if is_model and self.command == "GET" and (asked := self.headers.get("Range")):
                start = int(asked.removeprefix("bytes=").split("-")[0])
                headers |= {"Content-Range": f"bytes {start}-{len(content) - 1}/{len(content)}"}
                status = 206
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(content) - start))
            self.end_headers()
            if self.command == "HEAD":
                return
            if is_model and hub.cuts > 0 and hub.cut_at > start:
                hub.cuts -= 1
                self.wfile.write(content[start : hub.cut_at])
                self.close_connection = True
                return
            if is_model and hub.stalls > 0:
                hub.stalls -= 1
                self.wfile.write(content[start : max(start, hub.cut_at)])
                hub.healed.wait()
                self.close_connection = True
                return
            self.wfile.write(content[start:])

        do_HEAD = do_GET = do_POST = do_PUT = answer  # noqa: N815

    return Handler


def _answer(hub: HubServer, method: str, path: str, authorization: str | None, body: bytes) -> Answer:
    if hub.status is not None:
        return hub.status, {}, b""
    token = (authorization or "").removeprefix("Bearer ")
    for wanted, pattern, reply in _ROUTES:
        if method in wanted and (match := re.fullmatch(pattern, path)):
            return reply(hub, token, body, *match.groups())
    return _refusal(404, "")


def _refusal(status: int, code: str) -> Answer:
    return status, {"X-Error-Code": code} if code else {}, b""


def _json(data: object) -> Answer:
    return 200, {"Content-Type": "application/json"}, json.dumps(data).encode()


def _file(hub: HubServer, token: str, body: bytes, repo_id: str, revision: str, name: str) -> Answer:
    repository = hub.repositories.get(repo_id)
    if repository is None:
        return _refusal(401, "RepoNotFound")  # to strangers the Hub doesn't tell missing from private
    if repository.token is not None and token != repository.token:
        return _refusal(403, "GatedRepo") if repository.gated else _refusal(401, "RepoNotFound")
    commit = repository.refs.get(revision, revision)
    if commit not in repository.commits:
        return _refusal(404, "RevisionNotFound")
    headers = {"X-Repo-Commit": commit}
    content = repository.commits[commit].get(name)
    if content is None:
        return 404, headers | {"X-Error-Code": "EntryNotFound"}, b""
    headers |= {"ETag": f'"{hashlib.sha256(content).hexdigest()}"', "Accept-Ranges": "bytes"}
    if hub.announced is not None and name == "model.safetensors":
        headers |= {"X-Linked-Size": str(hub.announced)}
    return 200, headers, content


# Commits


def _create(hub: HubServer, token: str, body: bytes) -> Answer:
    asked = json.loads(body)
    repo_id = f"{asked.get('organization') or 'owner'}/{asked['name']}"
    if not token:
        return 401, {"X-Error-Message": "Invalid credentials in Authorization header"}, b""
    if repo_id in hub.repositories:
        return 409, {}, json.dumps({"url": f"{hub.url}/{repo_id}"}).encode()
    hub.repositories[repo_id] = Repository()
    hub.repositories[repo_id].commit({})
    return _json({"url": f"{hub.url}/{repo_id}", "name": repo_id})


def _valid(hub: HubServer, token: str, body: bytes) -> Answer:
    return _json({"errors": [], "warnings": []})


def _describe(hub: HubServer, token: str, body: bytes, repo_id: str, revision: str) -> Answer:
    commit = hub.repositories[repo_id].refs[revision]
    return _json(
        {"id": repo_id, "sha": commit, "siblings": [], "private": False, "downloads": 0, "likes": 0, "tags": []}
    )


def _preupload(hub: HubServer, token: str, body: bytes, repo_id: str, revision: str) -> Answer:
    if revision not in hub.repositories[repo_id].refs:
        return _refusal(404, "RevisionNotFound")
    names = [file["path"] for file in json.loads(body)["files"]]
    modes = ["lfs" if name.endswith(".safetensors") else "regular" for name in names]
    files = [{"path": name, "uploadMode": mode, "shouldIgnore": False} for name, mode in zip(names, modes, strict=True)]
    return _json({"files": files})


def _batch(hub: HubServer, token: str, body: bytes, repo_id: str) -> Answer:
    objects = json.loads(body)["objects"]
    for entry in objects:
        entry["actions"] = {"upload": {"href": f"{hub.url}/objects/{entry['oid']}"}}
    return _json({"transfer": "basic", "objects": objects})


def _store(hub: HubServer, token: str, body: bytes, oid: str) -> Answer:
    if hashlib.sha256(body).hexdigest() != oid:
        return _refusal(400, "")
    hub.objects[oid] = body
    return 200, {}, b""


def _commit(hub: HubServer, token: str, body: bytes, repo_id: str, revision: str) -> Answer:
    repository = hub.repositories[repo_id]
    files = dict(repository.commits[repository.refs[revision]])
    for line in body.splitlines():
        entry = json.loads(line)
        value = entry["value"]
        if entry["key"] == "file":
            files[value["path"]] = base64.b64decode(value["content"])
        elif entry["key"] == "lfsFile":
            files[value["path"]] = hub.objects[value["oid"]]
    commit = repository.commit(files, revision)
    return _json({"success": True, "commitOid": commit, "commitUrl": f"{hub.url}/{repo_id}/commit/{commit}"})


_ID = r"([\w.-]+/[\w.-]+)"
_ROUTES: list[tuple[tuple[str, ...], str, Callable[..., Answer]]] = [
    (("HEAD", "GET"), rf"/{_ID}/resolve/([^/]+)/(.+)", _file),
    (("POST",), r"/api/repos/create", _create),
    (("POST",), r"/api/validate-yaml", _valid),
    (("GET",), rf"/api/(?:models|spaces)/{_ID}/revision/([^/?]+)(?:\?.*)?", _describe),
    (("POST",), rf"/api/(?:models|spaces)/{_ID}/preupload/([^/?]+)(?:\?.*)?", _preupload),
    (("POST",), rf"/(?:spaces/)?{_ID}\.git/info/lfs/objects/batch", _batch),
    (("PUT",), r"/objects/(\w+)", _store),
    (("POST",), rf"/api/(?:models|spaces)/{_ID}/commit/([^/?]+)(?:\?.*)?", _commit),
]
