"""Whom a request is from: its network address, for want of accounts."""

from __future__ import annotations

from typing import Any


def visitor_of(request: Any) -> str:
    """The address of whoever sent a request, "" where it is not known."""
    client = getattr(request, "client", None)
    return getattr(client, "host", None) or ""
