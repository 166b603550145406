"""Everyone's sessions, by the secret token that the visitor's page holds, so that a reloaded page goes on."""

from __future__ import annotations

import re
import time
from collections import OrderedDict
from threading import Lock
from typing import Any

from rfr_nodes.demo.limits import KEPT_SECONDS, MAX_SESSIONS, MAX_SESSIONS_EACH
from rfr_nodes.demo.sentences import RequestError
from rfr_nodes.demo.session import Session
from rfr_nodes.demo.storage import Storage
from rfr_nodes.demo.uploads import Upload

_TOKEN = re.compile(r"[0-9a-f]{32}")


class SessionStore:
    """Sessions in the order of their last use; those left alone for ``kept_seconds`` are closed.

    Of too many of one visitor the one that was left alone for longest goes, and of too many in all likewise.
    """

    def __init__(self, storage: Storage, kept_seconds: float = KEPT_SECONDS) -> None:
        self._storage = storage
        self._kept_seconds = kept_seconds
        self._sessions: OrderedDict[str, tuple[Session, str, float]] = OrderedDict()
        self._lock = Lock()

    def open(self, visitor: str, upload: Upload | None) -> Session:
        """A new session with an uploaded photo. Raises RequestError as `Session` and `Storage.admit`."""
        self._storage.admit(visitor)
        session = Session(self._storage.sessions, upload)
        with self._lock:
            self._sessions[session.token] = session, visitor, time.monotonic()
            closed = self._surplus(visitor)
        for old in closed:
            old.close()
        return session

    def find(self, token: Any) -> Session | None:
        """The session of a token, None where there is none (any more)."""
        if not isinstance(token, str) or not _TOKEN.fullmatch(token):
            return None
        self.sweep()
        with self._lock:
            found = self._sessions.get(token)
            if found is not None:
                self._sessions[token] = *found[:2], time.monotonic()
                self._sessions.move_to_end(token)
        return found and found[0]

    def get(self, token: Any) -> Session:
        """The session of a token. Raises RequestError where there is none."""
        session = self.find(token)
        if session is None:
            raise RequestError("Your photo is no longer here: load it again.")
        return session

    def close(self, token: Any) -> None:
        """Ends a session and deletes its files, if there is one of that token."""
        session = self.find(token)
        if session is not None:
            with self._lock:
                self._sessions.pop(session.token, None)
            session.close()

    def sweep(self) -> None:
        """Ends the sessions that were left alone for too long."""
        with self._lock:
            closed = self._surplus("")
        for old in closed:
            old.close()

    def _surplus(self, visitor: str) -> list[Session]:
        """Takes out those that are too old or too many."""
        oldest = time.monotonic() - self._kept_seconds
        gone = [token for token, (_, _, used) in self._sessions.items() if used < oldest]
        own = [token for token, (_, owner, _) in self._sessions.items() if owner == visitor]
        gone += own[: max(0, len(own) - MAX_SESSIONS_EACH)]
        gone += list(self._sessions)[: max(0, len(self._sessions) - MAX_SESSIONS)]
        return [self._sessions.pop(token)[0] for token in dict.fromkeys(gone)]
