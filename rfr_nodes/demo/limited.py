"""The page's quick functions: a few of one visitor at once, in threads, whoever else waits for a fill."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable
from typing import Any, get_type_hints

import gradio as gr

from rfr_nodes.demo.sentences import in_sentences
from rfr_nodes.demo.slots import Slots
from rfr_nodes.demo.visitors import visitor_of


def limited(slots: Slots, function: Callable[..., Any]) -> Callable[..., Any]:
    """An event's function as an asynchronous one that first takes one of its visitor's slots.

    To Gradio, which reads signatures, it takes what the function takes, and the request in any case.
    """
    signature = inspect.signature(function)
    wants_request = "request" in signature.parameters

    async def call(*values: Any) -> Any:
        async with slots.held(visitor_of(values[-1])):
            return await asyncio.to_thread(function, *(values if wants_request else values[:-1]))

    request = inspect.Parameter("request", inspect.Parameter.POSITIONAL_OR_KEYWORD, annotation=gr.Request)
    parameters = [parameter for name, parameter in signature.parameters.items() if name != "request"]
    call.__signature__ = signature.replace(parameters=[*parameters, request])  # type: ignore[attr-defined]
    call.__annotations__ = get_type_hints(function) | {"request": gr.Request}
    return in_sentences(call)
