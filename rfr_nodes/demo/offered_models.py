"""The networks that the page offers: those named at the start, and Hub repositories where that is allowed."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Lock

from rfr_core import Inpainter
from rfr_core.checkpoints.loading import BUNDLED, REPO_ID
from rfr_nodes.demo.computing_thread import ComputeThread
from rfr_nodes.demo.sentences import RequestError

_KEPT = 2  # networks in memory


class Models:
    """Networks by the name that the page shows; at most two stay loaded.

    sources: what `Inpainter.from_pretrained` takes, the first being the default. from_hub: whether visitors
    may name repositories of the Hub. device: as for `Inpainter`. thread: where they are to be run.
    """

    def __init__(self, sources: Sequence[str], *, device: str = "auto", from_hub: bool = False) -> None:
        self._sources = {_title(source): source for source in sources}
        self._device = device
        self.from_hub = from_hub
        self.thread = ComputeThread()
        self._loaded: OrderedDict[str, Inpainter] = OrderedDict()
        self._lock = Lock()
        # A Hub that does not answer keeps one of these threads for half a minute, and nobody who asks for less.
        self._loading = ThreadPoolExecutor(2, thread_name_prefix="rfr-load")

    @property
    def names(self) -> list[str]:
        """The names to choose from, the default first."""
        return list(self._sources)

    def get(self, name: str | None = None) -> Inpainter:
        """The network of that name, the default one for None or an empty name.

        Raises RequestError for a name that is not offered, and what `Inpainter.from_pretrained` raises.
        """
        source = self._source(name or self.names[0])
        with self._lock:
            found = self._loaded.get(source)
        found = found or Inpainter.from_pretrained(source, device=self._device)
        with self._lock:
            self._loaded[source] = found
            self._loaded.move_to_end(source)
            while len(self._loaded) > _KEPT:
                self._loaded.popitem(last=False)
        return found

    async def load(self, name: str | None) -> Inpainter:
        """The same without blocking: networks at hand come at once, however long others take to load."""
        source = self._source(name or self.names[0])
        with self._lock:
            found = self._loaded.get(source)
        return found or await asyncio.wrap_future(self._loading.submit(self.get, name))

    def _source(self, name: str) -> str:
        if name in self._sources:
            return self._sources[name]
        if not self.from_hub:
            raise RequestError(f"There is no model of that name here: choose one of {', '.join(self.names)}.")
        # What exists on disk would win over the Hub, and visitors may not name files.
        if not REPO_ID.fullmatch(name) or ".." in name or Path(name).exists():
            raise RequestError("That is no Hub repository: give it as owner/name, such as someone/rfr-paris.")
        return name


def _title(source: str) -> str:
    if source == BUNDLED:
        return f"{BUNDLED} (bundled)"
    return Path(source).stem if Path(source).exists() else source
