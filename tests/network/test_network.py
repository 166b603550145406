"""The network: every named option, any size, batch and number of recurrences, its masks and its gradients."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from network_samples import assert_close, build, sample, spoken
from torch import Tensor, nn

from benchmarks.reference import PlainNetwork
from rfr_core import ConfigError, RecurrentFeatureReasoning, RFRConfig, RFRNet
from rfr_core.network.partial_conv import PartialConv2d, cover
from rfr_core.network.reasoning import AreaIdentification
from rfr_core.network.residual_network import network_input
from rfr_core.ops.box import Box
from rfr_core.ops.pyramid import pull_push

OPTIONS: list[dict[str, Any]] = [
    {},
    {"width": 16},
    {"channels": (16, 8, 24)},
    {"kernel_size": 5},
    {"downsamples": 0},
    {"downsamples": 2},
    {"downsamples": 3},
    {"recurrences": 2},
    {"dilation": 1},
    {"norm": "group"},
    {"area": "gated"},
    {"area": "learnable"},
    {"attention": "contextual"},
    {"attention": None},
    {"attention_scale": 16},
    {"attention": "contextual", "attention_scale": 16},
    {"attention_query": "normalized"},
    {"attention_values": "raw"},
    {"attention_lambda": 0.3},
    {"narrow_deconv": True},
    {"merge": "mean"},
    {"merge": "last"},
    {"area_slope": 0.0},
    {"decoder_slope": 0.2},
    {"tail": "plain"},
    {"blocks": "residual", "attention_scale": 4},
    {"blocks": "residual", "attention": None, "downsamples": 2, "tail_width": 16},
]
RESIDUAL: dict[str, Any] = {"blocks": "residual", "attention_scale": 4, "downsamples": 2, "kernel_size": 3}


def trained_once(network: RFRNet, image: Tensor, known: Tensor) -> Tensor:
    output = network.train()(image, known)
    output.square().mean().backward()
    return output


@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_every_option_runs_forward_and_backward(options: dict[str, Any]) -> None:
    network = build(**options)
    output = trained_once(network, *sample(2, 48, 64))
    assert output.shape == (2, 3, 48, 64)
    assert bool(torch.isfinite(output).all())
    for name, parameter in network.named_parameters():
        assert parameter.grad is not None, f"{name} has no gradient"
        assert bool(torch.isfinite(parameter.grad).all()), name


@pytest.mark.parametrize("config", [RFRConfig.paper(width=8), RFRConfig(width=8, kernel_size=5)])
def test_named_forms_train(config: RFRConfig) -> None:
    network = RFRNet(config)
    trained_once(network, *sample(2, 32, 32))
    assert all(parameter.grad is not None for parameter in network.parameters())


@pytest.mark.parametrize("options", OPTIONS[1:], ids=str)
def test_an_option_changes_the_network(options: dict[str, Any]) -> None:
    image, known = sample(1, 64, 64)
    with torch.inference_mode():
        assert not torch.equal(build(**options)(image, known), build()(image, known))


@pytest.mark.parametrize("size", [(1, 1), (1, 40), (37, 3), (16, 17), (63, 50)])
@pytest.mark.parametrize("downsamples", [0, 1, 3])
def test_any_size_is_taken(size: tuple[int, int], downsamples: int) -> None:
    image, known = torch.rand(1, 3, *size), torch.ones(1, 1, *size)
    known[..., size[0] // 2 :, size[1] // 2 :] = 0
    with torch.inference_mode():
        steps = list(build(downsamples=downsamples).steps(image, known))
        output = steps[-1].decode()
    assert output.shape == image.shape
    assert bool(torch.isfinite(output).all())
    scale = 2**downsamples
    assert steps[0].known.shape[-2:] == (-(-size[0] // scale), -(-size[1] // scale))


def test_untrained_residual_blocks_give_the_blended_picture() -> None:
    image, known = sample(2, 45, 50)
    with torch.inference_mode():
        output = build(**RESIDUAL)(image, known)
    seen = torch.where(known > 0, image, 0)
    padded = [F.pad(x, (0, 14, 0, 19), mode="replicate") for x in (seen, known)]
    blended = network_input(*padded).blended[..., :45, :50]
    assert_close(output, blended)
    assert_close(torch.where(known > 0, blended, 0), seen)


def test_residual_blocks_take_any_size_and_never_see_a_pixel_under_the_hole() -> None:
    network = spoken(build(**RESIDUAL))
    for size in ((1, 1), (1, 40), (37, 3), (63, 50)):
        image, known = torch.rand(1, 3, *size), torch.ones(1, 1, *size)
        known[..., size[0] // 2 :, size[1] // 2 :] = 0
        with torch.inference_mode():
            output = network(image, known)
            assert output.shape == image.shape
            assert torch.equal(output, network(torch.where(known > 0, image, torch.nan), known))


def test_residual_blocks_know_what_the_plan_says_and_keep_the_rest_at_zero() -> None:
    network, known = build(**RESIDUAL), torch.zeros(1, 1, 128, 128)
    known[..., :32, :32] = 1
    with torch.inference_mode():
        steps = list(network.steps(torch.rand(1, 3, 128, 128), known, 4))
    plan = network.plan(known, 4)
    assert 0 < plan[0].mean() < plan[1].mean() < plan[3].mean() < 1
    for step, planned in zip(steps, plan, strict=True):
        assert torch.equal(step.known, planned)
        assert step._recurrence is not None
        assert not bool(step._recurrence.features[step.known.expand(-1, 8, -1, -1) == 0].any())


@pytest.mark.parametrize("options", [{}, RESIDUAL], ids=str)
def test_an_earlier_recurrence_comes_with_the_last(options: dict[str, Any]) -> None:
    network = build(**options)
    if options:
        spoken(network)
    image, known = torch.rand(1, 3, 128, 128), torch.zeros(1, 1, 128, 128)
    known[..., :32] = 1
    with torch.inference_mode():
        earlier, output = network(image, known, 3, 1)
        assert torch.equal(output, network(image, known, 3))
        alone, reached = network(image, known, 1), network.plan(known, 1)[0][0, 0, 0]
    columns = int(reached.sum()) * 128 // len(reached)
    assert 32 < columns < 128
    assert torch.equal(earlier[..., :columns], alone[..., :columns])
    interpolated = pull_push(torch.where(known > 0, image, 0), known)
    assert torch.equal(earlier[..., columns:], interpolated[..., columns:])


def test_padding_changes_nothing_at_multiples_of_sixteen() -> None:
    network = build()
    image, known = sample(2, 48, 64)
    with torch.inference_mode():
        assert_close(network(image, known), PlainNetwork(network)(image, known))


def test_padding_repeats_the_border() -> None:
    network = build()
    image, known = sample(1, 41, 53)
    padded = [F.pad(x, (0, 11, 0, 7), mode="replicate") for x in (image * known, known)]
    with torch.inference_mode():
        assert_close(network(image, known), network(*padded)[..., :41, :53])


def test_a_pixel_under_the_hole_is_never_seen() -> None:
    network = build()
    image, known = sample(1, 32, 48)
    spoiled = torch.where(known > 0, image, float("nan"))
    with torch.inference_mode():
        assert torch.equal(network(spoiled, known), network(image, known))


@pytest.mark.parametrize("attention", ["kca", "contextual", None])
def test_a_batch_equals_its_pictures_alone(attention: str | None) -> None:
    network = build(attention=attention)
    image, known = sample(3, 48, 48)
    with torch.inference_mode():
        batch = network(image, known)
        for item in range(3):
            assert_close(batch[item], network(image[item : item + 1], known[item : item + 1])[0])


def test_threads_do_not_disturb_each_other() -> None:
    network = build()
    samples = [sample(1, 48, 48 + 16 * seed, seed=seed) for seed in range(4)]

    def run(pair: tuple[Tensor, Tensor]) -> Tensor:
        with torch.inference_mode():
            return network(*pair)

    expected = [run(pair) for pair in samples]
    with ThreadPoolExecutor(4) as pool:
        for actual, alone in zip(pool.map(run, samples * 3), expected * 3, strict=True):
            assert torch.equal(actual, alone)


def test_interleaved_runs_do_not_disturb_each_other() -> None:
    network = build()
    pairs = [sample(1, 48, 48, seed=seed) for seed in range(2)]
    with torch.inference_mode():
        together = list(zip(*(network.steps(*pair) for pair in pairs), strict=True))[-1]
        for step, pair in zip(together, pairs, strict=True):
            assert torch.equal(step.decode(), network(*pair))


def test_an_interrupted_run_leaves_nothing_behind() -> None:
    network = build()
    pair, other = sample(1, 48, 48), sample(1, 48, 48, seed=9)
    with torch.inference_mode():
        expected = network(*pair)
        state = {name: value.clone() for name, value in network.state_dict().items()}
        for count in (1, 3):
            run = network.steps(*other)
            for _ in range(count):
                next(run)
            run.close()
            assert torch.equal(network(*pair), expected)
    assert all(torch.equal(value, state[name]) for name, value in network.state_dict().items())


def test_a_step_is_the_run_that_ends_there() -> None:
    network = build()
    image, known = sample(1, 64, 64)
    with torch.inference_mode():
        steps = list(network.steps(image, known, 4))
        assert [(step.index, step.total) for step in steps] == [(i, 4) for i in range(1, 5)]
        for step in steps:
            assert torch.equal(step.decode(), network(image, known, step.index))


@pytest.mark.parametrize("options", [{}, RESIDUAL, RESIDUAL | {"downsamples": 1}], ids=str)
def test_a_box_is_decoded_as_in_the_whole_picture(options: dict[str, Any]) -> None:
    network = spoken(build(**options))
    image, known = torch.rand(2, 3, 90, 75), torch.ones(2, 1, 90, 75)
    known[0, :, 30:50, 20:40] = 0
    known[1, :, 41:60, 33:44] = 0
    with torch.inference_mode():
        step = list(network.steps(image, known))[-1]
        whole = step.decode(matched=False)
        for box in (Box(30, 20, 60, 44), Box(0, 0, 5, 5), Box(41, 3, 90, 75), Box(0, 0, 90, 75)):
            assert_close(step.decode(matched=False, box=box), whole[(..., *box.slices)])


def test_steps_hold_what_the_plan_says() -> None:
    network = build(downsamples=2)
    image, known = sample(2, 96, 96)
    with torch.inference_mode():
        steps = list(network.steps(image, known, "auto"))
    plan = network.plan(known, "auto")
    assert len(plan) == len(steps)
    assert all(torch.equal(step.known, planned) for step, planned in zip(steps, plan, strict=True))


def test_auto_runs_until_all_is_known() -> None:
    network = build(kernel_size=3, recurrences=2)
    image = torch.rand(1, 3, 160, 160)
    known = torch.zeros(1, 1, 160, 160)
    known[..., :8] = 1
    with torch.inference_mode():
        steps = list(network.steps(image, known, "auto"))
    assert not bool(steps[-2].known.all())
    assert bool(steps[-1].known.all())
    assert len(steps) == steps[-1].total > 30
    shares = [float(step.known.mean()) for step in steps]
    assert shares == sorted(set(shares))


def test_auto_runs_the_configured_number_at_least() -> None:
    network = build(recurrences=5)
    assert len(network.plan(torch.ones(1, 1, 32, 32), "auto")) == 5
    assert len(network.plan(torch.zeros(1, 1, 32, 32), "auto")) == 5
    assert len(network.plan(torch.ones(1, 1, 32, 32))) == 5
    assert len(network.plan(torch.ones(1, 1, 32, 32), 64)) == 64


def test_early_stops_where_auto_goes_on() -> None:
    network = build()
    image, known = sample(1, 64, 64)
    known.fill_(1)[..., 30:34, 30:34] = 0
    [early] = network.steps(image, known, "early")
    assert bool(early.known.all())
    *_, auto = network.steps(image, known, "auto")
    assert auto.index == 6
    deep = torch.zeros(1, 1, 16, 160)
    deep[..., 0] = 1
    assert len(network.plan(deep, "early")) == len(network.plan(deep, "auto")) > 6


@pytest.mark.parametrize("recurrences", [0, -1, 65, 2.0, True, "six", None])
def test_a_wrong_number_of_recurrences_is_named(recurrences: Any) -> None:
    area = AreaIdentification(8, 3)
    module = RecurrentFeatureReasoning(area, nn.Identity())
    with pytest.raises(ConfigError, match=r"(?i)recurrences is"):
        module.plan(torch.ones(1, 1, 8, 8), recurrences)


@pytest.mark.parametrize(
    ("image", "known", "message"),
    [
        ((1, 4, 8, 8), (1, 1, 8, 8), r"image has shape \(1, 4, 8, 8\)"),
        ((3, 8, 8), (1, 1, 8, 8), r"image has shape \(3, 8, 8\)"),
        ((1, 3, 0, 8), (1, 1, 0, 8), r"image has shape \(1, 3, 0, 8\)"),
        ((2, 3, 8, 8), (1, 1, 8, 8), r"must be \(2, 1, 8, 8\)"),
        ((1, 3, 8, 8), (1, 3, 8, 8), r"must be \(1, 1, 8, 8\)"),
    ],
)
def test_shapes_that_do_not_fit_are_named(image: tuple, known: tuple, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        build()(torch.rand(image), torch.ones(known))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("width", 12),
        ("width", 0),
        ("width", "64"),
        ("channels", (8, 8)),
        ("channels", (8, 8, 9)),
        ("kernel_size", 4),
        ("downsamples", 4),
        ("recurrences", 0),
        ("recurrences", True),
        ("dilation", 3),
        ("norm", "layer"),
        ("attention", "self"),
        ("attention_scale", 32),
        ("attention_query", None),
        ("attention_values", "keys"),
        ("narrow_deconv", 1),
        ("merge", "sum"),
        ("area_slope", -0.1),
        ("decoder_slope", "steep"),
        ("tail", "none"),
        ("blocks", "dense"),
        ("tail_width", 12),
        ("attention_scale", 4),
    ],
)
def test_a_wrong_hyperparameter_is_named(name: str, value: Any) -> None:
    with pytest.raises(ConfigError, match=f"{name} is {value!r}".replace("(", r"\(").replace(")", r"\)")):
        RFRConfig(**{name: value})


def test_a_configuration_survives_json_and_unknown_names_are_refused() -> None:
    config = RFRConfig.paper(width=24, channels=(8, 16, 24), attention=None)
    assert RFRConfig.from_dict(config.to_dict()) == config
    with pytest.raises(ConfigError, match="'depth'"):
        RFRConfig.from_dict({"depth": 3})
    with pytest.raises(ConfigError, match="not list"):
        RFRConfig.from_dict([])  # pyright: ignore[reportArgumentType]


class Smooth(nn.Module):
    """A reasoning network unlike RFR-Net's: an average of the surroundings, counting its calls in the memory."""

    def forward(self, features: Tensor, known: Tensor, memory: int | None) -> tuple[Tensor, int]:
        return F.avg_pool2d(features, 5, 1, 2), (memory or 0) + 1


@pytest.mark.parametrize("merge", ["adaptive", "mean", "last"])
def test_the_module_works_alone_on_any_map(merge: str) -> None:
    torch.manual_seed(0)
    module = RecurrentFeatureReasoning(AreaIdentification(6, 3), Smooth(), merge).eval()
    features, known = torch.rand(2, 6, 13, 21), torch.ones(2, 1, 13, 21)
    known[0, :, 3:11, 4:17] = 0
    known[1, :, :, 9:] = 0
    with torch.inference_mode():
        recurrences = list(module.recur(features, known))
    final = recurrences[-1]
    assert bool(final.known.all())
    assert final.memory == len(recurrences) == final.total
    maps = [features * known, *(step.features for step in recurrences)]
    counts = known + sum(step.known for step in recurrences)
    merged = {"adaptive": sum(maps) / counts, "mean": sum(maps) / len(maps), "last": maps[-1]}[merge]
    assert_close(final.merged, merged, 1e-6)
    assert torch.equal(module(features, known).merged, final.merged)
    assert module(features, known, 3).index == 3


def test_the_module_leaves_its_input_and_its_sub_network_alone() -> None:
    kept = torch.rand(1, 8, 8, 8)

    class Constant(nn.Module):
        def forward(self, features: Tensor, known: Tensor, memory: None) -> tuple[Tensor, None]:
            return kept, None

    features, known = torch.rand(1, 8, 8, 8), torch.zeros(1, 1, 8, 8)
    known[..., :2] = 1
    before = kept.clone(), features.clone()
    with torch.inference_mode():
        RecurrentFeatureReasoning(AreaIdentification(8, 3), Constant()).eval()(features, known, 2)
    assert torch.equal(kept, before[0])
    assert torch.equal(features, before[1])


@pytest.mark.parametrize(("size", "stride", "groups"), [(7, 2, [3]), (5, 1, [16]), (3, 1, [3, 64]), (9, 1, [64])])
def test_mask_arithmetic_on_one_channel_equals_all_channels(size: int, stride: int, groups: list[int]) -> None:
    torch.manual_seed(size)
    masks = [(torch.rand(2, 1, 23, 30) > 0.8).float() for _ in groups]
    masks[0][..., :12, :15] = 0
    repeated = torch.cat([mask.repeat(1, c, 1, 1) for mask, c in zip(masks, groups, strict=True)], 1)
    total = F.conv2d(repeated, torch.ones(64, sum(groups), size, size), None, stride, size // 2)
    updated = total.clamp(0, 1)
    ratio = size * size * sum(groups) / (total + 1e-8) * updated
    coverage = cover(list(zip(masks, groups, strict=True)), size, stride, size // 2)
    assert torch.equal(coverage.known.expand_as(updated), updated)
    assert_close(coverage.ratio.expand_as(ratio), ratio, 1e-6)
    assert bool((updated == 0).any())


def test_a_partial_convolution_in_groups_equals_one_over_all_channels() -> None:
    torch.manual_seed(0)
    layer = PartialConv2d(3 + 8, 16, 3)
    parts = [torch.rand(2, 3, 9, 12), torch.rand(2, 8, 9, 12)]
    coverage = layer.cover_groups([((torch.rand(2, 1, 9, 12) > 0.5).float(), 3), (torch.ones(2, 1, 9, 12), 8)])
    assert_close(layer.forward_groups(parts, coverage), layer(torch.cat(parts, 1), coverage), 1e-6)


def test_constant_features_stay_constant_under_a_partial_convolution() -> None:
    layer = PartialConv2d(4, 4, 5)
    known = torch.zeros(1, 1, 12, 12)
    known[..., 3:7, 2:9] = 1
    coverage = layer.cover(known)
    nn.init.constant_(layer.weight, 1 / 100)
    output = layer(known.expand(1, 4, 12, 12) * 0.7, coverage)
    torch.testing.assert_close(output, 0.7 * coverage.known.expand_as(output))


@pytest.mark.parametrize("norm", ["batch", "group"])
def test_gradients_through_six_recurrences_equal_a_plain_reference(norm: str) -> None:
    network = build(norm=norm, recurrences=6).double()
    image, known = (x.double() for x in sample(2, 48, 48))
    image.requires_grad_()
    target = torch.rand_like(image)
    gradients = []
    for run in (network, PlainNetwork(network)):
        loss = (run(image, known) - target).abs().mean()
        gradients.append(torch.autograd.grad(loss, [image, *network.parameters()]))
    for name, ours, plain in zip(["image", *dict(network.named_parameters())], *gradients, strict=True):
        scale = plain.abs().max()
        assert scale > 0, f"{name} has no gradient to compare"
        assert (ours - plain).abs().max() <= 1e-7 * scale, name


@pytest.mark.parametrize(
    ("features", "known", "match"),
    [
        ((1, 16, 32, 32), (1, 1, 32, 32), r"must be \(N, 8, h, w\)"),
        ((1, 8, 32, 32), (1, 1, 16, 16), r"known has shape .* it must be \(1, 1, 32, 32\)"),
        ((1, 8, 36, 32), (1, 1, 36, 32), "36 × 32; both sides must be multiples of 8"),
    ],
)
def test_the_module_says_what_it_cannot_take(features: tuple[int, ...], known: tuple[int, ...], match: str) -> None:
    module = RecurrentFeatureReasoning.from_config(RFRConfig(width=8, norm="group"))
    with pytest.raises(ValueError, match=match):
        module(torch.rand(features), torch.ones(known))


def test_the_residual_module_says_what_it_cannot_take() -> None:
    module = RecurrentFeatureReasoning.from_config(
        RFRConfig(width=8, blocks="residual", channels=(8, 8, 8), attention_scale=4)
    )
    with pytest.raises(ValueError, match="33 × 31; both sides must be multiples of 4"):
        module(torch.rand(1, 8, 33, 31), torch.ones(1, 1, 33, 31))
    assert module(torch.rand(1, 8, 12, 20), torch.ones(1, 1, 12, 20)).merged.shape == (1, 8, 12, 20)
