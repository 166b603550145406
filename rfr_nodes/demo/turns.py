"""Who runs next: one at a time, fairly between visitors."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from rfr_nodes.demo.sentences import RequestError


class Ticket:
    """A place among those who wait. Its methods are called in the event loop's thread alone."""

    def __init__(self, turns: Turns, visitor: str) -> None:
        self.visitor = visitor
        self._turns = turns

    @property
    def place(self) -> int:
        """How many are before it; 0 when it is its turn."""
        return self._turns.place(self)

    async def moved(self) -> int:
        """Waits until some other one has left, and returns the place after that."""
        await self._turns.changed.wait()
        return self.place

    def leave(self) -> None:
        """Gives the place, or the turn, to the others."""
        self._turns.leave(self)


class Turns:
    """Tickets of visitors. per_visitor, in_all: how many there may be at once."""

    def __init__(self, per_visitor: int, in_all: int) -> None:
        self._per_visitor = per_visitor
        self._in_all = in_all
        self._tickets: list[Ticket] = []
        self._running: Ticket | None = None
        self._served: dict[str, int] = {}  # of those who have tickets, when their turn was last
        self._count = 0
        self.changed = asyncio.Event()

    def ticket(self, visitor: str) -> Ticket:
        """A new ticket, behind the others. Raises RequestError where the visitor, or all together, have too many."""
        if sum(ticket.visitor == visitor for ticket in self._tickets) >= self._per_visitor:
            raise RequestError(f"You have {self._per_visitor} fills waiting already: wait until one of them is done.")
        if len(self._tickets) >= self._in_all:
            raise RequestError("Too many people are waiting: try again in a minute.")
        ticket = Ticket(self, visitor)
        self._tickets.append(ticket)
        self._next()
        return ticket

    @asynccontextmanager
    async def turn(self, visitor: str) -> AsyncGenerator[None, None]:
        """Waits for the visitor's turn, and holds it. Raises RequestError as `ticket`."""
        ticket = self.ticket(visitor)
        try:
            while ticket.place:
                await ticket.moved()
            yield
        finally:
            ticket.leave()

    def place(self, ticket: Ticket) -> int:
        """How many are before that one."""
        return self._order().index(ticket)

    def leave(self, ticket: Ticket) -> None:
        """Takes a ticket back."""
        if ticket not in self._tickets:
            return
        self._tickets.remove(ticket)
        if all(other.visitor != ticket.visitor for other in self._tickets):
            self._served.pop(ticket.visitor, None)
        if self._running is ticket:
            self._running = None
        self._next()
        self.changed.set()
        self.changed = asyncio.Event()

    def _next(self) -> None:
        if self._running is None and self._tickets:
            self._running = self._order()[0]
            self._count += 1
            self._served[self._running.visitor] = self._count

    def _order(self) -> list[Ticket]:
        """The one that runs, the first ticket of each visitor, the second of each, and so on.

        Of those with as many before them of their own, whose turn was longest ago comes first.
        """
        seen: Counter[str] = Counter()
        ranks: dict[Ticket, tuple[int, int]] = {}
        for ticket in sorted(self._tickets, key=lambda ticket: ticket is not self._running):
            ranks[ticket] = (seen[ticket.visitor], self._served.get(ticket.visitor, 0))
            seen[ticket.visitor] += 1
        return sorted(self._tickets, key=lambda ticket: (ticket is not self._running, ranks[ticket]))
