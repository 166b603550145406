"""A patch discriminator that learns to tell fills from photographs while a network learns from it.

Isola et al. 2017, "Image-to-Image Translation with Conditional Adversarial Networks", with spectral normalisation
(Miyato et al. 2018) and the hinge loss; the matching of its features is that of Wang et al. 2018 (pix2pixHD). Neither
released nor in the paper.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm

if TYPE_CHECKING:
    from accelerate import Accelerator

CELL = 8  # pixels a side that a score stands for

_LAYERS = ((3, 64, 2), (64, 128, 2), (128, 256, 1), (256, 256, 2), (256, 256, 1))  # channels in and out, stride
_SLOPE = 0.2
_LOUDNESS = 8.0  # of scores: normalised layers alone would take long to reach the hinge
_RATE = 0.5  # times the network's learning rate


class Discriminator(nn.Module):
    """Picture -> scores, high where it looks like a photograph, and the features that they come from."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.ModuleList(spectral_norm(nn.Conv2d(a, b, 2 + stride, stride, 1)) for a, b, stride in _LAYERS)
        self.score = nn.Conv2d(_LAYERS[-1][1], 1, 1)

    def forward(self, picture: Tensor) -> tuple[Tensor, list[Tensor]]:
        """(N, 3, H, W) in [0, 1] -> (N, 1, H/8, W/8) float32, and the maps of all layers."""
        x, features = 2 * picture - 1, []
        for layer in self.layers:
            x = F.leaky_relu(layer(x), _SLOPE)
            features.append(x)
        return _LOUDNESS * self.score(x).float(), features


class Adversary:
    """A discriminator and its optimiser, which learns from what it has been asked about."""

    def __init__(self, accelerator: Accelerator, learning_rate: float) -> None:
        discriminator = Discriminator().to(accelerator.device)
        optimizer = torch.optim.Adam(discriminator.parameters(), _RATE * learning_rate, betas=(0.5, 0.99))
        self._accelerator = accelerator
        self._discriminator = discriminator
        self._model, self._optimizer = accelerator.prepare(discriminator, optimizer)
        self._seen: tuple[Tensor, Tensor, Tensor] | None = None

    def terms(self, composite: Tensor, truth: Tensor, hole: Tensor) -> dict[str, Tensor]:
        """What a network is to make small: ``adversarial``, and ``matching`` of features, of each picture (N,).

        composite, truth: (N, 3, S, S) in [0, 1], alike but for the hole (N, 1, S, S), S a multiple of 8.
        """
        cells = F.max_pool2d(hole, CELL)
        self._seen = composite.detach().clamp(0, 1), truth, cells
        self._discriminator.requires_grad_(False)
        scores, features = self._discriminator(composite)
        with torch.no_grad():
            _, expected = self._discriminator(truth)
        self._discriminator.requires_grad_(True)
        distances = [
            (ours - theirs).abs().mean((1, 2, 3)).float() / theirs.abs().mean().float()
            for ours, theirs in zip(features, expected, strict=True)
        ]
        return {"adversarial": -_mean_over(scores, cells), "matching": torch.stack(distances).sum(0)}

    def learn(self, learning_rate: float) -> Tensor | None:
        """A step on what `terms` was asked about last; returns the loss, 2 where it cannot tell at all."""
        if self._seen is None:
            return None
        (composite, truth, cells), self._seen = self._seen, None
        for group in self._optimizer.param_groups:
            group["lr"] = _RATE * learning_rate
        with self._accelerator.autocast():
            scores, _ = self._model(torch.cat([composite, truth]))
        made, real = scores.chunk(2)
        loss = _mean_over(F.relu(1 + made) + F.relu(1 - real), cells).mean()
        self._accelerator.backward(loss)
        self._optimizer.step()
        self._optimizer.zero_grad()
        return loss.detach()

    def state_dict(self) -> dict[str, Any]:
        """What `load_state_dict` needs to go on from here."""
        return {"discriminator": self._discriminator.state_dict(), "optimizer": self._optimizer.state_dict()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Goes on from where :meth:`state_dict` was taken."""
        self._discriminator.load_state_dict(state["discriminator"])
        self._optimizer.load_state_dict(state["optimizer"])


def _mean_over(values: Tensor, cells: Tensor) -> Tensor:
    """The mean over the marked cells (N, 1, h, w) of each picture: (N,)."""
    return (values * cells).sum((1, 2, 3)) / cells.sum((1, 2, 3)).clamp(min=1)
