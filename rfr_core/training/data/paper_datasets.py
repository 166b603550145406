"""The data sets of the paper as they are unpacked, with the splits that their authors published.

Places2: ``data_large``, ``data_256`` … to train on; ``val_large`` or ``val_256``; ``test_large`` or ``test_256``.
CelebA: ``img_align_celeba`` and ``list_eval_partition.txt``, whose partitions 0, 1 and 2 are train, val and test.
Paris StreetView: ``paris_train_original`` (14,900 pictures) and ``paris_eval_gt`` (100), which is both val and test.

The irregular masks of Liu et al. 2018 come as one folder, or in six folders by ratio under names of many kinds.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Literal

from rfr_core.errors import ConfigError
from rfr_core.images.picture_files import picture_paths

Layout = Literal["folder", "places2", "celeba", "paris_streetview"]
Split = Literal["train", "val", "test"]

_PLACES2 = {
    "train": ("data_large", "data_large_standard", "data_large_challenge", "data_256", "data_256_standard",
              "data_256_challenge", "train_large", "train_256", "train"),
    "val": ("val_large", "val_256", "val"),
    "test": ("test_large", "test_256", "test"),
}  # fmt: skip
_PARIS = {
    "train": ("paris_train_original", "train"),
    "val": ("paris_eval/paris_eval_gt", "paris_eval_gt", "val", "test"),
    "test": ("paris_eval/paris_eval_gt", "paris_eval_gt", "test"),
}
_CELEBA_PARTITIONS = {"train": "0", "val": "1", "test": "2"}
_CELEBA_LISTS = ("list_eval_partition.txt", "Eval/list_eval_partition.txt", "list_eval_partition.csv")
_CELEBA_FOLDERS = ("img_align_celeba", "Img/img_align_celeba", "img_align_celeba/img_align_celeba")

_BUCKET = re.compile(r"(\d+(?:\.\d+)?)\s*%?\s*[-_,~]\s*(\d+(?:\.\d+)?)")


def dataset_files(layout: Layout, root: str | Path, split: Split) -> list[Path]:
    """The pictures of a data set's split, sorted; ``"folder"`` is any folder, with no splits, searched deeply.

    Raises:
        ConfigError: the root, a folder or a list of it is missing, or lists a picture that is; the message says what
            was looked for.
    """
    root = Path(root)
    if not root.is_dir():
        raise ConfigError(f"{root} is no folder; give the folder that the data set {layout} was unpacked into.")
    return _READERS[layout](root, split)


def evaluation_files(layout: Layout, root: str | Path) -> Path | list[Path]:
    """The pictures that a data set is judged on: its test split, or Places2's validation split, as is usual.

    With ``"folder"`` it is the folder itself, as :func:`~rfr_core.training.evaluation.protocol.read_cases` takes it.

    Raises:
        ConfigError: as for :func:`dataset_files`.
    """
    if layout == "folder":
        return Path(root)
    return dataset_files(layout, root, "val" if layout == "places2" else "test")


def bucket_name(folder: str) -> str:
    """The bucket that a folder of masks is for: ``"10-20"`` for ``0.1-0.2``, ``10%-20%`` or ``(0.1, 0.2]``.

    0.01, with which the first range of the irregular masks begins, counts as 0. Other names stay as they are.
    """
    match = _BUCKET.search(folder)
    if match is None:
        return folder
    low, high = (float(number) for number in match.groups())
    if high <= 1:
        low, high = 100 * low, 100 * high
    if not low < high <= 100:
        return folder
    return f"{10 * round(low / 10):02d}-{10 * round(high / 10):02d}"


def _plain(root: Path, split: Split) -> list[Path]:
    return _pictures(root)


def _places2(root: Path, split: Split) -> list[Path]:
    return _pictures(_first_folder(root, _PLACES2[split], f"Places2's {split} pictures"))


def _paris_streetview(root: Path, split: Split) -> list[Path]:
    return _pictures(_first_folder(root, _PARIS[split], f"Paris StreetView's {split} pictures"))


def _celeba(root: Path, split: Split) -> list[Path]:
    folder = _first_folder(root, _CELEBA_FOLDERS[::-1], "CelebA's aligned pictures")
    lists = [root / name for name in _CELEBA_LISTS if (root / name).is_file()]
    if not lists:
        raise ConfigError(f"{root} has no {_CELEBA_LISTS[0]}, CelebA's published split; put that file there.")
    lines = lists[0].read_text(encoding="utf-8").replace(",", " ").splitlines()
    entries = [line.split() for line in lines if line.strip()]
    names = [entry[0] for entry in entries if entry[-1] == _CELEBA_PARTITIONS[split]]
    files = sorted(folder / name for name in names)
    if not files:
        raise ConfigError(f"{lists[0]} lists no picture of the {split} split; get the file anew.")
    # A look at both ends tells a folder of another size or format, at the price of no 200,000 look-ups.
    for file in (files[0], files[-1]):
        if not file.is_file():
            raise ConfigError(f"{lists[0]} lists {file.name}, which {folder} does not hold; unpack all pictures there.")
    return files


def _first_folder(root: Path, names: tuple[str, ...], what: str) -> Path:
    for name in names:
        if (root / name).is_dir():
            return root / name
    raise ConfigError(f"{what} are not in {root}; expected a folder {' or '.join(names)} there.")


def _pictures(folder: Path) -> list[Path]:
    files = picture_paths(folder, deep=True)
    if not files:
        raise ConfigError(f"{folder} holds no picture; unpack the data set there.")
    return files


_READERS: dict[Layout, Callable[[Path, Split], list[Path]]] = {
    "folder": _plain,
    "places2": _places2,
    "celeba": _celeba,
    "paris_streetview": _paris_streetview,
}
