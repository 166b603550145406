"""Joint training: a refinement learns from fills that the network makes in the loop, and the network from it, too."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from rfr_core.checkpoints.model import RFRModel
from rfr_core.config import RFRConfig
from rfr_core.errors import ConfigError
from rfr_core.texture.refinement import BLURRY, Refinement


class JointModel(nn.Module):
    """A whole model as the trainer calls it; input stacks give the patches alone, the blurry fill is the network's own.

    So stacks stay right when the network has changed since they were made.
    """

    def __init__(self, config: RFRConfig) -> None:
        super().__init__()
        if not config.refinement:
            raise ConfigError(
                "The recipe trains network and refinement, but network.refinement is 0; set it to 64, say."
            )
        self.config = config
        self.model = RFRModel(config)

    def freeze_network(self) -> None:
        """From here on the refinement alone learns."""
        self.model.requires_grad_(False)
        self.refinement.requires_grad_(True)

    @property
    def refinement(self) -> Refinement:
        """The model's."""
        assert self.model.refinement is not None
        return self.model.refinement

    def forward(
        self, truth: Tensor, stack: Tensor, known: Tensor, texture: Tensor, recurrences: int | None = None
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Fills and refines a batch of input stacks.

        truth: (N, 3, S, S) in [0, 1], looked at where known. stack: (N, 10, S, S), as :class:`Refinement` takes it.
        known: (N, 1, S, S) in {0, 1}. texture: (N, 1). recurrences: the network's; None = the configured number.

        Returns the L2 and the perceptual output and the network's own, each (N, 3, S, S), not composited.
        """
        fill = self.model(truth * known, known, recurrences).float()
        blurry = torch.where(known > 0, truth, fill.clamp(0, 1))
        stack = torch.cat([blurry, stack[:, BLURRY.stop :]], 1)
        least_error, perceptual = (self.refinement(stack, known, texture=share) for share in (0.0, texture.flatten()))
        return least_error, perceptual, fill
