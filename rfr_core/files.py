"""Files that appear whole: written under another name first, renamed once complete."""

from __future__ import annotations

import io
import os
import re
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO, cast

_UNFINISHED = re.compile(r"\.[0-9a-f]{16}\.tmp")


class _WholeWrites(io.BufferedIOBase):
    """A file without a descriptor, because Pillow would write to that by itself and not notice, on a disk that is
    full, that only a part was taken."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file

    def write(self, data: Any, /) -> int:
        return self._file.write(data)

    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        return self._file.tell()

    def flush(self) -> None:
        self._file.flush()

    def seekable(self) -> bool:
        return True

    def writable(self) -> bool:
        return True


@contextmanager
def appearing(path: Path) -> Iterator[BinaryIO]:
    """A file that takes the name `path` only once all of it is on disk; an older file of that name stays until then.

    Raises OSError when the folder cannot be written to.
    """
    temporary = path.with_name(f".{secrets.token_hex(8)}.tmp")
    try:
        with temporary.open("xb") as file:
            yield cast(BinaryIO, _WholeWrites(file))
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def remove_left_overs(folder: Path, *, older_than: float = 3600.0) -> None:
    """Deletes what :func:`appearing` had begun in a folder when its process was killed.

    older_than: seconds since it was last written to; another process may still be at work on what is younger.
    """
    for path in folder.glob(".*.tmp"):
        with suppress(OSError):  # another process deletes it, too
            if _UNFINISHED.fullmatch(path.name) and time.time() - path.stat().st_mtime >= older_than:
                path.unlink()
