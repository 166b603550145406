"""The folder of everything that visitors send and get: how much may lie in it, and for how long."""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import time
from collections import defaultdict, deque
from collections.abc import Iterator
from pathlib import Path
from threading import Lock

from rfr_nodes.demo.limits import (
    MAX_STORED_BYTES,
    MAX_UPLOADED_BYTES,
    MIN_FREE_BYTES,
    SWEEP_SECONDS,
    UPLOAD_SECONDS,
)
from rfr_nodes.demo.sentences import RequestError

_MEASURED_SECONDS = 2.0


class Storage:
    """A folder whose size is watched; photos with their history lie in its folder `sessions`.

    root: an existing folder.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self.sessions = root / "sessions"
        self.sessions.mkdir(mode=0o700, exist_ok=True)
        self.keep_what_is_there()
        self._uploads: defaultdict[str, deque[tuple[float, int]]] = defaultdict(deque)
        self._stored, self._measured, self._swept = 0, -_MEASURED_SECONDS, time.monotonic()
        self._lock = Lock()

    def keep_what_is_there(self) -> None:
        """Lets the files of the page itself, such as its examples, stay."""
        self._kept = set(self.root.iterdir())

    def sweep(self) -> None:
        """Deletes uploads and results that are old."""
        with self._lock:
            self._sweep(time.monotonic())

    def admit(self, visitor: str, size: int = 0) -> None:
        """Whether a visitor may store so many bytes more; they are counted from now on.

        Raises RequestError where that is too much of one visitor, or there is too little room.
        """
        now = time.monotonic()
        with self._lock:
            if now - self._swept > SWEEP_SECONDS:
                self._sweep(now)
            if now - self._measured > _MEASURED_SECONDS:
                self._stored, self._measured = bytes_in(self.root), now
            self._stored += size
            full = self._stored > MAX_STORED_BYTES or shutil.disk_usage(self.root).free - size < MIN_FREE_BYTES
            if full:
                self._stored -= size
                raise RequestError("There is no room for more files here at the moment: try again in half an hour.")
            sent = self._uploads[visitor]
            if sum(number for _, number in sent) + size > MAX_UPLOADED_BYTES:
                raise RequestError(
                    f"You have sent more than {MAX_UPLOADED_BYTES >> 20} MB in half an hour: try again a little later."
                )
            if size:
                sent.append((now, size))

    def result_folder(self) -> Path:
        """A new folder for what the API returns."""
        folder = self.root / f"result-{secrets.token_hex(16)}"
        folder.mkdir(mode=0o700)
        return folder

    def _sweep(self, now: float) -> None:
        """Deletes uploads and results that are old, and forgets who sent them."""
        self._swept = now
        for visitor, sent in list(self._uploads.items()):
            while sent and now - sent[0][0] > UPLOAD_SECONDS:
                sent.popleft()
            if not sent:
                del self._uploads[visitor]
        for folder in self.root.iterdir():
            with contextlib.suppress(OSError):
                if folder not in self._kept and time.time() - folder.stat().st_mtime > UPLOAD_SECONDS:
                    shutil.rmtree(folder)


def bytes_in(folder: Path) -> int:
    """The size of all files in a folder and its folders."""
    return sum(_sizes(folder))


def _sizes(folder: Path | str) -> Iterator[int]:
    with contextlib.suppress(OSError), os.scandir(folder) as entries:  # files come and go meanwhile
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                yield from _sizes(entry.path)
            else:
                with contextlib.suppress(OSError):
                    yield entry.stat(follow_symlinks=False).st_size
