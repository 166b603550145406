"""The first of the inputs and faults that ``python -m tests.stress`` tries, and those that were found by it."""

from __future__ import annotations

import base64
import io
import os
import struct
import sys
import zipfile
from pathlib import Path

import pytest
import torch
from golden import empty_released_state
from stress import attempts, little_memory
from stress.figures import Figures
from stress.mutation import PNG_SIGNATURE, chunk

from rfr_core.batch import Job, clear_left_overs
from rfr_core.checkpoints import convert_released
from rfr_core.errors import CheckpointError
from rfr_nodes.demo.sentences import RequestError
from rfr_nodes.demo.uploads import read_painted

unix = pytest.mark.skipif(sys.platform == "win32", reason="the fuzzing waits for its processes as Unix does")


@unix
@pytest.mark.parametrize(("area", "inputs"), [("decode", 600), ("checkpoints", 150)])
def test_mutated_files_are_used_or_refused(area: str, inputs: int, tmp_path: Path) -> None:
    figures = Figures(area, tmp_path)
    attempts.run(figures, area, seed=2026, inputs=inputs, seconds=600)
    assert figures.faults == []
    assert figures.tried == inputs
    assert len(figures.outcomes) > 1  # some are still good enough to be used


@unix
def test_a_fault_is_known_by_its_input(tmp_path: Path) -> None:
    figures = Figures("sample", tmp_path)
    attempts.run(figures, "sample", seed=7, inputs=9, seconds=600)
    assert figures.outcomes == {"fine": 5, "fault": 1, "crash": 1, "slow": 1, "large": 1}
    assert [sentence.split(":")[0] for sentence in figures.faults] == [f"input {i} of seed 7" for i in (2, 4, 6, 7)]
    assert len(list(tmp_path.iterdir())) == 4


# What was found


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux limits the memory of a process")
@pytest.mark.parametrize("mebibytes", [10, 60])
def test_a_full_memory_is_told_in_a_sentence(mebibytes: int) -> None:
    assert little_memory.filled_with(mebibytes) == "DeviceError"


def test_what_a_killed_run_left_is_cleared_away_after_an_hour(tmp_path: Path) -> None:
    young, old, foreign = (tmp_path / name for name in (f".{'a' * 16}.tmp", f".{'b' * 16}.tmp", ".mine.tmp"))
    for path in (young, old, foreign):
        path.touch()
    for path in (old, foreign):
        os.utime(path, (0, 0))
    clear_left_overs([Job(Path("photo.png"), None, tmp_path / "filled.png", tmp_path / "none")])
    assert sorted(tmp_path.iterdir()) == sorted([young, foreign])


def saved(state: object) -> bytes:
    file = io.BytesIO()
    torch.save(state, file)
    return file.getvalue()


def odd_states() -> dict[str, object]:
    name = "out.weight"
    shape = empty_released_state("standard")[name].shape
    odd = {
        "numbered": {5: torch.zeros(1)},
        "sparse": {name: torch.zeros(shape).to_sparse()},
        "without values": {name: torch.zeros(shape, device="meta")},
        "of bytes": {name: torch.zeros(shape).to(torch.float8_e4m3fn)},
    }
    return {what: empty_released_state("standard") | change for what, change in odd.items()}


def test_a_counter_of_another_type_is_refused(tmp_path: Path) -> None:
    state = empty_released_state("standard")
    name = next(name for name in state if name.endswith("num_batches_tracked"))
    (tmp_path / "g.pth").write_bytes(saved(state | {name: torch.tensor(True)}))
    with pytest.raises(CheckpointError, match="wrong type"):
        convert_released(tmp_path / "g.pth", tmp_path / "out")


@pytest.mark.parametrize("what", odd_states())
def test_released_files_with_other_than_ordinary_tensors_are_refused(what: str, tmp_path: Path) -> None:
    (tmp_path / "g.pth").write_bytes(saved(odd_states()[what]))
    with pytest.raises(CheckpointError, match="no released checkpoint"):
        convert_released(tmp_path / "g.pth", tmp_path / "out")


def test_a_released_file_that_grows_when_unpacked_is_refused(tmp_path: Path) -> None:
    with (
        zipfile.ZipFile(io.BytesIO(saved(torch.zeros(2**20)))) as source,
        zipfile.ZipFile(tmp_path / "bomb.pth", "w", zipfile.ZIP_DEFLATED) as target,
    ):
        for entry in source.infolist():
            target.writestr(entry.filename, source.read(entry))
    with pytest.raises(CheckpointError, match="packed"):
        convert_released(tmp_path / "bomb.pth", tmp_path / "out")


def test_a_painted_mask_that_claims_a_giant_size_is_refused() -> None:
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", 300_000, 300_000, 8, 6, 0, 0, 0))
    data = base64.b64encode(PNG_SIGNATURE + header + chunk(b"IEND", b"")).decode()
    with pytest.raises(RequestError, match="did not arrive whole"):
        read_painted("data:image/png;base64," + data, (10, 10))
