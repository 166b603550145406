"""Checkpoints from mutated files: safetensors, config.json and the authors' own, with programs hidden in them."""

from __future__ import annotations

import io
import json
import shutil
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from golden import empty_released_state

from rfr_core.checkpoints.loading import CONFIG_NAME, MODEL_NAME, load_network
from rfr_core.checkpoints.saving import convert_released, save_pretrained
from rfr_core.config import RFRConfig
from rfr_core.errors import CheckpointError
from rfr_core.inpainter import Inpainter
from rfr_core.network.rfr_net import RFRNet

from .attempts import refused
from .mutation import NUMBERS, VALUES, Random, mutated, mutated_json
from .payload import is_live, poisoned

_LARGEST = 2**24  # numbers of a tensor that is made here: those it claims to have may be more
MEMORY = 1 << 30  # bytes; the published network takes 125 MB, and its conversion a copy of it

TINY = RFRConfig(width=8, channels=(8, 8, 16), kernel_size=3, recurrences=2, norm="group")


def prepare(folder: Path, seed: int) -> Callable[[int], str]:
    """See `attempts.Attempts`: an input is a mutated checkpoint."""
    base = folder.with_name(f"{folder.name}-base")
    try:
        torch.manual_seed(0)
        saved = save_pretrained(RFRNet(TINY), base)
        weights, config = (saved / MODEL_NAME).read_bytes(), (saved / CONFIG_NAME).read_text()
    finally:
        shutil.rmtree(base, ignore_errors=True)
    released = [_released(zipped) for zipped in (True, False)]
    assert is_live(folder / "ran"), "the payload does nothing, so this run would show nothing"

    def attempt(index: int) -> str:
        random = np.random.default_rng((seed, index))
        if random.random() < 0.5:
            return _try_saved(folder, weights, config, random)
        return _try_released(folder, released[int(random.random() < 0.3)], random)

    return attempt


def _released(zipped: bool) -> bytes:
    file = io.BytesIO()
    content = {"n_iter": 3, "generator": empty_released_state("standard"), "optimizer_G": {}}
    torch.save(content, file, _use_new_zipfile_serialization=zipped)
    return file.getvalue()


# Our own files


def _try_saved(folder: Path, weights: bytes, config: str, random: Random) -> str:
    model = folder / "model"
    model.mkdir()
    choice = random.random()
    if choice < 0.4:
        config = mutated_json(config, random)
        weights = _without_metadata(weights) if random.random() < 0.5 else weights
    elif choice < 0.5:
        config = mutated(config.encode(), random).decode("utf-8", "surrogateescape")
    elif choice < 0.8:
        weights = _with_header(weights, random)
    elif choice < 0.9:
        weights = _with_values(weights, random)
    else:
        weights = mutated(weights, random)
    (model / CONFIG_NAME).write_text(config, "utf-8", "surrogateescape")
    (model / MODEL_NAME).write_bytes(weights)
    try:
        network = load_network(model if random.random() < 0.7 else model / MODEL_NAME)
        _use(network)
    except CheckpointError as error:
        return refused(error)
    return "loaded"


def _use(network: RFRNet) -> None:
    """A fill, which must be of finite numbers; raises CheckpointError where the weights allow none."""
    if network.config.width > 64:
        return  # right, but slow
    image, hole = torch.rand(3, 24, 24), torch.zeros(24, 24)
    hole[8:14, 8:14] = 1
    inpainter = Inpainter(network, device="cpu", dtype="float32")
    filled = inpainter(image, hole, recurrences=2)
    assert bool(torch.isfinite(filled).all()), "the fill holds values that are not finite"
    assert bool((filled[:, hole == 0] == image[:, hole == 0]).all()), "known pixels changed"


def _parts(weights: bytes) -> tuple[dict, bytes]:
    (length,) = struct.unpack_from("<Q", weights)
    return json.loads(weights[8 : 8 + length]), weights[8 + length :]


def _joined(header: str, body: bytes, length: int | None = None) -> bytes:
    data = header.encode("utf-8", "surrogatepass")
    return struct.pack("<Q", (len(data) if length is None else length) % 2**64) + data + body


def _without_metadata(weights: bytes) -> bytes:
    header, body = _parts(weights)
    return _joined(json.dumps({name: entry for name, entry in header.items() if name != "__metadata__"}), body)


def _with_header(weights: bytes, random: Random) -> bytes:
    header, body = _parts(weights)
    text = mutated_json(json.dumps(header), random)
    if random.random() < 0.2:
        text = mutated(text.encode(), random).decode("utf-8", "replace")
    lengths = (None, None, None, len(text) + 1, 2**63, 100 * 2**20, *NUMBERS)
    return _joined(text, body, lengths[int(random.integers(len(lengths)))])


def _with_values(weights: bytes, random: Random) -> bytes:
    """Weights that are huge, tiny, or no numbers."""
    header, body = _parts(weights)
    values = np.frombuffer(body[: len(body) // 4 * 4], "<f4").copy()
    count = int(random.choice([1, 10, len(values)]))
    places = random.integers(0, len(values), count)
    values[places] = np.float32(random.choice([np.nan, np.inf, -np.inf, 3e38, -3e38, 1e20, 1e-45, 0]))
    return _joined(json.dumps(header), values.tobytes() + body[len(body) // 4 * 4 :])


# The authors' files


def _try_released(folder: Path, data: bytes, random: Random) -> str:
    path, ran, out = folder / "released.pth", folder / "ran", folder / "out"
    choice = random.random()
    zipped = data.startswith(b"PK")
    if choice < 0.35 and zipped:
        data = _with_pickle(data, lambda pickled: poisoned(pickled, ran, random))
    elif choice < 0.6 and zipped:
        data = _with_pickle(data, lambda pickled: mutated(pickled, random))
    elif choice < 0.7:
        data = _tampered(random)
    elif choice < 0.8 and not zipped:
        data = poisoned(data[: data.index(b".") + 1], ran, random) + data
    else:
        data = mutated(data, random)
    path.write_bytes(data)
    try:
        convert_released(path, out)
    except CheckpointError as error:
        outcome = refused(error)
        assert not out.exists(), "a refused file left a folder"
    else:
        load_network(out)
        outcome = "converted"
    assert not ran.exists(), "a program in the file was run"
    return outcome


def _with_pickle(data: bytes, change: Callable[[bytes], bytes]) -> bytes:
    """The archive with its pickle changed; it is packed tightly now and then, as torch itself never does."""
    result = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as source, zipfile.ZipFile(result, "w") as target:
        for entry in source.infolist():
            content = source.read(entry)
            target.writestr(entry.filename, change(content) if entry.filename.endswith("data.pkl") else content)
    return result.getvalue()


def _tampered(random: Random) -> bytes:
    """What torch saves and loads, but no network: other names, kinds and layouts of tensors."""
    state: dict = dict(empty_released_state("standard"))
    names = list(state)
    for _ in range(int(random.integers(1, 4))):
        name = names[int(random.integers(len(names)))]
        kinds = (torch.bool, torch.uint8, torch.int64, torch.float16, torch.bfloat16, torch.float64, torch.complex64)
        kinds = (*kinds, torch.float8_e4m3fn, torch.float8_e5m2, torch.uint16)
        choice = int(random.integers(8))
        value = state.get(name)
        value = None if isinstance(value, torch.Tensor) and value.numel() > _LARGEST else value
        if choice == 0:
            state[name] = VALUES[int(random.integers(len(VALUES)))]
        elif choice == 1:
            state[int(random.integers(9))] = torch.zeros(1)
        elif choice == 2 and isinstance(value, torch.Tensor):
            state[name] = torch.zeros(value.shape).to_sparse()
        elif choice == 3 and isinstance(value, torch.Tensor):
            state[name] = torch.zeros((), dtype=kinds[int(random.integers(len(kinds)))]).expand(value.shape)
        elif choice == 4 and isinstance(value, torch.Tensor):
            state[name] = torch.nn.Parameter(torch.empty(value.shape, device="meta"))
        elif choice == 5:
            state[name] = torch.zeros(1).expand(2**20, 2**20)
        elif choice == 6 and isinstance(value, torch.Tensor):
            state[name] = torch.quantize_per_tensor(torch.zeros(value.shape), 0.1, 0, torch.qint8)
        else:
            state.pop(name, None)
    file = io.BytesIO()
    torch.save(state if random.random() < 0.5 else {"generator": state}, file)
    return file.getvalue()
