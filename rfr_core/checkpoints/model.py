"""A model: RFR-Net together with what finishes its fills, as one checkpoint holds them."""

from __future__ import annotations

from rfr_core.config import RFRConfig
from rfr_core.network.rfr_net import RFRNet
from rfr_core.texture.refinement import Refinement


class RFRModel(RFRNet):
    """RFR-Net and, where its configuration has one, the refinement of a fill with detail.

    Called, it is the bare network. Whether fills get detail at all is `RFRConfig.detail`.

    Attributes:
        refinement: None where ``config.refinement`` is 0; its tensors are named ``refinement.*`` in a checkpoint.
    """

    def __init__(self, config: RFRConfig | None = None) -> None:
        super().__init__(config)
        self.refinement = Refinement(self.config.refinement) if self.config.refinement else None
