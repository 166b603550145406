"""A patch discriminator that learns to tell fills from photographs while a network learns from it.

Isola et al. 2017, "Image-to-Image Translation with Conditional Adversarial Networks", with spectral normalisation
(Miyato et al. 2018) and the hinge loss; the matching of its features is that of Wang et al. 2018 (pix2pixHD). Neither
released nor in the paper.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm

if TYPE_CHECKING:
    from accelerate import Accelerator

CELL = 8  # pixels a side that a score stands for

_LAYERS = ((64, 2), (128, 2), (256, 1), (256, 2), (256, 1))  # channels, stride
_SLOPE = 0.2
_LOUDNESS = 8.0  # of scores: normalised layers alone would take long to reach the hinge
_RATE = 0.5  # times the network's learning rate


class Discriminator(nn.Module):
    """Picture -> scores, high where it looks like a photograph, and the features that they come from."""

    def __init__(self, channels: int = 3) -> None:
        super().__init__()
        self.layers = nn.ModuleList()
        for width, stride in _LAYERS:
            self.layers.append(spectral_norm(nn.Conv2d(channels, width, 2 + stride, stride, 1)))
            channels = width
        self.score = nn.Conv2d(channels, 1, 1)

    def forward(self, picture: Tensor) -> tuple[Tensor, list[Tensor]]:
        """(N, channels, H, W) in [0, 1] -> (N, 1, H/8, W/8) float32, and the maps of all layers."""
        x, features = 2 * picture - 1, []
        for layer in self.layers:
            x = F.leaky_relu(layer(x), _SLOPE)
            features.append(x)
        return _LOUDNESS * self.score(x).float(), features


class Shown(NamedTuple):
    """A batch that a discriminator judges: composite and truth (N, C, S, S) in [0, 1], alike but for the hole.

    hole: (N, 1, S, S), 1 = hole. S is a multiple of 8.
    """

    composite: Tensor
    truth: Tensor
    hole: Tensor


Check = Callable[[Tensor, Tensor], None]  # of a loss and the norm of its gradient


class Adversary:
    """A discriminator, of pictures of so many channels, and its optimiser."""

    def __init__(self, accelerator: Accelerator, learning_rate: float, channels: int = 3) -> None:
        discriminator = Discriminator(channels).to(accelerator.device)
        optimizer = torch.optim.Adam(discriminator.parameters(), _RATE * learning_rate, betas=(0.5, 0.99))
        self._accelerator = accelerator
        self._discriminator = discriminator
        self._model, self._optimizer = accelerator.prepare(discriminator, optimizer)

    def terms(self, shown: Shown) -> dict[str, Tensor]:
        """What a network is to make small: ``adversarial``, and ``feature_matching``, of each picture (N,)."""
        self._discriminator.requires_grad_(False)
        scores, features = self._discriminator(shown.composite)
        with torch.no_grad():
            _, expected = self._discriminator(shown.truth)
        self._discriminator.requires_grad_(True)
        distances = [
            (ours - theirs).abs().mean((1, 2, 3)).float() / theirs.abs().mean().float()
            for ours, theirs in zip(features, expected, strict=True)
        ]
        return {
            "adversarial": -_mean_over(scores, _cells(shown.hole)),
            "feature_matching": torch.stack(distances).sum(0),
        }

    def learn(self, shown: Sequence[Shown], learning_rate: float, check: Check | None = None) -> Tensor:
        """One step on all batches that were shown; returns the loss, 2 where it cannot tell at all.

        check: is given the loss and the gradient's norm before the weights are touched, and may raise.
        """
        for group in self._optimizer.param_groups:
            group["lr"] = _RATE * learning_rate
        losses = []
        for number, batch in enumerate(shown, start=1):
            last = number == len(shown)
            with contextlib.nullcontext() if last else self._accelerator.no_sync(self._model):
                losses.append(self._loss(batch))
                self._accelerator.backward(losses[-1] / len(shown))
        loss = torch.stack(losses).detach().mean()
        self._accelerator.unscale_gradients(self._optimizer)
        if check is not None:
            check(loss, nn.utils.clip_grad_norm_(self._model.parameters(), math.inf))
        self._optimizer.step()
        self._optimizer.zero_grad()
        return loss

    def _loss(self, shown: Shown) -> Tensor:
        with self._accelerator.autocast():
            scores, _ = self._model(torch.cat([shown.composite.detach().clamp(0, 1), shown.truth]))
        made, real = scores.chunk(2)
        return _mean_over(F.relu(1 + made) + F.relu(1 - real), _cells(shown.hole)).mean()

    def state_dict(self) -> dict[str, Any]:
        """What `load_state_dict` needs to go on from here."""
        return {"discriminator": self._discriminator.state_dict(), "optimizer": self._optimizer.state_dict()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Goes on from where :meth:`state_dict` was taken."""
        self._discriminator.load_state_dict(state["discriminator"])
        self._optimizer.load_state_dict(state["optimizer"])


def _cells(hole: Tensor) -> Tensor:
    """The scores that stand for a part of the hole: (N, 1, S, S) -> (N, 1, S/8, S/8)."""
    return F.max_pool2d(hole, CELL)


def _mean_over(values: Tensor, cells: Tensor) -> Tensor:
    """The mean over the marked cells (N, 1, h, w) of each picture: (N,)."""
    return (values * cells).sum((1, 2, 3)) / cells.sum((1, 2, 3)).clamp(min=1)
