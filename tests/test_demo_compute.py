"""The thread that the page's networks run in."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Generator, Iterator

import pytest
import torch

from rfr_nodes.demo.compute import ComputeThread


@pytest.fixture
def cores() -> Iterator[int]:
    """More than one, as on any computer of today, put back afterwards."""
    before = torch.get_num_threads()
    torch.set_num_threads(max(2, before))
    yield max(2, before)
    torch.set_num_threads(before)


def test_it_computes_on_all_cores_and_the_others_on_one(cores: int) -> None:
    thread = ComputeThread()
    assert thread.run(torch.get_num_threads) == cores
    assert torch.get_num_threads() == 1
    later: list[int] = []
    other = threading.Thread(target=lambda: later.append(torch.get_num_threads()))
    other.start()
    other.join()
    assert later == [1]
    assert thread.run(torch.get_num_threads) == cores


def test_what_is_raised_in_it_is_raised_to_the_caller(cores: int) -> None:
    thread = ComputeThread()
    with pytest.raises(ZeroDivisionError):
        thread.run(lambda: 1 // 0)
    assert thread.run(lambda: 1) == 1


def test_a_generator_is_run_and_closed_in_it(cores: int) -> None:
    names: list[str] = []

    def steps() -> Generator[int, None, None]:
        try:
            for number in (1, 2, 3):
                names.append(threading.current_thread().name)
                yield number
        finally:
            names.append(threading.current_thread().name)

    thread = ComputeThread()
    assert list(thread.each(steps())) == [1, 2, 3]
    assert len(names) == 4
    begun = thread.each(steps())
    assert next(begun) == 1
    begun.close()
    assert len(names) == 6
    assert len(set(names)) == 1
    assert threading.current_thread().name not in names


def test_a_process_ends_without_waiting_for_its_fill() -> None:
    program = """
import threading, time
from rfr_nodes.demo.compute import ComputeThread
thread, begun = ComputeThread(), threading.Event()
work = lambda: (begun.set(), time.sleep(600))
threading.Thread(target=thread.run, args=(work,), daemon=True).start()
begun.wait()
"""
    subprocess.run([sys.executable, "-c", program], check=True, timeout=120)
