"""The networks that the paper compares RFR-Net with."""

from rfr_core.baselines.coarse_to_fine import CoarseToFine
from rfr_core.baselines.edge_connect import EdgeConnect
from rfr_core.baselines.edge_generator import EdgeGenerator
from rfr_core.baselines.gated_conv_net import GatedConvNet
from rfr_core.baselines.pconv_unet import PConvUNet
from rfr_core.baselines.pluralistic_net import PluralisticNet
from rfr_core.baselines.prvs_net import PRVSNet

__all__ = [
    "CoarseToFine",
    "EdgeConnect",
    "EdgeGenerator",
    "GatedConvNet",
    "PConvUNet",
    "PRVSNet",
    "PluralisticNet",
]
