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
_log = logging.getLogger("rfr_nodes.demo")


class RequestError(RFRError):
    """A visitor asks for what the demo does not do; its text is the sentence to show."""


def without_path(error: RFRError, path: Path, name: str) -> RequestError:
    """The same sentence about ``name`` instead of ``path``."""
    return RequestError(str(error).replace(str(path), name))


def in_sentences(function: Callable[..., Any]) -> Callable[..., Any]:
    """Wraps an event's function or generator so that whatever fails reaches the page as one sentence."""
    if inspect.isgeneratorfunction(function):

        @functools.wraps(function)
        def generator(*args: Any, **kwargs: Any) -> Any:
            try:
                yield from function(*args, **kwargs)
            except Exception as error:
                _tell(error)

        return generator

    @functools.wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        try:
            return function(*args, **kwargs)
        except Exception as error:
            _tell(error)

    return call


def _tell(error: Exception) -> NoReturn:
    import gradio as gr  # here, so that a wrong model is told at the start before Gradio is loaded

    if isinstance(error, gr.Error):
        raise error
    if isinstance(error, RFRError):
        raise gr.Error(
            html.escape(str(error), quote=False), title="That did not work", print_exception=False
        ) from error
    _log.error("an event failed", exc_info=error)
    raise gr.Error(_UNEXPECTED, title="That did not work", print_exception=False) from error
