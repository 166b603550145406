"""How much memory this process has and may have; Linux alone tells."""

from __future__ import annotations

import contextlib
import re
import sys
from pathlib import Path

AVAILABLE = sys.platform == "linux"

_STATUS = Path("/proc/self/status")


def status(name: str, process: int | None = None) -> int:
    """A figure of /proc/<process>/status in bytes, such as VmRSS; 0 where there is none."""
    path = _STATUS if process is None else Path(f"/proc/{process}/status")
    found = re.search(rf"^{name}:\s+(\d+) kB", path.read_text(), re.MULTILINE) if path.exists() else None
    return 1024 * int(found[1]) if found else 0


def limit_growth(allowed: int) -> None:
    """From now on this process may take `allowed` bytes of address space more than it has."""
    import resource

    most = status("VmSize") + allowed
    resource.setrlimit(resource.RLIMIT_AS, (most, resource.getrlimit(resource.RLIMIT_AS)[1]))


def forget_peak() -> int:
    """Starts VmHWM, the peak of what is resident, anew, and returns what is resident now."""
    if AVAILABLE:
        with contextlib.suppress(OSError):  # where the kernel does not allow it the peak is of the whole run
            Path("/proc/self/clear_refs").write_text("5")
    return status("VmRSS")


def grown(before: int) -> int:
    """By how many bytes the resident memory has exceeded `before` since `forget_peak`."""
    return max(0, status("VmHWM") - before)
