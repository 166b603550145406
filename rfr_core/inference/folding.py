"""Folding batch normalisation into the convolution before it, for inference."""

from __future__ import annotations

from copy import deepcopy
from itertools import pairwise
from typing import TypeVar

import torch
from torch import Tensor, nn

from rfr_core.network.reasoning import AreaIdentification
from rfr_core.network.rfr_net import Encoder

Network = TypeVar("Network", bound=nn.Module)
Convolution = nn.Conv2d | nn.ConvTranspose2d


def fold(network: Network) -> Network:
    """A copy of ``network`` in evaluation mode, without gradients, its batch normalisations folded where possible.

    A partial convolution takes the scale into its weight and the shift as its bias, which it adds after the ratio.
    """
    folded = deepcopy(network).eval().requires_grad_(False)
    for module in folded.modules():
        if isinstance(module, nn.Sequential):
            _fold_sequence(module)
        elif isinstance(module, AreaIdentification):
            module.norm = _fold_into(module.convs[-1], module.norm)
        elif isinstance(module, Encoder):
            for index, conv in enumerate(module.convs):
                module.norms[index] = _fold_into(conv, module.norms[index])
    return folded


def _fold_sequence(sequence: nn.Sequential) -> None:
    for (_, first), (name, second) in pairwise(list(sequence.named_children())):
        if isinstance(first, Convolution):
            setattr(sequence, name, _fold_into(first, second))


def _fold_into(conv: nn.Module, norm: nn.Module) -> nn.Module:
    """Folds ``norm`` into ``conv`` and returns what is left of it."""
    if not isinstance(norm, nn.BatchNorm2d):
        return norm
    assert isinstance(conv, Convolution)
    scale, shift = _affine(norm)
    # A transposed convolution keeps its output channels on the second axis.
    axes = (1, -1, 1, 1) if isinstance(conv, nn.ConvTranspose2d) else (-1, 1, 1, 1)
    conv.weight.mul_(scale.view(axes))
    bias = shift if conv.bias is None else conv.bias * scale + shift
    conv.bias = nn.Parameter(bias, requires_grad=False)
    return nn.Identity()


def _affine(norm: nn.BatchNorm2d) -> tuple[Tensor, Tensor]:
    """Scale and shift, of a channel each, that a batch normalisation applies in evaluation mode."""
    assert norm.running_mean is not None
    assert norm.running_var is not None
    scale = norm.weight * torch.rsqrt(norm.running_var + norm.eps)
    return scale, norm.bias - norm.running_mean * scale
