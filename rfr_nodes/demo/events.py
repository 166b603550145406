"""How many values each of the page's events takes, so that Gradio is never called with others."""

from __future__ import annotations

from typing import Any

_BY_NAME = ("call/", "run/", "api/")


class Events:
    """The events of a page. page: the Blocks that Gradio serves."""

    def __init__(self, page: Any) -> None:
        self._counts: dict[Any, int] = {index: len(event.inputs) for index, event in page.fns.items()}
        named = {event.api_name: index for index, event in page.fns.items() if isinstance(event.api_name, str)}
        self._by_name: dict[str, Any] = named

    def complete(self, route: str, body: Any) -> bool:
        """Whether a request's JSON body has the values that its event takes.

        route: what follows the API's prefix. Values that a call by name leaves out at the end are added as None.
        """
        name = next((route[len(prefix) :].strip("/") for prefix in _BY_NAME if route.startswith(prefix)), "")
        if not isinstance(body, dict) or name.startswith("v2/") or not route.startswith((*_BY_NAME, "queue/join")):
            return isinstance(body, dict)
        index = body.get("fn_index")
        wanted = self._counts.get(self._by_name.get(name, index) if isinstance(index, int | None) else None)
        values = body.get("data")
        if wanted is None or not isinstance(values, list):
            return False
        if name in self._by_name and index is None:
            values.extend([None] * (wanted - len(values)))
        return len(values) == wanted
