"""Every command without a word about the network: none looks for a name or an address beyond this machine."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from PIL import Image

from .attempts import ROOT
from .demo_server import Server, file_data
from .figures import Figures
from .kills import SMOKE
from .pictures import file_of, photograph

AUDITED = Path(__file__).parent / "audited"


def run(figures: Figures) -> None:
    """Runs each command once."""
    with tempfile.TemporaryDirectory(prefix="rfr-stress-") as name:
        folder = Path(name)
        (folder / "photos").mkdir()
        photograph(96, 72).save(folder / "photos" / "photo.png")
        mask = Image.new("L", (96, 72))
        mask.paste(255, (30, 30, 50, 50))
        mask.save(folder / "mask.png")
        for title, command in _commands(folder).items():
            with figures.trial(title) as ended:
                done, asked = watched(command, folder)
                assert done.returncode == 0, done.stderr[-600:]
                assert not asked, f"looked for {', '.join(asked)}"
                ended.append("asked for nothing")
        with figures.trial("the watching itself") as ended:
            _, asked = watched(["-c", "import socket; socket.create_connection(('192.0.2.1', 9), 0.01)"], folder)
            assert asked == ["192.0.2.1"], "it sees nothing, so the others show nothing"
            ended.append("seen to be watched")
        with figures.trial("the page") as ended:
            asked = _page(folder)
            assert not asked, f"looked for {', '.join(asked)}"
            ended.append("asked for nothing")


def _commands(folder: Path) -> dict[str, list[str]]:
    photo, mask = str(folder / "photos" / "photo.png"), str(folder / "mask.png")
    settings = ["--set", f'data.pictures=["{folder / "photos"}"]', "--set", f"output={folder / 'run'}"]
    return {
        "import": ["-c", "import rfr_core; rfr_core.Inpainter.from_pretrained()"],
        "rfr --help": ["-m", "rfr_core", "--help"],
        "rfr info": ["-m", "rfr_core", "info"],
        "rfr inpaint": ["-m", "rfr_core", "inpaint", photo, mask, "-o", str(folder / "filled.png")],
        "train fit": ["-m", "train", "fit", str(SMOKE), *settings],
    }


def _environment(folder: Path) -> dict[str, str]:
    (folder / "asked").unlink(missing_ok=True)
    paths = os.pathsep.join([str(AUDITED), str(ROOT)])
    asked = {"RFR_STRESS_ASKED": str(folder / "asked"), "HF_HUB_OFFLINE": "0"}
    return asked | {"PYTHONPATH": paths, "CUDA_VISIBLE_DEVICES": ""}


def _asked(folder: Path) -> list[str]:
    path = folder / "asked"
    return sorted(set(path.read_text().split())) if path.exists() else []


def watched(arguments: list[str], folder: Path) -> tuple[subprocess.CompletedProcess[str], list[str]]:
    """Runs Python with these arguments; how that ended, and the names and addresses that it looked for.

    folder: for a file of notes.
    """
    environment = {name: value for name, value in os.environ.items() if not name.startswith("HF_")}
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=ROOT,
        env=environment | _environment(folder),
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )
    return done, _asked(folder)


def _page(folder: Path) -> list[str]:
    own = folder / "page"
    own.mkdir()
    with Server(own, _environment(folder)) as server:
        paths = []
        for data in (file_of(photograph(64, 48), "PNG"), (folder / "mask.png").read_bytes()):
            status, text = server.upload(data, "a.png")
            assert status == 200, text
            paths.append(text.strip('[]"'))
        assert server.ask("GET", "/")[0] == 200
        outcome, said = server.inpaint([*map(file_data, paths), 2, 0, 0, "png", ""])
        assert outcome == "complete", said
    return _asked(folder)
