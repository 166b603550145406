"""The one thread that the page's networks run in; the others compute on one core each.

A server answers in many threads. Were each to compute on all cores, OpenMP would slow all of them down, most of all on
small pictures, as soon as their helpers together outnumber the cores, at work or not.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Generator
from concurrent.futures import Future
from queue import SimpleQueue
from threading import Thread
from typing import Any, TypeVar

import torch

_T = TypeVar("_T")


class ComputeThread:
    """Runs what it is given, one after another, on all the cores that torch had when it was made.

    From then on the thread that made it, and all that are started later, compute on one core.
    """

    def __init__(self) -> None:
        self._work: SimpleQueue[tuple[Future[Any], Callable[[], Any]]] = SimpleQueue()
        # Not a pool's thread, which an interrupted server would wait for until its fill is finished.
        Thread(target=self._compute, name="rfr-compute", daemon=True).start()
        self.submit(torch.get_num_threads).result()  # settles its number, which else takes over the next one set
        torch.set_num_threads(1)

    def submit(self, function: Callable[[], _T]) -> Future[_T]:
        """What the function will return or raise."""
        future: Future[_T] = Future()
        self._work.put((future, function))
        return future

    async def run(self, function: Callable[[], _T]) -> _T:
        """What the function returns or raises."""
        return await asyncio.wrap_future(self.submit(function))

    async def each(self, steps: Generator[_T, None, None]) -> AsyncGenerator[_T, None]:
        """The generator's values, none of which may be None, each made there; it is closed there, too.

        Between two values others have their turn.
        """
        try:
            while (step := await self.run(lambda: next(steps, None))) is not None:
                yield step
        finally:
            self.submit(steps.close)  # not waited for: whoever is cancelled may not wait

    def _compute(self) -> None:
        while True:
            future, function = self._work.get()
            if future.set_running_or_notify_cancel():
                try:
                    future.set_result(function())
                except BaseException as error:  # the caller's affair, whatever it is
                    future.set_exception(error)
            del future, function  # else the last picture would stay until the next
