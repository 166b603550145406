"""Loss terms, and the networks that they are computed with."""

from rfr_core.training.losses.adversary import Adversary
from rfr_core.training.losses.inpainting import Judges, LossWeights, inpainting_loss
from rfr_core.training.losses.lpips import ShiftTolerantLPIPS
from rfr_core.training.losses.vgg import VGG16Features

__all__ = [
    "Adversary",
    "Judges",
    "LossWeights",
    "ShiftTolerantLPIPS",
    "VGG16Features",
    "inpainting_loss",
]
