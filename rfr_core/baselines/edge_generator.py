"""The structure generator of EdgeConnect (Nazeri et al. 2019), as published or with the plug-in module inside."""

from __future__ import annotations

import torch
from torch import Tensor

from rfr_core.baselines.residual_generator import ResidualGenerator
from rfr_core.config import RFRConfig


class EdgeGenerator(ResidualGenerator):
    """Completes the edge map of a damaged picture (paper Sec. B.3)."""

    def __init__(self, config: RFRConfig, reasoning: bool = True) -> None:
        super().__init__(config, 3, 1, reasoning=reasoning)

    def forward(self, image: Tensor, known: Tensor, recurrences: int | str | None = None) -> Tensor:
        """Completes edges.

        Args:
            image: (N, 2, H, W), gray in [0, 1] and edges in {0, 1}; what lies under the hole is not looked at.
            known: (N, 1, H, W) in {0, 1}, 1 = known.
            recurrences: as for :class:`~rfr_core.network.rfr_net.RFRNet`; the residual blocks have none.

        Returns:
            (N, 1, H, W), the logit of an edge at each pixel.
        """
        known = known.to(image.dtype)
        return self.generate(torch.cat([torch.where(known > 0, image, 0), known], 1), known, recurrences)
