"""Schemas whose fields only newer hosts know: what the running one does not know is left out."""

# The host's own modules are there only inside it.
# pyright: reportMissingImports=false
from __future__ import annotations

import dataclasses
import inspect
from typing import Any

from comfy_api.latest import io

_SCHEMA_FIELDS = {field.name for field in dataclasses.fields(io.Schema)}
_INPUT_FIELDS = set(inspect.signature(io.Int.Input.__init__).parameters)

# For an input that most users leave as it is: newer hosts fold it away.
ADVANCED: dict[str, Any] = {"advanced": True} if "advanced" in _INPUT_FIELDS else {}


def schema(*, search_aliases: list[str], **fields: Any) -> io.Schema:
    """A node's schema; `search_aliases`, other words to find it by, where the host knows such."""
    newer = {"search_aliases": search_aliases}
    return io.Schema(**fields, **{name: value for name, value in newer.items() if name in _SCHEMA_FIELDS})


def shows_result() -> dict[str, Any]:
    """Fields of a schema whose node shows something on itself, also when the host has the result already.

    An output node would be run by every graph that it lies in, and fail it where it is not connected.
    """
    name = "has_intermediate_output"
    return {name: True} if name in _SCHEMA_FIELDS else {"is_output_node": True}
