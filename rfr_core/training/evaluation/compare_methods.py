"""Our network and other methods on the same pictures and holes: one table, its data and a picture sheet.

Every method runs in a process of its own over the same files; then all fills are scored together.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from rfr_core.checkpoints.loading import open_checkpoint
from rfr_core.errors import ConfigError, ImageError
from rfr_core.files import appearing
from rfr_core.images.picture_files import Picture, picture_paths, read_picture, save_picture
from rfr_core.images.pixels import to_tensor
from rfr_core.images.values import to_bytes
from rfr_core.inpainter import Inpainter
from rfr_core.training.evaluation.comparison import Comparison, Cost
from rfr_core.training.evaluation.distribution import InceptionFeatures, distribution_scores
from rfr_core.training.evaluation.measure import VARIANTS, variants
from rfr_core.training.evaluation.near_duplicates import near_duplicates
from rfr_core.training.evaluation.peers import PEERS, find_peer
from rfr_core.training.evaluation.protocol import (
    Case,
    average,
    picture_files,
    read_cases,
    score,
    write_json,
    write_text,
)
from rfr_core.training.evaluation.sheet import marked, picture_sheet
from rfr_core.training.losses import lpips

Tell = Callable[[str, int, int], None]  # what is being done, how many of them are done, of how many
Scores = dict[str, dict[str, float]]  # of one case: title -> score's name -> value


@dataclass(frozen=True)
class Method:
    """What is compared; name: as `rfr_core.training.evaluation.measure` takes it."""

    title: str
    name: str

    @property
    def is_model(self) -> bool:
        return self.name.startswith(tuple(variant.kind for variant in VARIANTS))

    @property
    def folder(self) -> str:
        """A name for its files that every file system takes."""
        return f"model-{hashlib.sha256(self.name.encode()).hexdigest()[:12]}" if self.is_model else self.name


def compare(
    models: Sequence[str],
    peers: Sequence[str] | None,
    pictures: Path,
    holes: Path,
    out: Path,
    *,
    train: Path | None = None,
    size: int = 256,
    buckets: Sequence[str] | None = None,
    limit: int | None = None,
    work: Path | None = None,
    device: str = "cpu",
    without_network: bool = False,
    inception: Path | None = None,
    progress: Tell = lambda *_: None,
) -> Comparison:
    """Compares, and writes ``comparison.md``, ``comparison.json`` and ``sheet.jpg`` to ``out``.

    The sheet shows, for each bucket, the picture on which the first model (without one, the last peer) has its median
    PSNR, and under it what that model's network had after each recurrence.

    Args:
        models: checkpoints as `rfr_core.checkpoints.loading.load_network` takes them.
        peers: names of `rfr_core.training.evaluation.peers.PEERS`; None = all that are installed and not slow.
        pictures, holes, size, buckets, limit: as `rfr_core.training.evaluation.protocol.read_cases` takes them.
        train: folder of training pictures; an evaluation picture that is a near-duplicate of one is refused.
        work: folder that keeps every fill; a peer that has run there on the same pictures doesn't run again.
        device: what the models compute on.
        without_network: whether each model is compared without its network as well, the interpolated picture in its
            place: what it has more with it is what the network is worth.
        inception: file of an Inception network for FID, U-IDS and P-IDS (see
            `rfr_core.training.evaluation.distribution`); None = without them. Of fewer than some thousand pictures they
            say little.
        progress: told of each fill and each score: a title, how many are done, and of how many.

    Raises:
        ConfigError: no method, an unknown or missing one, a bad option, a folder that cannot be written, or a method
            that failed.
        ImageError, HoleError: pictures or holes are missing, unreadable or near-duplicates of training pictures.
    """
    methods = _methods(models, peers, without_network)
    features = None if inception is None else InceptionFeatures(inception)
    cases = list(read_cases(pictures, holes, size=size, buckets=buckets, limit=limit))
    checked = None if train is None else _check_disjoint(pictures, train)
    with tempfile.TemporaryDirectory() as temporary:
        with _writing_to(out):
            out.mkdir(parents=True, exist_ok=True)
        folder = _write_cases(cases, work or Path(temporary))
        first_models = sorted(methods, key=lambda method: not method.is_model)  # what a user may have misnamed
        measured = {method.title: _run(method, folder, device, len(cases), progress) for method in first_models}
        fills = [{m.title: folder / m.folder / f"{i:04d}.png" for m in methods} for i in range(len(cases))]
        scores = _score(cases, fills, progress)
        distributions = None if features is None else _distributions(features, cases, fills, progress)
        sheet = _sheet(methods, cases, fills, scores, device)
    titles = [method.title for method in methods]
    tables = {t: average((c.bucket, s[t]) for c, s in zip(cases, scores, strict=True)) for t in titles}
    if distributions is not None:
        tables = {title: tables[title].extended(distributions[title]) for title in titles}
    costs = {title: _cost(cases, measured[title]) for title in titles}
    number = len({case.picture for case in cases})
    comparison = Comparison(size, number, device, tables, costs, checked)
    write_json(out / "comparison.json", comparison.to_dict())
    write_text(out / "comparison.md", comparison.to_markdown())
    save_picture(Picture(sheet), out / "sheet.jpg", quality=90)
    return comparison


def _methods(models: Sequence[str], peers: Sequence[str] | None, without_network: bool) -> list[Method]:
    if peers is None:
        peers = [name for name, peer in PEERS.items() if not peer.slow and peer.is_available()]
    methods = [Method(find_peer(name).title, name) for name in dict.fromkeys(peers)]
    names = {source: Path(source).name for source in models}
    for source, name in names.items():
        title = f"RFR {name if [*names.values()].count(name) == 1 else source}"
        for variant in variants(open_checkpoint(source).config, without_network=without_network):
            methods.append(Method(title + variant.title, variant.kind + source))
    if not methods:
        raise ConfigError("There is nothing to compare; name a model, or install the packages of the compare extra.")
    return methods


def _check_disjoint(pictures: Path, train: Path) -> int:
    """The number of training pictures, none of which is among the pictures. Raises ImageError otherwise."""
    if not train.is_dir() or not (others := picture_paths(train, deep=True)):
        raise ImageError(f"{train} is not a folder with pictures; expected the training pictures: check the path.")
    found = near_duplicates(picture_files(pictures), others)
    if found:
        raise ImageError(
            f"{len(found)} evaluation picture(s) are near-duplicates of training pictures, first {found[0].picture} of "
            f"{found[0].other} ({found[0].share:.0%} of the hash differs): take them out of one of the folders."
        )
    return len(others)


@contextlib.contextmanager
def _writing_to(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise ConfigError(f"{folder} cannot be written to: {error.strerror}; choose another folder.") from error


def _write_cases(cases: Sequence[Case], work: Path) -> Path:
    """A folder of these very cases, with their pictures and holes as files in ``cases``, made unless it is there."""
    digest = hashlib.sha256()
    for case in cases:
        digest.update(_bytes(case.image).tobytes() + _bytes(case.hole).tobytes())
    folder = work / digest.hexdigest()[:16]
    with _writing_to(work):
        (folder / "cases").mkdir(parents=True, exist_ok=True)
        if not (folder / "cases.json").is_file():
            for index, case in enumerate(cases):
                Image.fromarray(_bytes(case.image)).save(folder / "cases" / f"{index:04d}.image.png", compress_level=1)
                Image.fromarray(_bytes(case.hole)[..., 0]).save(folder / "cases" / f"{index:04d}.hole.png")
            with appearing(folder / "cases.json") as file:
                file.write(json.dumps([[case.bucket, case.picture] for case in cases]).encode())
    return folder


def _run(method: Method, folder: Path, device: str, total: int, progress: Tell) -> Mapping:
    """Fills all cases with one method, unless they are there, and returns the report of `evaluation.measure`."""
    out = folder / method.folder
    done = out / "report.json"
    if method.is_model:  # its weights may have changed
        done.unlink(missing_ok=True)
    if not done.is_file():
        out.mkdir(exist_ok=True)
        for count in _run_process([str(folder / "cases"), str(out), method.name, device], method.title):
            progress(method.title, count, total)
    return json.loads(done.read_text())


def _run_process(arguments: Sequence[str], title: str) -> Iterator[int]:
    """Runs `rfr_core.training.evaluation.measure` and counts what it has done. Raises ConfigError when it fails."""
    package_root = str(Path(__file__).resolve().parents[3])
    search = os.pathsep.join(filter(None, [package_root, os.environ.get("PYTHONPATH")]))
    command = [sys.executable, "-m", "rfr_core.training.evaluation.measure", *arguments]
    with tempfile.TemporaryFile("w+") as complaints:
        process = subprocess.Popen(
            command, env={**os.environ, "PYTHONPATH": search}, stdout=subprocess.PIPE, stderr=complaints, text=True
        )
        with process:
            assert process.stdout is not None
            for count, _ in enumerate(process.stdout, start=1):
                yield count
        if process.returncode:
            complaints.seek(0)
            last = (complaints.read().strip().splitlines() or [f"exit status {process.returncode}"])[-1]
            raise ConfigError(f"{title} failed: {last}")


def _score(cases: Sequence[Case], fills: Sequence[Mapping[str, Path]], progress: Tell) -> list[Scores]:
    perceptual = lpips.ShiftTolerantLPIPS() if lpips.is_available() else None
    scores = []
    for case, paths in zip(cases, fills, strict=True):
        results = [_composite(case, path) for path in paths.values()]
        found = {title: score(result, case) for title, result in zip(paths, results, strict=True)}
        if perceptual is not None:
            whole, inside = perceptual(torch.cat(results), case.truth, case.hole)
            for index, values in enumerate(found.values()):
                values |= {"lpips": whole[index].item(), "lpips_hole": inside[index].item()}
        scores.append(found)
        progress("Scores", len(scores), len(cases))
    return scores


def _distributions(
    features: InceptionFeatures, cases: Sequence[Case], fills: Sequence[Mapping[str, Path]], progress: Tell
) -> dict[str, dict[str, dict[str, float]]]:
    """Title -> bucket -> scores of all its fills together."""
    seen: dict[str, dict[str, list[Tensor]]] = {}
    truths: dict[str, list[Tensor]] = {}
    for number, (case, paths) in enumerate(zip(cases, fills, strict=True), start=1):
        truths.setdefault(case.bucket, []).append(features(case.truth))
        for title, path in paths.items():
            of_method = seen.setdefault(title, {})
            of_method.setdefault(case.bucket, []).append(features(_composite(case, path)))
        progress("Inception features", number, len(cases))
    return {
        title: {
            bucket: distribution_scores(torch.cat(values), torch.cat(truths[bucket]))
            for bucket, values in of_method.items()
        }
        for title, of_method in seen.items()
    }


def _cost(cases: Sequence[Case], measured: Mapping) -> Cost:
    seconds: dict[str, list[float]] = {}
    for case, value in zip(cases, measured["seconds"], strict=True):
        seconds.setdefault(case.bucket, []).append(value)
    return Cost({bucket: float(np.mean(values)) for bucket, values in seconds.items()}, measured["peak_mib"])


def _sheet(
    methods: Sequence[Method],
    cases: Sequence[Case],
    fills: Sequence[Mapping[str, Path]],
    scores: Sequence[Scores],
    device: str,
) -> Image.Image:
    model = next((method for method in methods if method.is_model), None)
    judged = (model or methods[-1]).title
    inpainter = (
        None if model is None else Inpainter.from_pretrained(model.name.partition(":")[2] or None, device=device)
    )
    by_bucket: dict[str, list[int]] = {}
    for index, case in enumerate(cases):
        by_bucket.setdefault(case.bucket, []).append(index)
    rows = []
    for bucket, indices in by_bucket.items():
        ranked = sorted(indices, key=lambda index: scores[index][judged]["psnr"])
        middle = ranked[(len(ranked) - 1) // 2]
        case, psnr = cases[middle], scores[middle][judged]["psnr"]
        pictures = [_composite(case, path) for path in fills[middle].values()]
        caption = f"{bucket}: {case.picture}, {judged} {psnr:.2f} dB, its median of {len(ranked)}"
        rows.append((caption, [marked(case.image, case.hole), *pictures, case.truth]))
        if inpainter is not None:
            rows.append(
                (f"{bucket}: recurrences of {judged}, no detail", _recurrences(inpainter, case, len(methods) + 2))
            )
    return picture_sheet(["Input", *(method.title for method in methods), "Truth"], rows)


def _recurrences(inpainter: Inpainter, case: Case, most: int) -> list[Tensor]:
    """What the network had after each recurrence, without detail; ``most`` of them, spread evenly, with the last."""
    steps = [step.tensor() for step in inpainter.steps(case.image, case.hole, detail=False)]
    count = min(most, len(steps))
    return [steps[(i + 1) * len(steps) // count - 1] for i in range(count)]


def _composite(case: Case, path: Path) -> Tensor:
    return case.composite(to_tensor(read_picture(path).image))


def _bytes(picture: Tensor) -> np.ndarray:
    """(1, C, S, S) in [0, 1] -> (S, S, C) uint8."""
    return np.ascontiguousarray(to_bytes(picture[0]).permute(1, 2, 0).numpy())
