"""The first of the inputs and faults that ``python -m tests.stress`` tries, and those that were found by it."""

from __future__ import annotations

import base64
import io
import os
import struct
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import torch
from golden import empty_released_state
from hub_server import HubServer
from PIL import Image
from stress import attempts, hub_faults, little_memory, memory
from stress.attempts import ROOT
from stress.figures import Figures
from stress.kills import SMOKE
from stress.limits import CASES
from stress.mutation import PNG_SIGNATURE, chunk
from stress.no_network import watched
from stress.pictures import photograph

from rfr_core.checkpoints.saving import convert_released
from rfr_core.command.batch import Job, clear_left_overs
from rfr_core.errors import CheckpointError, HoleError, ImageError
from rfr_core.images.picture_files import Picture, save_picture
from rfr_nodes.demo.sentences import RequestError
from rfr_nodes.demo.uploads import read_painted
from rfr_nodes.host_tensors import hole_for, to_pictures

unix = pytest.mark.skipif(sys.platform == "win32", reason="the fuzzing waits for its processes as Unix does")


@unix
@pytest.mark.parametrize(("area", "inputs"), [("decode", 600), ("checkpoints", 100), ("nodes", 60)])
def test_mutated_files_are_used_or_refused(area: str, inputs: int, tmp_path: Path) -> None:
    figures = Figures(area, tmp_path)
    attempts.run(figures, area, seed=2026, inputs=inputs, seconds=600)
    assert figures.faults == []
    assert figures.tried == inputs
    assert len(figures.outcomes) > 1  # some are still good enough to be used


@unix
def test_bombs_and_absurd_numbers_cost_nothing(tmp_path: Path) -> None:
    figures = Figures("limits", tmp_path)
    attempts.run(figures, "limits", seed=0, inputs=len(CASES), seconds=600)
    assert figures.faults == []
    assert figures.tried == len(CASES)


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


def test_a_fill_asks_nothing_of_the_network(tmp_path: Path) -> None:
    photograph(64, 48).save(tmp_path / "photo.png")
    mask = Image.new("L", (64, 48))
    mask.paste(255, (20, 16, 34, 30))
    mask.save(tmp_path / "mask.png")
    names = [str(tmp_path / name) for name in ("photo.png", "mask.png", "filled.png")]
    done, asked = watched(["-m", "rfr_core", "inpaint", *names[:2], "-o", names[2]], tmp_path)
    assert (done.returncode, asked) == (0, [])
    _, asked = watched(["-c", "import socket; socket.create_connection(('192.0.2.1', 9), 0.01)"], tmp_path)
    assert asked == ["192.0.2.1"]  # it would have been seen


def test_a_file_that_a_hub_changed_after_announcing_it_is_dropped(tmp_path: Path) -> None:
    files = {"config.json": b"{}", "model.safetensors": b"a" * 999}
    with HubServer() as hub:
        hub.add(hub_faults.REPO, files)
        hub.replacement = b"b" * 999
        assert "another content than announced" in hub_faults.download(hub.url, tmp_path)["error"]
        hub.replacement = None
        paths = hub_faults.download(hub.url, tmp_path)["paths"]
    assert [Path(path).read_bytes() for path in paths] == list(files.values())


@contextmanager
def file_limit(most: int) -> Iterator[None]:
    """Sets the most bytes that a file may have: for whoever writes, a disk that is full.

    It holds for pytest's own output, too, and so must be over before a test ends.
    """
    resource = pytest.importorskip("resource")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (most, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".webp", ".tif", ".bmp"])
def test_a_picture_of_which_a_full_disk_takes_all_but_the_end_is_not_saved(suffix: str, tmp_path: Path) -> None:
    path = save_picture(Picture(photograph(160, 160)), tmp_path / f"photo{suffix}")
    whole = path.read_bytes()
    for missing in (1, 3, 1000):
        refused = pytest.raises(ImageError, match="could not be written")
        with refused, file_limit(len(whole) - missing):
            save_picture(Picture(photograph(160, 160)), path)
    assert [file.read_bytes() for file in tmp_path.iterdir()] == [whole]


def test_training_on_a_full_disk_ends_in_a_sentence(tmp_path: Path) -> None:
    pytest.importorskip("accelerate")
    (tmp_path / "photos").mkdir()
    photograph(96, 72).save(tmp_path / "photos" / "photo.png")
    settings = [f'data.pictures=["{(tmp_path / "photos").as_posix()}"]', f"output={(tmp_path / 'run').as_posix()}"]
    command = [sys.executable, "-m", "train", "fit", str(SMOKE), "--set", settings[0], "--set", settings[1]]
    with file_limit(200_000):
        done = subprocess.run(command, cwd=ROOT, env=os.environ | {"CUDA_VISIBLE_DEVICES": ""}, capture_output=True)
    assert done.returncode == 2
    assert b"Traceback" not in done.stderr
    assert b"cannot be written to (File too large)" in done.stderr
    assert not list((tmp_path / "run").rglob("*.tmp"))


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


def test_a_bare_value_in_place_of_a_connection_is_refused() -> None:
    with pytest.raises(ImageError, match="The image is 5; connect"):
        to_pictures(5)  # type: ignore[arg-type]
    with pytest.raises(HoleError, match="The mask is 'x'; connect"):
        hole_for("x", torch.zeros(1, 3, 8, 8))  # type: ignore[arg-type]


def test_a_painted_mask_that_claims_a_giant_size_is_refused() -> None:
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", 300_000, 300_000, 8, 6, 0, 0, 0))
    data = base64.b64encode(PNG_SIGNATURE + header + chunk(b"IEND", b"")).decode()
    with pytest.raises(RequestError, match="did not arrive whole"):
        read_painted("data:image/png;base64," + data)


@pytest.mark.skipif(not memory.AVAILABLE, reason="only Linux tells how much memory another process has")
def test_the_page_forgets_callers_who_never_come_back(tmp_path: Path) -> None:
    from stress.demo_server import Server

    with Server(tmp_path) as server:
        taken = []
        for _ in range(3):
            for _ in range(250):
                assert server.inpaint([None, None, 0, 0, 0, "png", ""])[0] == "error"
            taken.append(server.memory())
    # 250 callers take 20 MiB; of more than 300 the server keeps none.
    assert taken[2] - taken[1] < 8 * 2**20
