"""Recurrences that are computed again for their gradients: the same training in less memory."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from network_samples import build, sample
from torch import Tensor

from rfr_core import RFRNet


def trained_step(network: RFRNet, recompute: bool) -> tuple[Tensor, int]:
    """The output of one step in training mode, and how many numbers were kept for its gradients."""
    network.train().reasoning.recompute = recompute
    kept: dict[int, int] = {}

    def count(tensor: Tensor) -> Tensor:
        kept[tensor.data_ptr()] = tensor.numel()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(count, lambda tensor: tensor):
        output = network(*sample(2, 48, 48))
    output.square().mean().backward()
    return output, sum(kept.values())


@pytest.mark.parametrize("form", [{}, {"norm": "group"}, {"attention": "contextual"}, {"attention": None}], ids=str)
def test_gradients_and_statistics_are_the_same_and_less_is_kept(form: dict[str, Any]) -> None:
    network, other = build(**form), build(**form)
    output, kept = trained_step(network, recompute=False)
    again, kept_again = trained_step(other, recompute=True)
    assert torch.equal(again, output)
    assert kept_again < kept / 2
    others = dict(other.named_parameters())
    for name, parameter in network.named_parameters():
        torch.testing.assert_close(others[name].grad, parameter.grad, msg=name)
    for name, buffer in network.named_buffers():
        assert torch.equal(other.get_buffer(name), buffer), name


def test_without_gradients_nothing_changes() -> None:
    network = build()
    expected = network(*sample(1, 32, 32)).detach()
    network.reasoning.recompute = True
    with torch.no_grad():
        assert torch.equal(network(*sample(1, 32, 32)), expected)
