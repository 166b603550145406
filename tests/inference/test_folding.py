"""The inference form: equal to the network it was made of, which stays as it was."""

from __future__ import annotations

import copy
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
import torch
from golden import GOLDEN
from network_samples import assert_close, build, sample, spoken
from torch import nn

from rfr_core import RFRConfig, RFRNet
from rfr_core.inference.optimize import optimized
from rfr_core.inference.packing import PackedConv2d

FORMS: list[dict[str, Any]] = [
    {},
    {"norm": "group", "width": 32},  # with fewer channels to a group rounding grows beyond the tolerance
    RFRConfig.paper(width=8).to_dict(),
    {"kernel_size": 5, "downsamples": 0},
    {"downsamples": 3, "attention": "contextual"},
    {"attention": None, "merge": "mean", "area_slope": 0.0, "tail": "plain"},
    {"blocks": "residual", "attention_scale": 4, "downsamples": 2, "colour_match": True},
]


@pytest.mark.parametrize("form", FORMS, ids=str)
def test_it_equals_the_network(form: dict[str, Any]) -> None:
    network = build(**form)
    if network.config.blocks == "residual":
        spoken(network)
    quick = optimized(network)
    for size in ((48, 64), (33, 70)):
        image, known = sample(2, *size)
        with torch.inference_mode():
            assert_close(quick(image, known), network(image, known), 1e-5)


def test_it_equals_the_released_network_on_golden_data() -> None:
    with np.load(GOLDEN / "irregular_96x128_batch2.npz") as file:
        image, known = torch.from_numpy(file["image"]), torch.from_numpy(file["mask"])
    network = build(width=64)
    with torch.inference_mode():
        assert_close(optimized(network)(image, known), network(image, known), 1e-5)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float64])
def test_another_number_format_can_follow(dtype: torch.dtype) -> None:
    network = build(norm="group", width=32)
    image, known = sample(1, 48, 48)
    quick = optimized(network)
    with torch.inference_mode():
        quick(image, known)
        output = quick.to(dtype)(image.to(dtype), known)
        expected = network.to(dtype)(image.to(dtype), known)
    assert output.dtype == dtype
    tolerance = {torch.float64: 1e-12, torch.float16: 1e-2, torch.bfloat16: 5e-2}[dtype]
    assert_close(output.double(), expected.double(), tolerance)


def test_no_batch_normalisation_is_left_of_the_released_form() -> None:
    assert not any(isinstance(module, nn.BatchNorm2d) for module in optimized(build()).modules())


def test_the_network_stays_trainable_and_as_it_was() -> None:
    network = build().train()
    state = copy.deepcopy(network.state_dict())
    quick = optimized(network)
    assert network.training
    assert not quick.training
    assert all(torch.equal(value, state[name]) for name, value in network.state_dict().items())
    assert all(parameter.requires_grad for parameter in network.parameters())
    assert not any(parameter.requires_grad for parameter in quick.parameters())
    output = network(*sample(1, 32, 32))
    output.mean().backward()
    assert all(parameter.grad is not None for parameter in network.parameters())


def test_weights_trained_further_need_another_copy() -> None:
    network = build()
    image, known = sample(1, 32, 32)
    quick = optimized(network)
    with torch.inference_mode():
        before = quick(image, known)
        for parameter in network.parameters():
            parameter.mul_(1.1)
        assert torch.equal(quick(image, known), before)
        assert_close(optimized(network)(image, known), network(image, known), 1e-5)


def test_a_copy_and_a_second_optimisation_compute_the_same() -> None:
    network = optimized(build())
    image, known = sample(1, 32, 32)
    with torch.inference_mode():
        expected = network(image, known)
        assert torch.equal(copy.deepcopy(network)(image, known), expected)
        assert_close(optimized(network)(image, known), expected, 1e-6)


def test_threads_share_it_from_the_first_call_on() -> None:
    network = optimized(build())
    pairs = [sample(1, 32, 32 + 16 * seed, seed=seed) for seed in range(4)]

    def run(pair: tuple[torch.Tensor, torch.Tensor]) -> torch.Tensor:
        with torch.inference_mode():
            return network(*pair)

    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(run, pairs))
    assert all(torch.equal(run(pair), output) for pair, output in zip(pairs, together, strict=True))


@pytest.mark.parametrize("transposed", [False, True])
@pytest.mark.parametrize("slope", [None, 0.0, 0.2])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("channels", [16, 24, 192])  # of 192, the kernels want other blocks at 7x9 than at 32x32
def test_a_packed_convolution_equals_a_plain_one(
    transposed: bool, slope: float | None, dtype: torch.dtype, channels: int
) -> None:
    torch.manual_seed(0)
    conv = nn.ConvTranspose2d(channels, 16, 4, 2, 1) if transposed else nn.Conv2d(channels, 16, 3, 2, 2, dilation=2)
    conv = conv.to(dtype).requires_grad_(False)
    packed = PackedConv2d(copy.deepcopy(conv))
    packed.slope = slope
    sizes = [(12, 20), (7, 9), (32, 32), (7, 9), (8, 8), *((5, 9 + more) for more in range(9)), (12, 20)]
    for number, (height, width) in enumerate(sizes):
        count = 1 + number % 2
        x = torch.randn(count, channels, height, width).to(dtype, memory_format=torch.channels_last)
        expected = conv(x) if slope is None else nn.functional.leaky_relu(conv(x), slope)
        assert_close(packed(x).float(), expected.float(), 5e-6 if dtype == torch.float32 else 1e-2)
    packed.unpack()
    assert torch.equal(packed.conv.weight, conv.weight)


def test_it_runs_step_by_step() -> None:
    network = build()
    image, known = sample(1, 48, 48)
    with torch.inference_mode():
        for step, expected in zip(optimized(network).steps(image, known), network.steps(image, known), strict=True):
            assert_close(step.decode(), expected.decode(), 1e-5)
            assert_close(step.memory.scores, expected.memory.scores, 1e-5)


def test_it_is_a_network() -> None:
    quick = optimized(build())
    assert isinstance(quick, RFRNet)
    assert quick.config == build().config
