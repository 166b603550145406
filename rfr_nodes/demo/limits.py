"""How much one visitor may send, and how long it is kept."""

from __future__ import annotations

MAX_FILE_BYTES = 64 * 2**20
MAX_PIXELS = 64_000_000
MAX_BODY_BYTES = 8 * 2**20  # any request but an upload; the largest is a painted mask

MAX_PAINTED_PIXELS = 4_000_000
MAX_GROW = 64
MAX_FEATHER = 64
MAX_RECURRENCES = 32

MAX_WAITING = 64  # requests in the queue
MAX_THREADS = 8  # every one keeps some of the memory that it once used
MAX_SESSIONS = 300  # visitors and callers, at 0.1 MB each; beyond, who has been away for longest is forgotten
MAX_VERSIONS = 24  # pictures in a visitor's history
KEPT_SECONDS = 2 * 3600  # since the visitor's last step
SWEEP_SECONDS = 300
FILES_KEPT_SECONDS = 6 * 3600  # whoever they belong to
