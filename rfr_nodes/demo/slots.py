"""How many requests of one visitor are at work at once; more of them wait."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from rfr_nodes.demo.limits import MAX_REQUESTS, MAX_REQUESTS_WAITING
from rfr_nodes.demo.sentences import RequestError


class Slots:
    """A few places for each visitor. For the event loop's thread alone."""

    def __init__(self) -> None:
        self._places: dict[str, asyncio.Semaphore] = {}
        self._here: Counter[str] = Counter()

    @asynccontextmanager
    async def held(self, visitor: str) -> AsyncGenerator[None, None]:
        """Waits for a place and holds it. Raises RequestError where too many of the visitor's requests wait."""
        if self._here[visitor] >= MAX_REQUESTS + MAX_REQUESTS_WAITING:
            raise RequestError("Too many requests at once: wait until some of them are answered.")
        self._here[visitor] += 1
        try:
            async with self._places.setdefault(visitor, asyncio.Semaphore(MAX_REQUESTS)):
                yield
        finally:
            self._here[visitor] -= 1
            if not self._here[visitor]:
                del self._here[visitor], self._places[visitor]
