"""Errors as sentences: what the library says, without the paths of this machine."""

from __future__ import annotations

import functools
import html
import inspect
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

from rfr_core.errors import RFRError

_UNEXPECTED = "Something went wrong on our side. Try again, or with another picture."
_TITLE = "That did not work"
_log = logging.getLogger("rfr_nodes.demo")


class RequestError(RFRError):
    """A visitor asks for what the demo does not do; its text is the sentence to show."""


def without_path(error: RFRError, path: Path, name: str) -> RequestError:
    """The same sentence about ``name`` instead of ``path``."""
    return RequestError(str(error).replace(str(path), name))


def in_sentences(function: Callable[..., Any], *, as_html: bool = True) -> Callable[..., Any]:
    """Wraps an event's function so that whatever fails reaches the visitor as one sentence.

    function: a function, an asynchronous one, or an asynchronous generator. as_html: for the page, which shows
    sentences as HTML; programs get them as they are.
    """
    if inspect.isasyncgenfunction(function):

        @functools.wraps(function)
        async def generator(*args: Any, **kwargs: Any) -> Any:
            steps = function(*args, **kwargs)
            try:
                async for step in steps:
                    yield step
            except Exception as error:
                _tell(error, as_html)
            finally:
                await steps.aclose()

        return generator

    if inspect.iscoroutinefunction(function):

        @functools.wraps(function)
        async def waiting(*args: Any, **kwargs: Any) -> Any:
            try:
                return await function(*args, **kwargs)
            except Exception as error:
                _tell(error, as_html)

        return waiting

    @functools.wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        try:
            return function(*args, **kwargs)
        except Exception as error:
            _tell(error, as_html)

    return call


def _tell(error: Exception, as_html: bool) -> NoReturn:
    import gradio as gr  # here, so that a wrong model is told at the start before Gradio is loaded

    if isinstance(error, gr.Error):
        raise error
    if not isinstance(error, RFRError):
        _log.error("an event failed", exc_info=error)
    text = str(error) if isinstance(error, RFRError) else _UNEXPECTED
    text = html.escape(text, quote=False) if as_html else text
    raise gr.Error(text, title=_TITLE, print_exception=False) from error
