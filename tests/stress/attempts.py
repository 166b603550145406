"""Inputs tried in a process of their own, so that a hang or a crash is known by the input that caused it."""

from __future__ import annotations

import importlib
import json
import os
import select
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from . import memory
from .figures import MIB, Figures

SECONDS = 5.0  # of the processor
ROOT = Path(__file__).resolve().parents[2]
_CLOCK = 60.0  # seconds without an answer; generous, as the machine may be busy with other things
_START = 300.0
_AHEAD = 100  # inputs that a process knows of, so that it need not wait for being asked


class Attempts(Protocol):
    """A module whose inputs are tried.

    MEMORY: bytes that an input may take. prepare: makes the function that tries an input.
    """

    MEMORY: int

    def prepare(self, folder: Path, seed: int) -> Callable[[int], str]:
        """Returns a function that makes input ``index`` in ``folder`` and tries it.

        It returns how that ended in a word, and raises whatever must not be raised.
        """
        ...


@dataclass(frozen=True)
class Result:
    """How one input ended. fault: a sentence, or None. files: what there was in the folder then."""

    index: int
    outcome: str
    seconds: float
    memory: int
    fault: str | None


def run(figures: Figures, area: str, seed: int, inputs: int, seconds: float) -> None:
    """Tries inputs 0, 1, … of the module ``area`` until there are so many or the time is over."""
    first, deadline = 0, None
    while first < inputs and (deadline is None or time.monotonic() < deadline):
        with tempfile.TemporaryDirectory(prefix="rfr-stress-") as name:
            process = _Process(area, seed, Path(name))
            deadline = deadline or time.monotonic() + seconds  # the start does not count
            try:
                for result in _results(process, range(first, inputs), deadline):
                    first = result.index + 1
                    figures.count(result.outcome, result.seconds, result.memory)
                    if result.fault is not None:
                        sentence = f"input {result.index} of seed {seed}: {result.fault}"
                        figures.fault(sentence, *sorted(Path(name).iterdir()))
            finally:
                process.end()


def _results(process: _Process, inputs: range, deadline: float) -> Iterator[Result]:
    """How inputs end in one process, up to the first fault."""
    for asked, index in enumerate(inputs):
        if time.monotonic() > deadline:
            return
        if asked % _AHEAD == 0:
            process.ask(inputs[asked : asked + _AHEAD])
        result = process.answer(index)
        yield result
        if result.fault is not None:
            return


class _Process:
    """A process that tries inputs one by one; after one with a fault it ends, and what it made stays."""

    def __init__(self, area: str, seed: int, folder: Path) -> None:
        command = [sys.executable, "-m", "tests.stress.attempts", area, str(seed), str(folder)]
        environment = os.environ | {"OMP_NUM_THREADS": "1"}
        self._errors = tempfile.TemporaryFile("w+")  # noqa: SIM115  (closed in end)
        self._process = subprocess.Popen(
            command,
            cwd=ROOT,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            bufsize=0,
        )
        self._waiting = bytearray()
        if self._read(_START) is None:
            said = self._said()
            self.end()
            raise RuntimeError(f"the process for {area} does not start: {said}")

    def ask(self, inputs: range) -> None:
        """Has these inputs tried."""
        assert self._process.stdin is not None
        self._process.stdin.write("".join(f"{index}\n" for index in inputs).encode())

    def answer(self, index: int) -> Result:
        """How the next input ended, which was ``index``."""
        started = time.monotonic()
        answer = self._read(_CLOCK)
        waited = time.monotonic() - started
        if answer is not None:
            return Result(index, **answer)
        if self._process.poll() is None:
            return Result(index, "hang", waited, 0, f"no answer within {waited:.0f} s")
        return Result(index, "crash", waited, 0, f"exit status {self._process.returncode}: {self._said()}")

    def _read(self, seconds: float) -> dict[str, Any] | None:
        """The next line, or None when none comes in time or the process has ended."""
        assert self._process.stdout is not None
        end = time.monotonic() + seconds
        while b"\n" not in self._waiting:
            if not select.select([self._process.stdout], [], [], max(0.0, end - time.monotonic()))[0]:
                return None
            new = os.read(self._process.stdout.fileno(), 1 << 16)
            if not new:
                self._process.wait()
                return None
            self._waiting += new
        line, _, self._waiting = self._waiting.partition(b"\n")
        return json.loads(line)

    def _said(self) -> str:
        self._errors.seek(0)
        return self._errors.read()[-600:].strip()

    def end(self) -> None:
        self._process.kill()
        self._process.wait()
        for stream in (self._process.stdin, self._process.stdout, self._errors):
            if stream is not None:
                stream.close()


def _tried(attempt: Callable[[int], str], index: int, allowed: int) -> dict[str, Any]:
    before = memory.forget_peak()
    started = time.process_time()
    fault = None
    try:
        outcome = attempt(index)
    except Exception as error:
        outcome = "fault"
        fault = f"{type(error).__name__}: {str(error)[:300]}"
    seconds = time.process_time() - started
    grown = memory.grown(before)
    if fault is None and seconds > SECONDS:
        outcome, fault = "slow", f"took {seconds:.1f} s"
    if fault is None and grown > allowed:
        outcome, fault = "large", f"took {grown / MIB:.0f} MiB"
    return {"outcome": outcome, "seconds": seconds, "memory": grown, "fault": fault}


def refused(error: Exception) -> str:
    """The outcome "refused" for an error that is one sentence."""
    text = str(error)
    if "\n" in text or not text.endswith((".", ")")) or len(text) > 2000:
        raise AssertionError(f"not one sentence: {text!r}")
    return "refused"


def _serve(area: str, seed: int, folder: Path) -> None:
    module: Any = importlib.import_module(f"{__package__}.{area}")
    attempt = module.prepare(folder, seed)
    if memory.AVAILABLE:
        memory.limit_growth(4 * module.MEMORY)  # address space, of which most is never touched
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # whatever prints must not be taken for an answer
    answers.write("{}\n")
    answers.flush()
    for line in sys.stdin:
        result = _tried(attempt, int(line), module.MEMORY)
        answers.write(json.dumps(result) + "\n")
        answers.flush()
        if result["fault"] is not None:
            return
        for path in folder.iterdir():
            path.unlink() if path.is_file() else shutil.rmtree(path)


if __name__ == "__main__":
    _serve(sys.argv[1], int(sys.argv[2]), Path(sys.argv[3]))
