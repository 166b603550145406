"""The training losses, as released and as in the paper (Sec. 3.4, Eq. 10-12), and others."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

import torch
from torch import Tensor, nn

from rfr_core.errors import ConfigError
from rfr_core.metrics import similarity_map
from rfr_core.ops.pyramid import box_blur
from rfr_core.training.losses.adversary import Adversary, Shown
from rfr_core.training.losses.lpips import ShiftTolerantLPIPS, unit

TERMS = (
    *("hole", "valid", "perceptual", "style", "variation"),  # as published
    *("squared", "log_mse", "blurred_log_mse", "ssim", "direction", "lpips", "feature_matching", "adversarial"),
)
_FEATURE_TERMS = ("perceptual", "style", "direction")
_ADVERSARY_TERMS = ("feature_matching", "adversarial")
_LEAST_SHARE = 0.02  # of a picture that a hole counts as
_SMALL = 1e-6  # squared length of features below which their direction hardly counts
_LEAST_ERROR = 3e-4  # mean squared: what is more exact than 35 dB in the hole need not be more so
_LEAST_BLURRED_ERROR = 3e-5  # the same of a blurred difference
_BLUR = 4  # radius of the squares that a difference is blurred over, twice


@dataclass(frozen=True)
class LossWeights:
    """How much each term counts; the defaults are the released ones, :meth:`paper` gives the paper's.

    Attributes:
        hole, valid: absolute difference over the hole and over the known part.
        perceptual, style: distance of VGG features and of their Gram matrices.
        variation: total variation of the filled part.
        squared: squared difference over the hole (no part of the published loss; PSNR counts squares).
        log_mse: logarithm of the mean squared difference over the hole, which is PSNR but for a factor.
        blurred_log_mse: the same of the difference blurred twice over squares of 9 pixels: the error of broad colours,
            which texture need not have.
        ssim: 1 - SSIM, per pixel of the hole.
        direction: squared difference of VGG features scaled to length one, per pixel of the hole.
        lpips: LPIPS with a VGG (see :mod:`rfr_core.training.losses.lpips`), per pixel of the hole.
        feature_matching: absolute difference of a discriminator's features, per pixel of the hole.
        adversarial: how little a discriminator takes the hole for a photograph (see
            :mod:`rfr_core.training.losses.adversary`).
        against: feature terms compare the truth with the ``"output"`` alone (paper) or with the composite too.
        per: ``"picture"`` averages hole and squared over all pixels, so that a large hole counts more (published);
            ``"hole"`` averages over the hole's own pixels.

    Raises:
        ConfigError: a weight is negative or a choice is unknown.
    """

    hole: float = 6.0
    valid: float = 1.0
    perceptual: float = 0.05
    style: float = 120.0
    variation: float = 0.1
    squared: float = 0.0
    log_mse: float = 0.0
    blurred_log_mse: float = 0.0
    ssim: float = 0.0
    direction: float = 0.0
    lpips: float = 0.0
    feature_matching: float = 0.0
    adversarial: float = 0.0
    against: Literal["both", "output"] = "both"
    per: Literal["picture", "hole"] = "picture"

    def __post_init__(self) -> None:
        for name in TERMS:
            if not 0 <= getattr(self, name) < float("inf"):
                raise ConfigError(f"The loss weight {name} is {getattr(self, name)}; it must be 0 or more.")
        if self.against not in ("both", "output"):
            raise ConfigError(f"against is {self.against!r}; it must be 'both' or 'output'.")
        if self.per not in ("picture", "hole"):
            raise ConfigError(f"per is {self.per!r}; it must be 'picture' or 'hole'.")

    @classmethod
    def paper(cls) -> LossWeights:
        """The weights of Sec. 4.1: 180 style, 0.1 perceptual, no total variation, against the output alone."""
        return cls(perceptual=0.1, style=180.0, variation=0.0, against="output")

    @property
    def needs_features(self) -> bool:
        """Whether a term is on that needs VGG."""
        return any(getattr(self, name) for name in _FEATURE_TERMS)

    @property
    def needs_adversary(self) -> bool:
        """Whether a term is on that needs a discriminator."""
        return any(getattr(self, name) for name in _ADVERSARY_TERMS)


class PhaseLosses(NamedTuple):
    """The terms of a phase.

    output: for the network's output; of a refinement, for its L2 output. perceptual_output: for the perceptual output
    of a refinement; None where that is not trained. network_output: in a joint training, for the network's own fill;
    None where the network stays as it is. edge_output: for the edges of a network that completes them first, of which
    ``hole``, ``valid``, ``feature_matching`` and ``adversarial`` count; None = as little as PRVS has it.
    perceptual_share: of each batch that the perceptual output's own terms are taken of.
    """

    output: LossWeights
    perceptual_output: LossWeights | None = None
    network_output: LossWeights | None = None
    edge_output: LossWeights | None = None
    perceptual_share: float = 1.0

    @property
    def given(self) -> list[LossWeights]:
        """Those of pictures that are there."""
        pictures = (self.output, self.perceptual_output, self.network_output)
        return [weights for weights in pictures if weights is not None]


@dataclass(frozen=True)
class Judges:
    """What terms need besides the pictures.

    features: maps a picture to a list of feature maps. lpips: to learn from. adversary: a discriminator of pictures;
    edge_adversary: of edges beside gray values.
    """

    features: nn.Module | None = None
    lpips: ShiftTolerantLPIPS | None = None
    adversary: Adversary | None = None
    edge_adversary: Adversary | None = None


def inpainting_loss(
    output: Tensor, truth: Tensor, known: Tensor, weights: LossWeights, judges: Judges | None = None
) -> tuple[Tensor, dict[str, Tensor]]:
    """The weighted sum of all terms whose weight is above 0, and each term before weighting.

    Args:
        output: (N, 3, H, W), the network's output before compositing.
        truth: (N, 3, H, W) in [0, 1].
        known: (N, 1, H, W) in {0, 1}, 1 = known.
        judges: those that the terms whose weight is above 0 need.
    """
    judges = judges or Judges()
    output, truth = output.float(), truth.float()
    hole = 1 - known
    composite = torch.where(known > 0, truth, output)
    terms = _pixel_terms(output, truth, known, weights)
    if weights.needs_features:
        if judges.features is None:
            raise ConfigError("The perceptual, style and direction terms need VGG features; give them or set all to 0.")
        terms |= _feature_terms(output, truth, composite, hole, weights, judges.features)
    if weights.log_mse:
        terms["log_mse"] = _log_mse(composite - truth, hole, _LEAST_ERROR)
    if weights.blurred_log_mse:
        blurred = box_blur(box_blur(composite - truth, _BLUR), _BLUR)
        terms["blurred_log_mse"] = _log_mse(blurred, hole, _LEAST_BLURRED_ERROR)
    if weights.ssim:
        terms["ssim"] = ((1 - similarity_map(composite, truth)).mean((1, 2, 3)) / _share(hole)).mean()
    if weights.lpips:
        if judges.lpips is None:
            raise ConfigError("The lpips term needs LPIPS; give it or set the weight to 0.")
        terms["lpips"] = (judges.lpips.distance(composite, truth) / _share(hole)).mean()
    if weights.needs_adversary:
        if judges.adversary is None:
            raise ConfigError(
                "The feature_matching and adversarial terms need a discriminator; give it or set both to 0."
            )
        terms |= adversary_terms(judges.adversary, Shown(composite, truth, hole))
    if weights.variation:
        terms["variation"] = total_variation(composite * hole)
    terms = {name: value for name, value in terms.items() if getattr(weights, name)}
    total = sum((getattr(weights, name) * value for name, value in terms.items()), output.new_zeros(()))
    return total, terms


def adversary_terms(adversary: Adversary, shown: Shown) -> dict[str, Tensor]:
    """The terms that a discriminator has for a batch, averaged; ``feature_matching`` per pixel of the hole."""
    asked = adversary.terms(shown)
    matching = asked["feature_matching"] / _share(shown.hole)
    return {"feature_matching": matching.mean(), "adversarial": asked["adversarial"].mean()}


def _pixel_terms(output: Tensor, truth: Tensor, known: Tensor, weights: LossWeights) -> dict[str, Tensor]:
    error = (output - truth).abs()
    in_hole = error * (1 - known)
    terms = {"valid": (error * known).mean(), "hole": in_hole.mean(), "squared": in_hole.square().mean()}
    if weights.per == "hole":
        area = (1 - known).mean((1, 2, 3)).clamp(min=1e-3)  # (N,)
        terms["hole"] = (in_hole.mean((1, 2, 3)) / area).mean()
        terms["squared"] = (in_hole.square().mean((1, 2, 3)) / area).mean()
    return terms


def _feature_terms(
    output: Tensor, truth: Tensor, composite: Tensor, hole: Tensor, weights: LossWeights, features: nn.Module
) -> dict[str, Tensor]:
    with torch.no_grad():
        expected = features(truth)
    published, both = weights.perceptual or weights.style, weights.against == "both"
    shown = [features(output)] if published else []
    of_composite = features(composite) if weights.direction or (published and both) else []
    shown += [of_composite] if published and both else []
    terms = {
        "perceptual": sum((perceptual_distance(maps, expected) for maps in shown), output.new_zeros(())),
        "style": sum((style_distance(maps, expected) for maps in shown), output.new_zeros(())),
    }
    if weights.direction:
        terms["direction"] = (direction_distance(of_composite, expected) / _share(hole)).mean()
    return terms


def _log_mse(difference: Tensor, hole: Tensor, least: float) -> Tensor:
    """The logarithm of the mean square over the hole, averaged over a batch; ``least`` is added to the square."""
    return (difference.square().mean((1, 2, 3)) / _share(hole) + least).log().mean()


def _share(hole: Tensor) -> Tensor:
    """The share of a picture that its hole takes: (N, 1, H, W) -> (N,)."""
    return hole.mean((1, 2, 3)).clamp(min=_LEAST_SHARE)


def perceptual_distance(maps: Sequence[Tensor], expected: Sequence[Tensor]) -> Tensor:
    """Sum over feature maps (N, C, h, w) of the mean absolute difference (Eq. 10)."""
    return torch.stack([(a.float() - b.float()).abs().mean() for a, b in zip(maps, expected, strict=True)]).sum()


def style_distance(maps: Sequence[Tensor], expected: Sequence[Tensor]) -> Tensor:
    """Sum over feature maps of the mean absolute difference of Gram matrices, over C*h*w (Eq. 11)."""
    distances = []
    for a, b in zip(maps, expected, strict=True):
        distances.append((gram(a) - gram(b)).abs().mean() / a[0].numel())
    return torch.stack(distances).sum()


def direction_distance(maps: Sequence[Tensor], expected: Sequence[Tensor]) -> Tensor:
    """Sum over feature maps of the mean squared difference of features of length one; (N, C, h, w) each -> (N,)."""
    pairs = zip(maps, expected, strict=True)
    return torch.stack([(unit(a, _SMALL) - unit(b, _SMALL)).square().sum(1).mean((1, 2)) for a, b in pairs]).sum(0)


def gram(features: Tensor) -> Tensor:
    """Feature map (N, C, h, w) -> products of channels summed over positions (N, C, C), float32."""
    flat = features.flatten(2).float()  # (N, C, hw)
    with torch.autocast(flat.device.type, enabled=False):  # sums of thousands of squares
        return flat @ flat.transpose(1, 2)


def total_variation(image: Tensor) -> Tensor:
    """Mean absolute difference of neighbours in a row plus that of neighbours in a column; (N, C, H, W) -> scalar."""
    along = (image[..., :, 1:] - image[..., :, :-1]).abs().mean()
    return along + (image[..., 1:, :] - image[..., :-1, :]).abs().mean()
