"""An experiment's figure: rows of pictures, the damaged one first, then every system's, then the true one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor, nn

from rfr_core.training.evaluation.protocol import Case
from rfr_core.training.evaluation.sheet import marked, picture_sheet
from rfr_core.training.run.edges import complete_edges
from rfr_core.training.run.trainer import fill

ROWS = 4
_SIDE = 192  # small pictures are enlarged to it


def figure(networks: Mapping[str, nn.Module], cases: Sequence[Case], edges: bool) -> Image.Image:
    """A sheet of some of the cases, spread evenly, under lettered titles as in the paper.

    networks: by title. edges: whether they complete edges.
    """
    chosen = [cases[k * len(cases) // ROWS] for k in range(ROWS)]
    titles = ["Input", *networks, "Ground Truth"]
    lettered = [f"({chr(ord('a') + index)}) {title}" for index, title in enumerate(titles)]
    row = _edge_row if edges else _picture_row
    rows = [(case.picture, [_enlarged(picture) for picture in row(networks, case)]) for case in chosen]
    return picture_sheet(lettered, rows)


def _picture_row(networks: Mapping[str, nn.Module], case: Case) -> list[Tensor]:
    fills = [case.composite(fill(network, case.image, case.hole)) for network in networks.values()]
    return [marked(case.truth, case.hole), *fills, case.truth]


def _edge_row(networks: Mapping[str, nn.Module], case: Case) -> list[Tensor]:
    completed = [complete_edges(network, case) for network in networks.values()]
    shown = [*(edges for edges, _ in completed), completed[0][1]]
    return [marked(case.truth, case.hole), *(1 - edges.expand(-1, 3, -1, -1) for edges in shown)]


def _enlarged(picture: Tensor) -> Tensor:
    factor = max(1, _SIDE // picture.shape[-1])
    return F.interpolate(picture, scale_factor=factor) if factor > 1 else torch.as_tensor(picture)
