"""What networks have in common that complete edges and fill a picture along them."""

from __future__ import annotations

from abc import abstractmethod
from typing import NamedTuple

import torch
from torch import Tensor, nn

from rfr_core.baselines.canny_edges import canny_edges
from rfr_core.baselines.colours import matched
from rfr_core.config import RFRConfig


class StructuredFill(NamedTuple):
    """picture: (N, 3, H, W), not composited. edges: logits of edges at growing sizes, (N, 1, h, w) each."""

    picture: Tensor
    edges: tuple[Tensor, ...]


class StructuredNetwork(nn.Module):
    """A network that finds the known part's edges itself where it is given none.

    Of its configuration ``colour_match`` is used here: of the picture, not of the edges.
    """

    config: RFRConfig

    def forward(
        self, image: Tensor, known: Tensor, recurrences: int | str | None = None, edges: Tensor | None = None
    ) -> Tensor | StructuredFill:
        """Fills pictures (N, 3, H, W) where ``known`` (N, 1, H, W) is 0.

        Args:
            recurrences: of a plug-in module inside, as for :class:`~rfr_core.network.rfr_net.RFRNet`; others have none.
            edges: (N, 1, H, W) in {0, 1}, looked at where known; left out, they are found in the known part.

        Returns:
            (N, 3, H, W), before compositing and not clamped; in training mode the edges as well.
        """
        known = known.to(image.dtype)
        image = torch.where(known > 0, image, 0)
        edges = canny_edges(image, known) if edges is None else edges
        filled = self.complete(image, known, edges.to(image.dtype) * known, recurrences)
        filled = filled._replace(picture=matched(self.config, filled.picture, image, known))
        return filled if self.training else filled.picture

    @abstractmethod
    def complete(
        self, image: Tensor, known: Tensor, edges: Tensor, recurrences: int | str | None = None
    ) -> StructuredFill:
        """As :meth:`forward`, with the edges in either mode; picture and edges are 0 where not known."""
