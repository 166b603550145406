"""Evaluation: l1, PSNR and SSIM of a fill on fixed pictures and holes, per bucket of hole ratios.

The protocol, so that tables compare: every picture is cut to its centre square and scaled to ``size`` (Lanczos,
8 bit). The holes lie in one folder per bucket (``10-20``, ``object`` …); picture i, sorted by name, meets hole
i mod n of each bucket, sorted by name. The fill is composited with the known pixels, scored by `rfr_core.metrics`,
and the scores are averaged over the pictures.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from PIL import Image
from torch import Tensor

from rfr_core.errors import ConfigError, HoleError, ImageError
from rfr_core.files import appearing
from rfr_core.holes.masks import read_hole
from rfr_core.holes.shaping import area_ratio
from rfr_core.images.picture_files import FORMAT_BY_SUFFIX, picture_paths, read_picture
from rfr_core.images.pixels import to_tensor
from rfr_core.images.values import to_bytes
from rfr_core.metrics import SSIM_WINDOW, all_metrics
from rfr_core.training.data.paper_datasets import bucket_name
from rfr_core.training.losses.lpips import ShiftTolerantLPIPS

Fill = Callable[[Tensor, Tensor], Tensor]


@dataclass(frozen=True)
class Case:
    """One picture and one hole: truth (1, 3, S, S) in [0, 1] at 8-bit steps, hole (1, 1, S, S), 1 = fill."""

    bucket: str
    picture: str
    truth: Tensor
    hole: Tensor

    @property
    def image(self) -> Tensor:
        """What a fill may see: the truth with 0 in the hole, (1, 3, S, S)."""
        return self.truth * (1 - self.hole)

    def composite(self, fill: Tensor) -> Tensor:
        """The fill (1, 3, S, S) in the hole, rounded to 8-bit steps, the true pixels elsewhere."""
        fill = fill.detach().to("cpu", torch.float32).clamp(0, 1).mul(255).round().div(255)
        return torch.where(self.hole > 0, fill, self.truth)


@dataclass(frozen=True)
class Row:
    """Mean scores of one bucket: ``psnr``, ``ssim``, ``l1`` of the whole picture and ``…_hole`` inside the hole."""

    bucket: str
    pictures: int
    scores: Mapping[str, float]


@dataclass(frozen=True)
class Table:
    """One row per bucket, in the order of evaluation."""

    rows: tuple[Row, ...]

    def __getitem__(self, bucket: str) -> Mapping[str, float]:
        """The scores of a bucket; KeyError when it was not evaluated."""
        return {row.bucket: row.scores for row in self.rows}[bucket]

    def extended(self, more: Mapping[str, Mapping[str, float]]) -> Table:
        """The same with more scores, by bucket."""
        return Table(tuple(Row(row.bucket, row.pictures, {**row.scores, **more[row.bucket]}) for row in self.rows))

    def to_dict(self) -> dict[str, dict[str, float | int | None]]:
        """Bucket -> number of pictures and scores, as JSON can hold them: None for infinite or undefined ones."""
        return {row.bucket: {"pictures": row.pictures, **_finite(row.scores)} for row in self.rows}

    @classmethod
    def from_dict(cls, data: Mapping[str, Mapping[str, Any]]) -> Table:
        """What `to_dict` gave; scores that were None are left out."""
        rows = []
        for bucket, entry in data.items():
            scores = {name: float(value) for name, value in entry.items() if name != "pictures" and value is not None}
            rows.append(Row(bucket, int(entry["pictures"]), scores))
        return cls(tuple(rows))

    def to_markdown(self, name: str = "fill") -> str:
        """The table as Markdown; see `to_markdown` for several fills side by side."""
        return to_markdown({name: self})


def evaluate(
    fill: Fill,
    pictures: Path | Sequence[Path],
    holes: Path,
    *,
    size: int = 256,
    buckets: Sequence[str] | None = None,
    limit: int | None = None,
    lpips: ShiftTolerantLPIPS | None = None,
) -> Table:
    """Score a fill by the protocol above.

    fill: takes an image (1, 3, size, size) in [0, 1], 0 in the hole, and a hole (1, 1, size, size), 1 = fill;
    returns the picture (1, 3, size, size), whose hole alone is used. lpips: scored as well where it is given. The other
    arguments are those of `read_cases`. Raises ImageError, HoleError or ConfigError as it does, and whatever the fill
    raises.
    """
    return evaluate_cases(fill, read_cases(pictures, holes, size=size, buckets=buckets, limit=limit), lpips)


def evaluate_cases(fill: Fill, cases: Iterable[Case], lpips: ShiftTolerantLPIPS | None = None) -> Table:
    """Score a fill, as for `evaluate`, on the cases of `read_cases`."""
    return average((case.bucket, score(case.composite(fill(case.image, case.hole)), case, lpips)) for case in cases)


def read_cases(
    pictures: Path | Sequence[Path],
    holes: Path,
    *,
    size: int = 256,
    buckets: Sequence[str] | None = None,
    limit: int | None = None,
) -> Iterator[Case]:
    """The pictures and holes of an evaluation, bucket by bucket; all files are found before the first is read.

    pictures: a folder of pictures, or files. holes: a folder with one folder of square masks per bucket, white =
    fill, under any name that `bucket_name` understands, or with masks alone, which are then sorted into buckets by
    their ratio; masks of another size are scaled by nearest neighbour. buckets: the names to take, all by default.
    limit: the number of pictures to take, spread evenly over the sorted names; each keeps the hole it has in the
    full evaluation.

    Raises ImageError: a folder or file is missing or unreadable. HoleError: the same for holes, or a mask that is
    not square or marks nothing. ConfigError: an unknown bucket, or a size or limit out of range.
    """
    if size < SSIM_WINDOW:
        raise ConfigError(f"size is {size}; it must be at least {SSIM_WINDOW} pixels.")
    paths = picture_files(pictures) if isinstance(pictures, Path) else list(pictures)
    chosen = list(enumerate(paths))
    if limit is not None:
        if limit < 1:
            raise ConfigError(f"limit is {limit}; it must be at least 1 picture.")
        count = min(limit, len(paths))
        chosen = [chosen[k * len(paths) // count] for k in range(count)]
    return _cases(chosen, _hole_files(Path(holes), buckets), size)


def score(result: Tensor, case: Case, lpips: ShiftTolerantLPIPS | None = None) -> dict[str, float]:
    """The metrics of a composite (1, 3, S, S) against the truth, over the whole picture and inside the hole."""
    scores = {name: value.item() for name, value in all_metrics(result, case.truth, case.hole).items()}
    if lpips is not None:
        whole, inside = lpips(result, case.truth, case.hole)
        scores |= {"lpips": whole.item(), "lpips_hole": inside.item()}
    return scores


def average(scores: Iterable[tuple[str, Mapping[str, float]]]) -> Table:
    """Means per bucket of (bucket, scores of one picture); undefined scores (NaN) are left out of their mean."""
    by_bucket: dict[str, list[Mapping[str, float]]] = {}
    for bucket, values in scores:
        by_bucket.setdefault(bucket, []).append(values)
    rows = []
    for bucket, entries in by_bucket.items():
        means = {name: _mean([entry[name] for entry in entries]) for name in entries[0]}
        rows.append(Row(bucket, len(entries), means))
    return Table(tuple(rows))


def to_markdown(tables: Mapping[str, Table]) -> str:
    """Tables of several fills on the same buckets as one Markdown table: PSNR / SSIM / l1 of the whole picture."""
    titles = [f"{name} PSNR / SSIM / l1" if i == 0 else name for i, name in enumerate(tables)]
    lines = [f"| holes | pictures | {' | '.join(titles)} |", "|---|---|" + "---|" * len(tables)]
    for rows in zip(*(table.rows for table in tables.values()), strict=True):
        cells = [f"{r.scores['psnr']:.2f} / {_short(r.scores['ssim'])} / {_short(r.scores['l1'])}" for r in rows]
        lines.append(f"| {rows[0].bucket} | {rows[0].pictures} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def write_json(path: Path, data: object) -> None:
    """Write JSON so that the file appears, by rename, only when complete. Raises ConfigError when that fails."""
    write_text(path, json.dumps(data, indent=2, ensure_ascii=False, allow_nan=False) + "\n")


def write_text(path: Path, text: str) -> None:
    """Write UTF-8 text so that the file appears, by rename, only when complete. Raises ConfigError as above."""
    try:
        with appearing(path) as file:
            file.write(text.encode("utf-8"))
    except OSError as error:
        raise ConfigError(f"{path} could not be written: {error.strerror}; choose a folder that exists.") from error


def picture_files(folder: Path) -> list[Path]:
    """The pictures of a folder, sorted by name. Raises ImageError when there is no such folder or none in it."""
    folder = Path(folder)
    if not folder.is_dir():
        raise ImageError(f"{folder} is not a folder; expected a folder of pictures: check the path.")
    files = picture_paths(folder)
    if not files:
        raise ImageError(f"{folder} holds no picture ({', '.join(FORMAT_BY_SUFFIX)}); choose another folder.")
    return files


def check_folders(pictures: Path | Sequence[Path], holes: Path, buckets: Sequence[str] | None = None) -> None:
    """Raises what `read_cases` would raise for folders that lack something, without reading a picture or a mask.

    pictures: a folder, or the files. holes, buckets: as for `read_cases`. Raises ImageError, HoleError or ConfigError.
    """
    if isinstance(pictures, Path):
        picture_files(pictures)
    tenths = {_tenth(tenth): [] for tenth in range(10)}
    _check_buckets(holes, _in_folders(holes) or (tenths if picture_paths(holes) else {}), buckets)


def _hole_files(folder: Path, buckets: Sequence[str] | None) -> dict[str, list[Path]]:
    """The masks of each bucket, in the order of the buckets' names."""
    found = _in_folders(folder) or _sorted_by_ratio(picture_paths(folder))
    _check_buckets(folder, found, buckets)
    return {name: files for name, files in found.items() if buckets is None or name in buckets}


def _in_folders(holes: Path) -> dict[str, list[Path]]:
    """The masks that lie in folders for their buckets."""
    if not holes.is_dir():
        raise HoleError(f"{holes} is not a folder; expected a folder of holes: check the path.")
    found: dict[str, list[Path]] = {}
    for name, sub in sorted((bucket_name(sub.name), sub) for sub in holes.iterdir() if sub.is_dir()):
        found.setdefault(name, []).extend(picture_paths(sub))
    return {name: files for name, files in found.items() if files}


def _check_buckets(folder: Path, found: Mapping[str, Sequence[Path]], buckets: Sequence[str] | None) -> None:
    if not found:
        raise HoleError(f"{folder} holds no masks; expected pictures, or one folder of them per bucket.")
    for bucket in buckets or ():
        if bucket not in found:
            raise ConfigError(f"There is no bucket {bucket!r} in {folder}; it has {', '.join(found)}.")


def _sorted_by_ratio(files: Iterable[Path]) -> dict[str, list[Path]]:
    by_tenth: dict[int, list[Path]] = {}
    for file in files:
        tenth = min(9, int(area_ratio(read_hole(file)).item() * 10))
        by_tenth.setdefault(tenth, []).append(file)
    return {_tenth(tenth): by_tenth[tenth] for tenth in sorted(by_tenth)}


def _tenth(tenth: int) -> str:
    return f"{tenth}0-{tenth + 1}0"


def _cases(pictures: list[tuple[int, Path]], holes: dict[str, list[Path]], size: int) -> Iterator[Case]:
    truths = [(index, path.stem, _read_square(path, size)) for index, path in pictures]
    for bucket, files in holes.items():
        for index, name, truth in truths:
            yield Case(bucket, name, truth, _read_square_hole(files[index % len(files)], size))


def _read_square(path: Path, size: int) -> Tensor:
    """The centre square of a picture file at size x size: (1, 3, size, size)."""
    pixels = to_bytes(to_tensor(read_picture(path).image)[0])  # (3, H, W), 16-bit gray too
    image = Image.fromarray(pixels.permute(1, 2, 0).numpy())
    side = min(image.size)
    left, top = (image.width - side) // 2, (image.height - side) // 2
    square = image.crop((left, top, left + side, top + side))
    return to_tensor(square.resize((size, size), Image.Resampling.LANCZOS))


def _read_square_hole(path: Path, size: int) -> Tensor:
    hole = read_hole(path)
    height, width = hole.shape[-2:]
    if height != width:
        raise HoleError(f"{path} is {width}×{height} pixels; expected a square mask: crop or scale it.")
    if not hole.any():
        raise HoleError(f"{path} marks nothing to fill; expected white where the hole is.")
    return read_hole(path, size=(size, size), resize=True)


def _mean(values: Sequence[float]) -> float:
    defined = [value for value in values if not math.isnan(value)]
    return sum(defined) / len(defined) if defined else math.nan


def _finite(scores: Mapping[str, float]) -> dict[str, float | None]:
    return {name: round(value, 6) if math.isfinite(value) else None for name, value in scores.items()}


def _short(value: float) -> str:
    """0.9167 -> .9167, as tables have it."""
    return f"{value:.4f}".removeprefix("0")
