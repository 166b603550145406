"""The program's folder for temporary files: it goes with the program, or with the next one where that was killed."""

from __future__ import annotations

import contextlib
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO

_PREFIX = "rfr-demo-"
_LOCK = "lock"
_YOUNG_SECONDS = 60  # a folder that may just be being made
_UNLOCKED_SECONDS = 24 * 3600  # one without a lock: of an earlier version of this program, which may still run


@contextlib.contextmanager
def own_folder() -> Iterator[Path]:
    """A new folder that is deleted afterwards; what runs that were killed have left is deleted first."""
    for left in Path(tempfile.gettempdir()).glob(_PREFIX + "*"):
        if _is_left(left):
            shutil.rmtree(left, ignore_errors=True)
    folder = Path(tempfile.mkdtemp(prefix=_PREFIX)).resolve()
    with contextlib.ExitStack() as stack:
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        stack.callback(os.chdir, tempfile.gettempdir())  # some systems do not delete the folder that one is in
        lock = stack.enter_context((folder / _LOCK).open("w"))
        _locked(lock)
        yield folder


def _is_left(folder: Path) -> bool:
    """Whether it is this user's, and no program uses it any more; the system frees the locks of those that end."""
    try:
        about = folder.lstat()
        if folder.is_symlink() or not folder.is_dir() or (sys.platform != "win32" and about.st_uid != os.getuid()):
            return False
        age, path = time.time() - about.st_mtime, folder / _LOCK
        if age < _YOUNG_SECONDS or not path.exists():
            return age > _UNLOCKED_SECONDS
        with path.open("r+") as lock:
            return _locked(lock)
    except OSError:
        return False


def _locked(file: IO[str]) -> bool:
    """Locks a file for this process, until it is closed; False where another one has locked it."""
    try:
        if sys.platform == "win32":
            import msvcrt

            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
