"""The networks that the paper compares RFR-Net with."""

from rfr_core.baselines.coarse_to_fine import CoarseToFine
from rfr_core.baselines.edge_generator import EdgeGenerator
from rfr_core.baselines.pconv_unet import PConvUNet

__all__ = ["CoarseToFine", "EdgeGenerator", "PConvUNet"]
