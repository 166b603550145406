"""The command that measures: it runs, and says what it measured on what. How fast anything is, no test says."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from benchmarks import fills, gpu_fills, plot
from benchmarks.__main__ import main
from benchmarks.machine import describe_machine
from benchmarks.pictures import example
from benchmarks.process import peak_memory, peak_of, run_python
from benchmarks.report import Table
from benchmarks.setting import Setting
from benchmarks.timing import Times, in_turns
from rfr_core.inpainter import Inpainter

ROOT = Path(__file__).parents[1]


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "benchmarks", *arguments]
    environment = os.environ | {"OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""}
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)


def test_sections_print_tables_and_write_json(tmp_path: Path) -> None:
    done = run("network", "gpu", "--sizes", "32", "--rounds", "1", "--threads", "1", "--json", str(tmp_path / "a.json"))
    assert done.returncode == 0, done.stderr
    assert "| 32 | full, float32 |" in done.stdout
    assert "there is no CUDA device" in done.stdout
    data = json.loads((tmp_path / "a.json").read_text())
    assert data["machine"]["threads"] == 1
    assert data["machine"]["cpu"]
    [row, *_] = data["results"]["network"]["rows"]
    assert row["times as fast"] == pytest.approx(row["plain ms"] / row["ms"], rel=1e-6)
    assert row["largest difference"] < 1e-4


def test_whole_fills_are_set_against_their_arithmetic() -> None:
    usual = Inpainter(device="cpu", dtype="float32")
    table = gpu_fills.fills_of({"usual": usual}, Setting(sizes=(48,), rounds=1), "fills", matrix=64)
    rows = table.to_dict()["rows"]
    assert [(row["side"], row["batch"], row["form"]) for row in rows] == [(48, 1, "usual"), (48, 16, "usual")]
    for row in rows:
        assert row["ms a picture"] == pytest.approx(row["ms"] / row["batch"])
    assert rows[0]["ms"] / rows[0]["times its arithmetic"] == pytest.approx(
        rows[1]["ms a picture"] / rows[1]["times its arithmetic"], rel=0.2
    )


def test_an_unknown_section_is_named() -> None:
    done = run("speed")
    assert done.returncode == 2
    assert "there is no section 'speed'" in done.stderr


def test_processes_of_a_section_have_as_many_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    seen: list[str] = []

    def section(setting: Setting) -> Table:
        seen.append(run_python("-c", "import torch; print(torch.get_num_threads())").output.strip())
        return Table("threads", ("what",), [])

    monkeypatch.setattr("benchmarks.dust.run", section)
    monkeypatch.setattr("sys.argv", ["benchmarks", "dust", "--threads", "2"])
    threads = torch.get_num_threads()
    try:
        main()
    finally:
        torch.set_num_threads(threads)
    assert seen == ["2"]


def test_ways_take_turns_after_each_was_done_once() -> None:
    done: list[str] = []
    times = in_turns({name: lambda name=name: done.append(name) for name in "ab"}, 2, "cpu")
    assert done == ["a", "b"] * 3
    assert [len(seconds) for seconds in times.seconds.values()] == [2, 2]


def test_a_ratio_is_taken_round_by_round() -> None:
    times = Times({"a": [1.0, 10.0, 6.0], "b": [1.0, 5.0, 2.0]})
    assert times.of("a") == 6
    assert times.ratio("a", "b") == 2


@pytest.mark.skipif(sys.platform != "linux", reason="other systems do not tell a process its peak")
def test_a_process_tells_its_own_peak_memory() -> None:
    assert 2**20 < peak_of("this") < 2**27 < peak_memory()  # this process has loaded torch


def test_whole_fills_are_timed_against_a_rival_and_plotted(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def rival(image: torch.Tensor, hole: torch.Tensor) -> torch.Tensor:
        return torch.where(hole > 0, image.mean(), image)

    monkeypatch.setattr("benchmarks.fills.lama_forms", lambda: {"LaMa, float32": rival})
    monkeypatch.setattr("benchmarks.fills._LARGE", (360, 480))
    monkeypatch.setattr("benchmarks.fills._SMALL_HOLE", 24)
    monkeypatch.setattr("benchmarks.fills._USUAL", 40)
    monkeypatch.setattr("benchmarks.fills._OBJECTS", ((6, 12),))
    monkeypatch.setattr("benchmarks.fills._EXAMPLES", ())
    table = fills.run(Setting(sizes=(40,), rounds=1))
    rows = table.to_dict()["rows"]
    *measured, imports = rows
    areas = {row["hole"]: row["hole's pixels"] for row in measured}
    assert areas == {"5%": 81, "25%": 400, "60%": 961, "12×6": 72, "24 pixels": 576}
    for row in measured:
        [against] = [one for one in measured if one["hole"] == row["hole"] and one["method"] == "LaMa, float32"]
        assert row["times as fast as LaMa, float32"] == pytest.approx(against["s"] / row["s"], rel=1e-6)
    assert imports["method"] == fills.IMPORT
    assert imports["s"] > 0
    pytest.importorskip("matplotlib")
    report = {"machine": describe_machine(), "results": {"fills": table.to_dict()}}
    (tmp_path / "a.json").write_text(json.dumps(report))
    monkeypatch.setattr("sys.argv", ["plot", str(tmp_path / "a.json"), str(tmp_path / "a.svg")])
    plot.main()
    drawn = (tmp_path / "a.svg").read_text()
    assert all(f">{name}<" in drawn for name in ("RFR, float32", "LaMa, float32", fills.IMPORT, "pixels of the hole"))
    monkeypatch.setattr("sys.argv", ["plot", str(tmp_path / "a.json"), str(tmp_path / "b.svg")])
    plot.main()
    assert (tmp_path / "b.svg").read_text() == drawn  # one plot, not one over the other
    report["results"]["fills"]["rows"][0]["picture"] = "41×41"
    (tmp_path / "more.json").write_text(json.dumps(report))
    monkeypatch.setattr("sys.argv", ["plot", *(str(tmp_path / name) for name in ("a.json", "more.json", "c.svg"))])
    plot.main()
    assert len((tmp_path / "c.svg").read_text()) > len(drawn)
    report["machine"]["cpu"] = "another"
    (tmp_path / "more.json").write_text(json.dumps(report))
    with pytest.raises(SystemExit, match=r"more\.json was measured with cpu another"):
        plot.main()


def test_examples_are_filled_as_they_are() -> None:
    for name in ("flower", "creek"):
        image, hole = example(name)
        assert image.shape[-2:] == hole.shape[-2:]
        assert set(hole.unique().tolist()) == {0, 1}
        assert 0 <= float(image.min()) < float(image.max()) <= 1
