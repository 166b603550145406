"""What the attention of one recurrence fetched from where, kept small enough to hold for every recurrence."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from rfr_core.fill.canvas import Box

SOURCES = 64  # strongest sources kept of each position


@dataclass(frozen=True)
class AttentionMap:
    """Where the positions in one region's hole were fetched from.

    Positions are cells, squares of ``cell`` pixels, numbered row by row from the top left of ``box``.

    item: the picture in the batch. box: the region in that picture. columns: cells in a row. targets: (T,) int64,
    ascending, the cells that hold hole pixels. sources: (T, S) int32, the cells each of them took most from, the
    strongest first. weights: (T, S) float16 >= 0, how much; at most 1 in sum, less where weak sources were dropped.
    """

    item: int
    box: Box
    cell: float
    columns: int
    targets: Tensor
    sources: Tensor
    weights: Tensor

    @classmethod
    def strongest(cls, item: int, box: Box, cell: float, scores: Tensor, columns: int, own: Tensor) -> AttentionMap:
        """Keeps what matters of full scores.

        scores: (rows * columns, rows * columns), each row's shares of all cells, which may reach beyond the box.
        own: (1, 1, h, w) of 0 and 1, the region's hole pixels within the box.
        """
        rows = len(scores) // columns
        inside = _cells_with(own, cell, rows, columns)  # (rows * columns)
        within = _cells_with(torch.ones_like(own), cell, rows, columns)
        targets = inside.nonzero()[:, 0]
        shares = scores[targets.to(scores.device)].float() * within.to(scores.device)
        shares = shares / shares.sum(1, keepdim=True).clamp(min=1e-12)
        weights, sources = shares.topk(min(SOURCES, int(within.sum())))
        return cls(item, box, cell, columns, targets, sources.to("cpu", torch.int32), weights.to("cpu", torch.float16))

    def rows_of(self, x: Tensor, y: Tensor) -> Tensor:
        """The rows of ``sources`` and ``weights`` for pixels (x, y) of the picture, -1 for those not in the hole.

        x, y: (P,) int64. Returns (P,) int64.
        """
        box = self.box
        inside = (x >= box.left) & (x < box.right) & (y >= box.top) & (y < box.bottom)
        row, column = (((place + 0.5) / self.cell).long() for place in (y - box.top, x - box.left))
        target = row * self.columns + column
        found = torch.searchsorted(self.targets, target).clamp(max=max(0, len(self.targets) - 1))
        if not len(self.targets):
            return torch.full_like(x, -1)
        return torch.where(inside & (self.targets[found] == target), found, -1)

    def spread(self, rows: Tensor, height: int, width: int) -> Tensor:
        """The mean of some rows over the picture: (height, width) float32 >= 0, the same within each cell.

        Every pixel of a cell carries an even part of the cell's share, so that it sums to what was kept.
        """
        box = self.box
        cells = torch.zeros(self.columns * self._rows)
        cells.index_add_(0, self.sources[rows].flatten().long(), self.weights[rows].flatten().float())
        y = ((torch.arange(box.height) + 0.5) / self.cell).long()
        x = ((torch.arange(box.width) + 0.5) / self.cell).long()
        cell_of = y[:, None] * self.columns + x  # (h, w)
        area = torch.bincount(cell_of.flatten(), minlength=len(cells)).clamp(min=1)
        picture = torch.zeros(height, width)
        picture[box.slices] = (cells / area / max(1, len(rows)))[cell_of]
        return picture

    @property
    def _rows(self) -> int:
        return int(-(-self.box.height // self.cell))


def _cells_with(pixels: Tensor, cell: float, rows: int, columns: int) -> Tensor:
    """Which cells hold a pixel of (1, 1, h, w): (rows * columns,) bool."""
    height, width = pixels.shape[-2:]
    y = ((torch.arange(height) + 0.5) / cell).long().clamp(max=rows - 1)
    x = ((torch.arange(width) + 0.5) / cell).long().clamp(max=columns - 1)
    marked = torch.zeros(rows * columns, dtype=torch.bool)
    marked[(y[:, None] * columns + x)[pixels[0, 0].cpu() > 0]] = True
    return marked
