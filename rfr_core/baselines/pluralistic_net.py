"""PIC (Zheng et al. 2019, "Pluralistic Image Completion"): a rival of Table 1 that has many fills for one hole."""

from __future__ import annotations

from itertools import pairwise
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from rfr_core.baselines.colours import matched
from rfr_core.baselines.spectral_conv import SpectralConv2d, SpectralUpConv2d
from rfr_core.config import RFRConfig
from rfr_core.network.attention import positions
from rfr_core.network.attention_memory import Attended, AttentionMemory, attend
from rfr_core.ops.padding import pad_to
from rfr_core.ops.precision import wide

_MULTIPLE = 64  # of a side: five halvings, and two positions left, for instances of one cannot be normalised
_FACTORS = (1, 2, 4, 4, 4)  # channels of the halvings, in widths
_ATTENDED = 3  # the attention works on the map that was halved this often
_SCALES = (8, 4, 2, 1)  # that pictures are smaller by
_PRIOR_BLOCKS = 6
_SLOPE = 0.1
_MERGE_SLOPE = 0.01  # of the attention's block, as in its authors' code
_LEAST_DEVIATION = 1e-3  # less would let a divergence grow without end


class Latent(NamedTuple):
    """A normal distribution for every value of a latent map: mean and deviation (N, C, h, w), the latter above 0."""

    mean: Tensor
    deviation: Tensor


class TwoPaths(NamedTuple):
    """What the network gives in training.

    reconstructed, generated: pictures (N, 3, h, w) in [0, 1] at 1/8, 1/4, 1/2 and 1/1 of the size, by a latent of the
    posterior and by one of the prior. posterior: the latent as the hidden part has it. prior: as the known part lets
    expect it.
    """

    reconstructed: list[Tensor]
    generated: list[Tensor]
    posterior: Latent
    prior: Latent


class PluralisticNet(nn.Module):
    """An encoder, a latent map that the hidden part can take many values of, and a decoder with attention.

    Of the configuration it takes ``width``, the channels of the first layer (32 as published: 5,978,240 parameters, as
    in its authors' code), and ``colour_match``, for pictures at full size alone. The encoder is shown no mask, but gray
    where nothing is known; instance normalisation is in the decoder, spectral normalisation in all but the attention's
    query; all this as in its authors' code.
    """

    def __init__(self, config: RFRConfig) -> None:
        super().__init__()
        self.config = config
        width, latent = config.width, 4 * config.width
        self.encoder = _Encoder(width)
        self.posterior = _Block(latent, latent, 2 * latent)
        inferring = (_Block(latent, latent, latent) for _ in range(_PRIOR_BLOCKS))
        self.prior = nn.Sequential(*inferring, _Block(latent, latent, 2 * latent))
        self.decoder = _Decoder(width)
        self.apply(_initialize)

    def forward(self, image: Tensor, known: Tensor, recurrences: int | str | None = None) -> Tensor | TwoPaths:
        """Fills pictures (N, 3, H, W) in [0, 1] where ``known`` (N, 1, H, W) is 0; there are no ``recurrences``.

        Returns (N, 3, H, W), before compositing, with the prior's mean for a latent, which is the same each time. In
        training mode both paths, with latents that are drawn; the reconstructive one looks under the hole.
        """
        if self.training:
            return self._two_paths(image, known)
        return self._filled(image, known, None)

    def sample(self, image: Tensor, known: Tensor, generator: torch.Generator) -> Tensor:
        """One of the fills that the prior has for a hole; each state of ``generator``, of any device, gives another.

        Shapes are as for :meth:`forward` in eval mode; what lies under the hole is not looked at.
        """
        return self._filled(image, known, generator)

    def _filled(self, image: Tensor, known: Tensor, generator: torch.Generator | None) -> Tensor:
        picture, padded = _prepared(image, known)
        encoded, innermost = self.encoder(torch.where(padded > 0, picture, 0))
        latent, deviation = _latent(self.prior(innermost))
        if generator is not None:
            noise = torch.randn(latent.shape, generator=generator, device=generator.device)
            latent = latent + deviation * noise.to(latent)
        pictures = self.decoder(latent.to(innermost.dtype), innermost, encoded, padded)
        return matched(self.config, pictures[-1][..., : image.shape[-2], : image.shape[-1]], image, known)

    def _two_paths(self, image: Tensor, known: Tensor) -> TwoPaths:
        picture, padded = _prepared(image, known)
        # As one batch, for spectral normalisation learns at each call.
        parts = torch.cat([torch.where(padded > 0, picture, 0), torch.where(padded > 0, 0, picture)])
        encoded, innermost = self.encoder(parts)
        seen, hidden = innermost.chunk(2)
        posterior, prior = _latent(self.posterior(hidden)), _latent(self.prior(seen))
        drawn = torch.cat([mean + deviation * torch.randn_like(mean) for mean, deviation in (posterior, prior)])
        conditions = (seen, encoded.chunk(2)[0], padded)
        pictures = self.decoder(drawn, *(torch.cat([condition, condition]) for condition in conditions))
        height, width = image.shape[-2:]
        sized = zip(pictures, _SCALES, strict=True)
        cut = [picture[..., : -(-height // scale), : -(-width // scale)] for picture, scale in sized]
        cut[-1] = matched(self.config, cut[-1], torch.cat([image, image]), torch.cat([known, known]))
        reconstructed, generated = zip(*(one.chunk(2) for one in cut), strict=True)
        return TwoPaths(list(reconstructed), list(generated), posterior, prior)


class _Block(nn.Module):
    """Two 3x3 convolutions, an activation before each, whose result is added to a 1x1 convolution's."""

    def __init__(self, n_in: int, hidden: int, n_out: int, *, slope: float = _SLOPE, outermost: bool = False) -> None:
        super().__init__()
        self.first = SpectralConv2d(n_in, hidden)
        self.second = SpectralConv2d(hidden, n_out)
        self.shortcut = SpectralConv2d(n_in, n_out, 1)
        self.slope = slope
        self.outermost = outermost  # colours are taken as they are

    def forward(self, x: Tensor) -> Tensor:
        hidden = self.first(x if self.outermost else F.leaky_relu(x, self.slope))
        return self.second(F.leaky_relu(hidden, self.slope)) + self.shortcut(x)


class _Encoder(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        channels = [factor * width for factor in _FACTORS]
        first = _Block(3, width, width, outermost=True)
        self.down = nn.ModuleList([first, *(_Block(a, a, b) for a, b in pairwise(channels))])

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Pictures (N, 3, H, W) in [-1, 1] -> features (N, 4 * width, h, w) at 1/8 and at 1/32."""
        features = []
        for layer in self.down:
            x = F.avg_pool2d(layer(x), 2)
            features.append(x)
        return features[_ATTENDED - 1], x


class _Decoder(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        inner = 4 * width
        channels = [factor * width for factor in reversed(_FACTORS)]
        self.start = _Block(inner, inner, inner)
        # Each layer but the two innermost takes the picture at its size, too.
        coming = [inner, channels[0], *(count + 3 for count in channels[1:-1])]
        self.up = nn.ModuleList(_UpBlock(a, b) for a, b in zip(coming, channels, strict=True))
        self.attention = _ShortLongAttention(channels[1])
        self.heads = nn.ModuleList(SpectralConv2d(count, 3, padding_mode="reflect") for count in channels[1:])

    def forward(self, latent: Tensor, innermost: Tensor, encoded: Tensor, known: Tensor) -> list[Tensor]:
        """The latent, features of the known part at 1/32 and 1/8, and the mask -> pictures at 1/8, 1/4, 1/2 and 1/1.

        latent, innermost: (N, 4 * width, H/32, W/32). encoded: (N, 4 * width, H/8, W/8). known: (N, 1, H, W).
        """
        x = self.up[0](innermost + self.start(latent))
        pictures = []
        for layer, head in zip(self.up[1:], self.heads, strict=True):
            x = layer(x)
            if not pictures:
                x = self.attention(x, encoded, F.avg_pool2d(known, 2**_ATTENDED))
            picture = torch.tanh(head(F.leaky_relu(x, _SLOPE)))
            pictures.append((wide(picture) + 1) / 2)
            x = torch.cat([x, picture], 1)
        return pictures


class _UpBlock(nn.Module):
    """Doubles the size: a convolution and a transposed one, normalised, added to a transposed one alone."""

    def __init__(self, n_in: int, n_out: int) -> None:
        super().__init__()
        self.norms = nn.ModuleList(nn.InstanceNorm2d(count, affine=True) for count in (n_in, n_out))
        self.first = SpectralConv2d(n_in, n_out)
        self.second = SpectralUpConv2d(n_out, n_out)
        self.shortcut = SpectralUpConv2d(n_in, n_out)

    def forward(self, x: Tensor) -> Tensor:
        hidden = self.first(F.leaky_relu(self.norms[0](x), _SLOPE))
        return self.second(F.leaky_relu(self.norms[1](hidden), _SLOPE)) + self.shortcut(x)


class _ShortLongAttention(nn.Module):
    """One attention map, taken from the decoder's features, that rebuilds these (short) and the encoder's (long)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.query = nn.Conv2d(channels, channels // 4, 1)
        self.short = nn.Parameter(torch.zeros(1))
        self.long = nn.Parameter(torch.zeros(1))
        self.merge = _Block(2 * channels, channels, channels, slope=_MERGE_SLOPE)

    def forward(self, decoded: Tensor, encoded: Tensor, known: Tensor) -> Tensor:
        """Features (N, C, h, w) of both, and how much of each position is known (N, 1, h, w) -> (N, C, h, w)."""
        both = torch.cat([decoded, encoded], 1)
        query = positions(self.query(decoded))
        memory = AttentionMemory(keep_scores=False)
        rebuilt, _ = attend(Attended(query, query, query.dtype), positions(both), memory, known)
        short, long = rebuilt.transpose(1, 2).reshape(both.shape).chunk(2, 1)
        long = known * encoded + (1 - known) * self.long * long
        return self.merge(torch.cat([decoded + self.short * short, long], 1))


def _prepared(image: Tensor, known: Tensor) -> tuple[Tensor, Tensor]:
    """Picture in [-1, 1] and mask, padded."""
    return pad_to(2 * image - 1, _MULTIPLE), pad_to(known.to(image.dtype), _MULTIPLE)


def _latent(features: Tensor) -> Latent:
    mean, spread = wide(features).chunk(2, 1)
    return Latent(mean, F.softplus(spread) + _LEAST_DEVIATION)


def _initialize(module: nn.Module) -> None:
    """Orthogonal weights: spectral normalisation leaves them as they are, while it would shrink random ones."""
    if isinstance(module, (nn.Conv2d, nn.ConvTranspose2d)) and not module.weight.is_meta:
        nn.init.orthogonal_(module.weight)
        if module.bias is not None:
            nn.init.zeros_(module.bias)
