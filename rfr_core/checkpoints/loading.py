"""Checkpoints: ``config.json`` + ``model.safetensors`` (+ a model card) in a folder, on a Hub, or bundled.

Loading goes header first: names, shapes and number formats are held against the configuration before memory is
spent on the network.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from safetensors import SafetensorError, safe_open

from rfr_core.checkpoints.model import RFRModel
from rfr_core.checkpoints.state import assemble, check_layout, without_memory
from rfr_core.config import RFRConfig
from rfr_core.errors import CheckpointError, ConfigError
from rfr_core.network.rfr_net import RFRNet

BUNDLED = "lite"
CONFIG_NAME = "config.json"
MODEL_NAME = "model.safetensors"
_WEIGHTS = Path(__file__).parents[1] / "weights"
METADATA_KEY = "rfr_config"
_MAX_HEADER = 1 << 20  # bytes; the largest network's header has some 20 kB
_MAX_CONFIG = 1 << 16
_FLOATS = {"F16": "float16", "BF16": "bfloat16", "F32": "float32", "F64": "float64"}
REPO_ID = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,95}/[A-Za-z0-9_][A-Za-z0-9_.-]{0,95}")  # of the Hub: owner/name
_PICKLES = (".pth", ".pt", ".ckpt", ".bin", ".tar", ".pkl")


@dataclass(frozen=True)
class Checkpoint:
    """A checkpoint that fits its configuration by its header; the weights are still on disk.

    path: the safetensors file. config: what builds the network. parameters: how many numbers are trained.
    dtype: number format of the weights in the file, such as ``"float16"``. size: of the file, in bytes.
    """

    path: Path
    config: RFRConfig
    parameters: int
    dtype: str
    size: int

    def load(self) -> RFRModel:
        """The model on the CPU in float32, whatever the file's format, in evaluation mode.

        Raises:
            CheckpointError: the file is damaged or holds values that are not finite.
        """
        try:
            with safe_open(self.path, framework="pt") as file:
                # The tensors lie in the mapped file; the network must not, as it may be replaced or deleted.
                state = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
                return assemble(self.config, state, str(self.path))
        except (SafetensorError, OSError) as error:
            raise _unreadable(self.path, error) from error


def load_network(
    source: str | Path | None = None, *, revision: str | None = None, local_files_only: bool = False
) -> RFRModel:
    """The network of a checkpoint, on the CPU in float32, in evaluation mode; arguments as for `open_checkpoint`."""
    return open_checkpoint(source, revision=revision, local_files_only=local_files_only).load()


def open_checkpoint(
    source: str | Path | None = None, *, revision: str | None = None, local_files_only: bool = False
) -> Checkpoint:
    """Finds a checkpoint, fetching it from the Hub where need be, and checks its header.

    Args:
        source: ``None`` or ``"lite"``, the bundled one; a folder with ``config.json`` and ``model.safetensors``; a
            ``.safetensors`` file whose metadata holds the configuration; a Hub repository ``"owner/name"``. What
            exists on disk wins over the Hub; a :class:`~pathlib.Path` is never taken for a repository.
        revision: branch, tag or commit of the repository; ``None`` is its main branch.
        local_files_only: whether to use the Hub's cache alone.

    Raises:
        CheckpointError: there is no such checkpoint, it cannot be fetched, or its parts do not fit together.
    """
    if source is None or source == BUNDLED:
        local, name = _WEIGHTS, BUNDLED
    else:
        local, name = local_path(source), str(source)
        if isinstance(source, str) and not local.exists() and _is_repository(source):
            return fetch_checkpoint(source, revision=revision, local_files_only=local_files_only)
    if revision is not None:
        raise CheckpointError(f"{name} is no Hub repository, so it has no revision {revision!r}; leave revision out.")
    return open_folder(local) if local.is_dir() else _open_file(local)


def fetch_checkpoint(repo_id: str, *, revision: str | None = None, local_files_only: bool = False) -> Checkpoint:
    """The checkpoint of a Hub repository ``owner/name``, downloaded unless the cache holds it.

    Raises:
        CheckpointError: the name is none, the download fails (see `rfr_core.hub.download`), or the files do not fit.
    """
    check_repo_id(repo_id)
    from rfr_core.hub import download  # costs a while, and only this needs it

    names = (CONFIG_NAME, MODEL_NAME)
    config, model = download(repo_id, names, revision=revision, local_files_only=local_files_only)
    return _open_file(model, read_config(config))


def read_safetensors(path: str | Path) -> RFRModel:
    """The network in a ``.safetensors`` file whose metadata holds the configuration, as `save_pretrained` writes it.

    Raises:
        CheckpointError: the file is missing, is no such file, or its tensors do not fit its configuration.
    """
    return _open_file(local_path(path)).load()


def local_path(source: str | Path) -> Path:
    try:
        path = Path(source).expanduser()
        path.exists()
        return path
    except (OSError, RuntimeError, ValueError) as error:  # too long, no such user, a null character
        raise CheckpointError(f"{str(source)!r} can be no path ({error}); check how it is written.") from error


def _is_repository(source: str) -> bool:
    """Whether a source that is not on disk names a Hub repository; raises CheckpointError for what can't be either."""
    if "://" in source:
        raise CheckpointError(f"{source} is an address; give a Hub repository as owner/name, or a downloaded file.")
    is_file = Path(source).suffix.lower() in (".safetensors", ".json", *_PICKLES)
    return not is_file and bool(REPO_ID.fullmatch(source))


def check_repo_id(repo_id: str) -> None:
    if not REPO_ID.fullmatch(repo_id):
        raise CheckpointError(f"{repo_id!r} is no repository's name; give owner/name, such as 'someone/rfr-paris'.")


def open_folder(folder: Path) -> Checkpoint:
    for name in (CONFIG_NAME, MODEL_NAME):
        if not (folder / name).is_file():
            raise CheckpointError(f"{folder} holds no {name}; a checkpoint is {CONFIG_NAME} and {MODEL_NAME}.")
    return _open_file(folder / MODEL_NAME, read_config(folder / CONFIG_NAME))


def _open_file(path: Path, config: RFRConfig | None = None) -> Checkpoint:
    if not path.is_file():
        raise CheckpointError(
            f"There is no checkpoint {path}; give a folder, a .safetensors file, a Hub repository owner/name "
            f"or {BUNDLED!r}."
        )
    if path.suffix.lower() in _PICKLES:
        raise CheckpointError(f"{path} is not read as it is; convert a released file with `rfr convert` first.")
    header = _read_header(path)
    config = _agreed(path, config, header.metadata)
    network = without_memory(config)
    check_layout(network, header.shapes, str(path))
    return Checkpoint(
        path, config, count_parameters(network), _number_format(path, network, header), path.stat().st_size
    )


@dataclass(frozen=True)
class _Header:
    shapes: dict[str, tuple[int, ...]]
    formats: dict[str, str]
    metadata: dict[str, str]


def _read_header(path: Path) -> _Header:
    try:
        with path.open("rb") as file:
            length = int.from_bytes(file.read(8), "little")
        if length > _MAX_HEADER:
            raise CheckpointError(f"{path} is no checkpoint: its header would have {length} bytes; get the file anew.")
        with safe_open(path, framework="pt") as file:
            slices = {name: file.get_slice(name) for name in file.keys()}  # noqa: SIM118
            shapes = {name: tuple(piece.get_shape()) for name, piece in slices.items()}
            formats = {name: str(piece.get_dtype()) for name, piece in slices.items()}
            return _Header(shapes, formats, file.metadata() or {})
    except (SafetensorError, OSError) as error:
        raise _unreadable(path, error) from error


def _unreadable(path: Path, error: Exception) -> CheckpointError:
    return CheckpointError(f"{path} cannot be read as safetensors ({error}); it may be cut off: get the file anew.")


def read_config(path: Path) -> RFRConfig:
    try:
        size = path.stat().st_size
        if size > _MAX_CONFIG:
            raise CheckpointError(f"{path} has {size} bytes; a configuration has fewer than {_MAX_CONFIG}.")
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise CheckpointError(f"{path} cannot be read ({error}); get the file anew.") from error
    return _parse_config(text, str(path))


def _parse_config(text: str, source: str) -> RFRConfig:
    try:
        return RFRConfig.from_dict(json.loads(text))
    except ConfigError as error:
        raise CheckpointError(f"The configuration in {source} does not fit: {error}") from error
    except (ValueError, RecursionError) as error:
        raise CheckpointError(f"The configuration in {source} is no valid JSON; get the file anew.") from error


def _agreed(path: Path, config: RFRConfig | None, metadata: Mapping[str, str]) -> RFRConfig:
    """The configuration of a weights' file, from beside it and from within it, which must be the same."""
    within = _parse_config(metadata[METADATA_KEY], str(path)) if METADATA_KEY in metadata else None
    if config is None:
        if within is None:
            raise CheckpointError(f"{path} holds no configuration; put {CONFIG_NAME} beside it and give the folder.")
        return within
    if within is not None and config != within:
        beside, saved = config.to_dict(), within.to_dict()
        name = next(name for name in beside if beside[name] != saved[name])
        raise CheckpointError(
            f"{path} was saved with {name} = {saved[name]}, but {CONFIG_NAME} beside it says {beside[name]}; "
            "save or download both anew."
        )
    return config


def _number_format(path: Path, network: RFRNet, header: _Header) -> str:
    """The format of the weights by torch's name; of several, joined by ``+``."""
    used: set[str] = set()
    for name, tensor in network.state_dict().items():
        kind = header.formats[name]
        if tensor.is_floating_point() != (kind in _FLOATS) or (kind not in _FLOATS and kind != "I64"):
            raise CheckpointError(f"{path} holds {name} as {kind}; expected one of {', '.join(_FLOATS)}.")
        if kind in _FLOATS:
            used.add(_FLOATS[kind])
    return "+".join(sorted(used))


def count_parameters(network: RFRNet) -> int:
    return sum(parameter.numel() for parameter in network.parameters())
