"""Changes to the bytes of a real file, all drawn from one random generator."""

from __future__ import annotations

import json
import struct
import zlib
from collections.abc import Callable, Sequence
from copy import deepcopy
from typing import Any

import numpy as np

Random = np.random.Generator
Mutation = Callable[[bytearray, Random], bytearray]

NUMBERS = (0, 1, 2, 7, 127, 128, 255, 256, 32767, 32768, 65535, 65536, 2**24, 2**31 - 1, 2**31, 2**32 - 1)
VALUES: tuple[Any, ...] = (
    *(None, True, False, 0, 1, -1, 7, 10**6, 10**9, 2**63, 10**400, 0.5, -0.0, 1e308, float("nan"), float("inf")),
    *("", "x", "8", "\0", "\ud800", "é" * 40, "../..", [], [8], [8, 8, 16], [[[]]], {}, {"a": 1}),
)

PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"


def mutated(data: bytes, random: Random, mutations: Sequence[Mutation] = ()) -> bytes:
    """One to six changes, of these kinds or of any."""
    result = bytearray(data)
    for _ in range(int(random.integers(1, 7))):
        kinds = mutations or ANY
        result = kinds[int(random.integers(len(kinds)))](result, random)
    return bytes(result)


def _place(data: bytearray, random: Random) -> int:
    """Anywhere, but as often as not in the first 512 bytes, where headers are."""
    near = min(len(data), 512) if random.random() < 0.5 else len(data)
    return int(random.integers(max(1, near)))


def flip_bit(data: bytearray, random: Random) -> bytearray:
    if data:
        data[_place(data, random)] ^= 1 << int(random.integers(8))
    return data


def set_byte(data: bytearray, random: Random) -> bytearray:
    if data:
        data[_place(data, random)] = int(random.integers(256))
    return data


def set_number(data: bytearray, random: Random) -> bytearray:
    """A telling number of two or four bytes, in either order of them."""
    form = ("<H", ">H", "<I", ">I")[int(random.integers(4))]
    size = struct.calcsize(form)
    if len(data) >= size:
        place = min(_place(data, random), len(data) - size)
        number = NUMBERS[int(random.integers(len(NUMBERS)))]
        struct.pack_into(form, data, place, number % 2 ** (8 * size))
    return data


def cut(data: bytearray, random: Random) -> bytearray:
    return data[: int(random.integers(len(data) + 1))]


def remove(data: bytearray, random: Random) -> bytearray:
    place = _place(data, random)
    del data[place : place + int(random.integers(1, 64))]
    return data


def repeat(data: bytearray, random: Random) -> bytearray:
    place, length = _place(data, random), int(random.integers(1, 256))
    data[place:place] = data[place : place + length] * int(random.integers(1, 5))
    return data


def insert(data: bytearray, random: Random) -> bytearray:
    place = _place(data, random)
    data[place:place] = random.bytes(int(random.integers(1, 32)))
    return data


def overwrite(data: bytearray, random: Random) -> bytearray:
    """A run of one value, or of noise."""
    place, length = _place(data, random), int(random.integers(1, 64))
    noise = random.bytes(length) if random.random() < 0.5 else bytes([int(random.integers(256))]) * length
    data[place : place + length] = noise
    return data


ANY: tuple[Mutation, ...] = (flip_bit, set_byte, set_number, cut, remove, repeat, insert, overwrite)


def chunk(kind: bytes, data: bytes) -> bytes:
    """A PNG chunk with its checksum."""
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def chunks(data: bytes) -> list[tuple[bytes, bytes]]:
    """The chunks of a PNG file."""
    found, place = [], len(PNG_SIGNATURE)
    while place + 8 <= len(data):
        (length,) = struct.unpack_from(">I", data, place)
        found.append((data[place + 4 : place + 8], data[place + 8 : place + 8 + length]))
        place += length + 12
    return found


def mutated_png(data: bytes, random: Random) -> bytes:
    """Changes behind the checksums of a PNG file: within its chunks, to their kinds, number and order."""
    parts = chunks(data)
    for _ in range(int(random.integers(1, 4))):
        index = int(random.integers(len(parts)))
        kind, content = parts[index]
        choice = int(random.integers(6))
        if choice < 3:
            parts[index] = kind, mutated(content, random)
        elif choice == 3:
            parts[index] = parts[int(random.integers(len(parts)))][0], content
        elif choice == 4:
            parts.insert(int(random.integers(len(parts))), (kind, content))
        elif len(parts) > 1:
            del parts[index]
    return PNG_SIGNATURE + b"".join(chunk(kind, content) for kind, content in parts)


def mutated_json(text: str, random: Random) -> str:
    """Another value in place of one, another name, one more or one fewer."""
    table = json.loads(text)
    for _ in range(int(random.integers(1, 4))):
        holder: Any = table
        while holder:
            keys = list(holder) if isinstance(holder, dict) else list(range(len(holder)))
            key = keys[int(random.integers(len(keys)))]
            inner = holder[key]
            if not isinstance(inner, (dict, list)) or not inner or random.random() < 0.4:
                _change(holder, key, random)
                break
            holder = inner
    return json.dumps(table)


def _change(holder: Any, key: Any, random: Random) -> None:
    value = deepcopy(VALUES[int(random.integers(len(VALUES)))])  # it may be changed in its turn
    choice = int(random.integers(8))
    if choice == 0:
        del holder[key]
    elif choice == 1 and isinstance(holder, dict):
        holder[str(value)] = holder.pop(key)
    elif choice == 2 and isinstance(holder[key], int) and not isinstance(holder[key], bool):
        holder[key] += int(random.integers(-9, 10))
    else:
        holder[key] = value
