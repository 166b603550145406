"""Training of a `PluralisticNet`: its loss and its preview."""

from __future__ import annotations

from dataclasses import replace

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from rfr_core.baselines.pluralistic_net import Latent, PluralisticNet, TwoPaths
from rfr_core.training.data.sample_grid import tiled
from rfr_core.training.data.samples import Sample
from rfr_core.training.losses.inpainting import Judges, LossWeights, inpainting_loss

# Of a divergence, for a weight of 1 of `hole`. Published: 20 for colours in [-1, 1], which is 40 for ours, and 20 for
# the divergences at each of four sizes.
_DIVERGENCE = 2.0
_SAMPLES = 2  # of a preview
_NOTHING = LossWeights(hole=0.0, valid=0.0, perceptual=0.0, style=0.0, variation=0.0)


def pluralistic_loss(
    output: TwoPaths, truth: Tensor, known: Tensor, weights: LossWeights, judges: Judges
) -> tuple[Tensor, dict[str, Tensor]]:
    """The loss of both paths: what is reconstructed is compared with the truth, what is generated where it is known.

    truth: (N, 3, H, W) in [0, 1]. known: (N, 1, H, W) in {0, 1}. Of the weights

    - ``valid`` is that of the absolute difference over the known part, of both paths and at all sizes;
    - ``hole`` that of the reconstruction's difference over the hole, at all sizes; twice that is the weight of both
      divergences, of the posterior from a fixed prior and of the prior from the posterior, which as published stays as
      it is for the latter;
    - ``adversarial`` judges the generated composite, ``feature_matching`` the reconstructed one, both by the
      discriminator of the former (published: one for each);
    - all others judge the reconstruction at full size, which alone has a truth in its hole.

    Published are ``hole`` and ``valid`` 40 and ``adversarial`` and ``feature_matching`` 1.
    """
    known = known.to(truth.dtype)
    *smaller, reconstructed = output.reconstructed
    total, terms = inpainting_loss(reconstructed, truth, known, replace(weights, adversarial=0.0), judges)
    pixels = replace(_NOTHING, hole=weights.hole, valid=weights.valid, per=weights.per)
    for picture in smaller:
        total = total + _pixel_loss(picture, truth, known, pixels)
    seen = replace(pixels, hole=0.0)
    generated = sum((_pixel_loss(picture, truth, known, seen) for picture in output.generated), total.new_zeros(()))
    from_fixed, from_posterior = _divergences(output, known)
    total = total + generated + _DIVERGENCE * weights.hole * (from_fixed + from_posterior)
    terms |= {"generated": generated, "posterior": from_fixed, "prior": from_posterior}
    if weights.adversarial:
        judged = replace(_NOTHING, adversarial=weights.adversarial)
        loss, adversarial = inpainting_loss(output.generated[-1], truth, known, judged, judges)
        total, terms = total + loss, terms | adversarial
    return total, terms


def _pixel_loss(picture: Tensor, truth: Tensor, known: Tensor, weights: LossWeights) -> Tensor:
    """That of a picture of any size; a pixel of a smaller one can be known in part."""
    size = picture.shape[-2:]
    truth, known = (F.interpolate(one, size, mode="area") for one in (truth, known))
    return inpainting_loss(picture, truth, known, weights)[0]


def _divergences(output: TwoPaths, known: Tensor) -> tuple[Tensor, Tensor]:
    """Kullback-Leibler divergences, averaged over the latent maps, of the posterior and of the prior.

    The posterior's is from a normal distribution of mean 0 that is the narrower the less is hidden: the little that it
    has to tell shall not vary as a whole picture would.
    """
    posterior, prior = output.posterior, output.prior
    deviation = torch.sigmoid(8 * (0.8 - known.mean((1, 2, 3), keepdim=True)))  # (N, 1, 1, 1)
    fixed = Latent(torch.zeros_like(deviation), deviation)
    settled = Latent(posterior.mean.detach(), posterior.deviation.detach())
    return divergence(posterior, fixed).mean(), divergence(settled, prior).mean()


def divergence(of: Latent, to: Latent) -> Tensor:
    """The Kullback-Leibler divergence of normal distributions, value by value: (N, C, h, w), or what gives that."""
    apart = (of.mean - to.mean).float().square()
    variance, wanted = of.deviation.float().square(), to.deviation.float().square()
    return (wanted.log() - variance.log() + (variance + apart) / wanted - 1) / 2


@torch.inference_mode()
def pluralistic_preview(network: nn.Module, batch: Sample) -> Tensor:
    """One row per picture: the known part, the mean fill, two samples, truth; (3, H, W) in [0, 1] on the CPU."""
    assert isinstance(network, PluralisticNet)
    device = next(network.parameters()).device
    truth, known = batch.image.to(device), batch.known.to(device)
    fills = [network(truth, known)]
    for seed in range(_SAMPLES):
        fills.append(network.sample(truth, known, torch.Generator().manual_seed(seed)))
    shown = [torch.where(known > 0, truth, fill.clamp(0, 1)) for fill in fills]
    return tiled(torch.stack([truth * known, *shown, truth], 1)).cpu()
