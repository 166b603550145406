"""How much one visitor may send, and how long it is kept."""

from __future__ import annotations

# One request
MAX_FILE_BYTES = 64 * 2**20
MAX_PIXELS = 64_000_000
MAX_BODY_BYTES = 2 * 2**20  # any request but an upload; the largest is a painted mask
MAX_BODY_VALUES = 5_000  # brackets and commas in it, counted before anything parses it
MAX_PAINTED_PIXELS = 4_000_000
MAX_GROW = 64
MAX_FEATHER = 64
MAX_RECURRENCES = 32

# One visitor, which is one address
MAX_REQUESTS = 3  # at work at once; more of them wait
MAX_REQUESTS_WAITING = 32
MAX_FILLS = 8  # of the page, waiting or running
MAX_CALLS = 12  # of the API, waiting or running
MAX_SESSIONS_EACH = 32  # photos; beyond, the one that was left alone for longest goes
MAX_UPLOADED_BYTES = 2**30  # within `UPLOAD_SECONDS`
MAX_SESSION_BYTES = 2**30  # one photo with its history
MAX_VERSIONS = 24  # pictures in a history

# All visitors together
MAX_FILLS_IN_ALL = 64
MAX_CALLS_IN_ALL = 96
MAX_SESSIONS = 300
MAX_STORED_BYTES = 8 * 2**30
MIN_FREE_BYTES = 2**30  # of the disk
MAX_WAITING = 256  # events in Gradio's own queue, each of which has at most MAX_BODY_BYTES
MAX_THREADS = 256  # events in progress, most of which wait; MAX_REQUESTS and the one thread that computes bound them

KEPT_SECONDS = 2 * 3600  # a photo, since the visitor's last step
UPLOAD_SECONDS = 1800  # files of the API, and uploads, which photos are copied from
SWEEP_SECONDS = 60
