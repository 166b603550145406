"""GatedConv (Yu et al. 2019, "Free-form image inpainting with gated convolution"): a rival of the paper's Table 1."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from rfr_core.baselines.colours import matched
from rfr_core.config import RFRConfig
from rfr_core.network.attention import ContextualAttention
from rfr_core.ops.initialization import initialize
from rfr_core.ops.padding import pad_to

_MULTIPLE = 8  # of a side: two halvings, and one more for the attention
_DILATIONS = (2, 4, 8, 16)


class GatedConvNet(nn.Module):
    """Two networks of gated convolutions in a row; the second has a branch with contextual attention.

    Of the configuration it takes ``width``, the channels of the first layer, half of which are gates (48 as published:
    3.9 million parameters, 4.1 in its paper), and ``colour_match``. There is no normalisation, as published. Its
    discriminator, an SN-PatchGAN, is the trainer's ``adversarial`` term, which is not shown the mask.
    """

    def __init__(self, config: RFRConfig) -> None:
        super().__init__()
        self.config = config
        width = config.width // 2
        self.coarse = nn.Sequential(_encoder(width), *_dilated(4 * width), _decoder(4 * width, width))
        self.encoder = _encoder(width)
        self.dilated = nn.Sequential(*_dilated(4 * width))
        self.attended_encoder = _encoder(width)
        self.attention = ContextualAttention(4 * width)
        self.decoder = _decoder(8 * width, width)
        self.apply(initialize)

    def forward(
        self, image: Tensor, known: Tensor, recurrences: int | str | None = None
    ) -> Tensor | tuple[Tensor, Tensor]:
        """Fills pictures (N, 3, H, W) where ``known`` (N, 1, H, W) is 0; there are no ``recurrences`` to choose.

        Returns (N, 3, H, W), before compositing and not clamped; in training mode the coarse and the refined picture,
        both of which the loss judges.
        """
        height, width = image.shape[-2:]
        known = pad_to(known.to(image.dtype), _MULTIPLE)
        image = torch.where(known > 0, pad_to(image, _MULTIPLE), 0)
        coarse = matched(self.config, self.coarse(torch.cat([image, 1 - known], 1)), image, known)
        refined = self._refine(torch.cat([torch.where(known > 0, image, coarse), 1 - known], 1), known)
        refined = matched(self.config, refined, image, known)
        coarse, refined = coarse[..., :height, :width], refined[..., :height, :width]
        return (coarse, refined) if self.training else refined

    def _refine(self, x: Tensor, known: Tensor) -> Tensor:
        by_convolution = self.dilated(self.encoder(x))
        by_attention, _ = self.attention(self.attended_encoder(x), known, None)
        return self.decoder(torch.cat([by_convolution, by_attention], 1))


class _GatedConv(nn.Module):
    """A convolution to twice the channels: half of them, through ELU, times the sigmoid of the others."""

    def __init__(self, n_in: int, n_out: int, kernel_size: int = 3, *, stride: int = 1, dilation: int = 1) -> None:
        super().__init__()
        padding = dilation * (kernel_size // 2)
        self.conv = nn.Conv2d(n_in, 2 * n_out, kernel_size, stride, padding, dilation=dilation)

    def forward(self, x: Tensor) -> Tensor:
        features, gate = self.conv(x).chunk(2, 1)
        return F.elu(features) * gate.sigmoid()


def _encoder(width: int) -> nn.Sequential:
    """Picture and hole (N, 4, H, W) -> (N, 4 * width, H/4, W/4)."""
    return nn.Sequential(
        _GatedConv(4, width, 5),
        _GatedConv(width, 2 * width, stride=2),
        _GatedConv(2 * width, 2 * width),
        _GatedConv(2 * width, 4 * width, stride=2),
        _GatedConv(4 * width, 4 * width),
        _GatedConv(4 * width, 4 * width),
    )


def _dilated(channels: int) -> list[nn.Module]:
    return [_GatedConv(channels, channels, dilation=dilation) for dilation in _DILATIONS]


def _decoder(n_in: int, width: int) -> nn.Sequential:
    """(N, n_in, H/4, W/4) -> picture (N, 3, H, W)."""
    return nn.Sequential(
        _GatedConv(n_in, 4 * width),
        _GatedConv(4 * width, 4 * width),
        nn.Upsample(scale_factor=2),
        _GatedConv(4 * width, 2 * width),
        _GatedConv(2 * width, 2 * width),
        nn.Upsample(scale_factor=2),
        _GatedConv(2 * width, width),
        _GatedConv(width, width // 2),
        nn.Conv2d(width // 2, 3, 3, padding=1),
    )
