"""The thread that the page's networks run in."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
from collections.abc import Generator, Iterator
from pathlib import Path

import pytest
import torch

from rfr_nodes.demo.computing_thread import ComputeThread


@pytest.fixture
def cores() -> Iterator[int]:
    """More than one, as on any computer of today, put back afterwards."""
    before = torch.get_num_threads()
    torch.set_num_threads(max(2, before))
    yield max(2, before)
    torch.set_num_threads(before)


def test_it_computes_on_all_cores_and_the_others_on_one(cores: int) -> None:
    thread = ComputeThread()
    assert thread.submit(torch.get_num_threads).result() == cores
    assert torch.get_num_threads() == 1
    later: list[int] = []
    other = threading.Thread(target=lambda: later.append(torch.get_num_threads()))
    other.start()
    other.join()
    assert later == [1]
    assert thread.submit(torch.get_num_threads).result() == cores


def test_what_is_raised_in_it_is_raised_to_the_caller(cores: int) -> None:
    thread = ComputeThread()
    with pytest.raises(ZeroDivisionError):
        thread.submit(lambda: 1 // 0).result()
    assert thread.submit(lambda: 1).result() == 1


def test_a_generator_is_run_and_closed_in_it(cores: int) -> None:
    names: list[str] = []

    def steps() -> Generator[int, None, None]:
        try:
            for number in (1, 2, 3):
                names.append(threading.current_thread().name)
                yield number
        finally:
            names.append(threading.current_thread().name)

    async def used() -> None:
        thread = ComputeThread()
        assert [step async for step in thread.each(steps())] == [1, 2, 3]
        begun = thread.each(steps())
        assert await anext(begun) == 1
        await begun.aclose()
        await thread.run(lambda: None)  # behind the closing

    asyncio.run(used())
    assert len(names) == 6
    assert len(set(names)) == 1
    assert threading.current_thread().name not in names


def test_who_is_cancelled_leaves_the_thread_to_others(cores: int) -> None:
    async def used() -> None:
        thread, begun, held = ComputeThread(), threading.Event(), threading.Event()
        first = asyncio.ensure_future(thread.run(lambda: (begun.set(), held.wait())))
        second = asyncio.ensure_future(thread.run(lambda: 2))
        await asyncio.to_thread(begun.wait)
        first.cancel()
        second.cancel()
        await asyncio.wait([first, second])
        held.set()
        assert await thread.run(lambda: 3) == 3

    asyncio.run(used())


def test_a_process_ends_without_waiting_for_its_fill() -> None:
    program = """
import threading, time
from rfr_nodes.demo.computing_thread import ComputeThread
thread, begun = ComputeThread(), threading.Event()
work = lambda: (begun.set(), time.sleep(600))
threading.Thread(target=thread.submit, args=(work,), daemon=True).start()
begun.wait()
"""
    subprocess.run([sys.executable, "-c", program], check=True, timeout=120)


def test_attention_falls_back_to_the_recurrence_that_filled_the_pixel(tmp_path: Path) -> None:
    from rfr_core.fill.attention_map import AttentionMap
    from rfr_core.ops.box import Box
    from rfr_nodes.demo.attention_view import save_attention
    from rfr_nodes.demo.sentences import RequestError

    def filled(cell: int) -> AttentionMap:
        """A map of 4 × 4 cells of 8 pixels, of which one is hole."""
        sources, weights = torch.zeros(1, 1, dtype=torch.int32), torch.ones(1, 1, dtype=torch.float16)
        return AttentionMap(0, Box(0, 0, 32, 32), 8, 4, torch.tensor([cell]), sources, weights)

    maps = ((filled(5),), (filled(10),), ())
    path = tmp_path / "a.png"
    assert save_attention(maps, 3, 12, 12, (32, 32), path)[1] == 1
    assert save_attention(maps, 3, 20, 20, (32, 32), path)[1] == 2
    assert save_attention(maps, 1, 20, 20, (32, 32), path)[1] == 2
    with pytest.raises(RequestError, match="not filled"):
        save_attention(maps, 3, 1, 1, (32, 32), path)
