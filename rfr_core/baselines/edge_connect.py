"""EdgeConnect (Nazeri et al. 2019, "Generative image inpainting with adversarial edge learning"), as a whole."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from rfr_core.baselines.edge_generator import EdgeGenerator
from rfr_core.baselines.residual_generator import ResidualGenerator
from rfr_core.baselines.structured_network import StructuredFill, StructuredNetwork
from rfr_core.config import RFRConfig
from rfr_core.images.values import luminance


class EdgeConnect(StructuredNetwork):
    """Two generators in a row: the first completes the edges, the second fills the picture along them.

    Of the configuration it takes what :class:`EdgeGenerator` takes; with ``reasoning`` the first has the plug-in module
    inside, as in the paper's Fig. 10. The second is shown the mask as a channel of its own, where the authors paint the
    hole white. Both learn at once, as in the authors' last phase, each from its own loss.
    """

    def __init__(self, config: RFRConfig, reasoning: bool = False) -> None:
        super().__init__()
        self.config = config
        self.structure = EdgeGenerator(config, reasoning)
        self.completion = _Completion(replace(config, channels=None))

    def complete(
        self, image: Tensor, known: Tensor, edges: Tensor, recurrences: int | str | None = None
    ) -> StructuredFill:
        """See :class:`StructuredNetwork`."""
        gray = luminance(image).to(image.dtype)
        logits = self.structure(torch.cat([gray, edges], 1), known, recurrences)
        completed = torch.where(known > 0, edges, logits.detach().sigmoid())
        return StructuredFill(self.completion(image, completed, known), (logits,))


class _Completion(ResidualGenerator):
    """Picture, edges and mask -> picture."""

    def __init__(self, config: RFRConfig) -> None:
        super().__init__(config, 5, 3, reasoning=False)

    def forward(self, image: Tensor, edges: Tensor, known: Tensor) -> Tensor:
        return self.generate(torch.cat([image, edges, known], 1), known)
