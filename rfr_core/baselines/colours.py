"""Colours of a baseline's fill, matched to the known ones as RFR-Net's are."""

from __future__ import annotations

from torch import Tensor

from rfr_core.config import RFRConfig
from rfr_core.ops.colour_match import match_colours


def matched(config: RFRConfig, output: Tensor, image: Tensor, known: Tensor) -> Tensor:
    """The output (N, 3, H, W) through :func:`match_colours` where ``config.colour_match`` is on, else as it is."""
    return match_colours(output, image, known) if config.colour_match else output
