"""The trained systems of the paper's tables and ablations, by name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from rfr_core.config import RFRConfig
from rfr_core.training.run.architectures import EDGES, Architecture, task_of


@dataclass(frozen=True)
class System:
    """A network to train.

    title: its column in tables and figures. differs: what is not as in the released configuration; systems that differ
    in nothing but their title share their training.
    """

    title: str
    architecture: Architecture = "rfr"
    differs: Mapping[str, Any] = field(default_factory=dict)

    @property
    def completes_edges(self) -> bool:
        """Whether it completes edges and fills no picture."""
        return task_of(self.architecture) is EDGES

    def config(self, **base: Any) -> RFRConfig:
        """The configuration, on top of a budget's ``base``."""
        return RFRConfig.from_dict(base | dict(self.differs))


_BARE = {"attention": None}

SYSTEMS: dict[str, System] = {
    "rfr": System("RFR-Net"),
    "bare": System("bare RFR-Net", differs=_BARE),
    "pconv": System("PConv", "pconv-unet"),
    "gated-conv": System("GatedConv", "gated-conv"),
    "edge-connect": System("EdgeConnect", "edge-connect"),
    "edge-connect-rfr": System("EdgeConnect with the module", "edge-connect-rfr", {"kernel_size": 5}),
    "prvs": System("PRVS", "prvs"),
    "pluralistic": System("PIC", "pluralistic"),
    "coarse-to-fine": System("Coarse-To-Fine", "coarse-to-fine"),
    "iternum-7": System("IterNum 7", differs={"recurrences": 7}),
    "iternum-8": System("IterNum 8", differs={"recurrences": 8}),
    "downsamp-0": System("DownSamp 0", differs=_BARE | {"downsamples": 0}),
    "downsamp-2": System("DownSamp 2", differs=_BARE | {"downsamples": 2}),
    "downsamp-3": System("DownSamp 3", differs=_BARE | {"downsamples": 3}),
    "contextual": System("Existing Attention", differs={"attention": "contextual"}),
    "lambda-half": System("KCA, λ fixed to 0.5", differs={"attention_lambda": 0.5}),
    "merge-last": System("No Merging", differs={"merge": "last"}),
    "merge-mean": System("Average Merging", differs={"merge": "mean"}),
    "gated": System("Gated Convolution", differs={"area": "gated"}),
    "learnable": System("Learnable Attention Maps", differs={"area": "learnable"}),
    "edges-residual": System("EdgeConnect", "edges-residual"),
    "edges-rfr": System("RFR edges", "edges-rfr", {"kernel_size": 5}),
}
