"""Both attentions: what they compute, what they remember, and that how scores are held changes neither."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from network_samples import assert_close, build, sample
from torch import Tensor

from rfr_core.network import attention_memory
from rfr_core.network.attention import ContextualAttention, KnowledgeConsistentAttention
from rfr_core.network.attention_memory import AttentionMemory, attend


def plain_scores(features: Tensor, query: str = "raw", smoothing: str = "sum") -> Tensor:
    """Eq. 4-5 for (N, C, h, w), by the book: every similarity, then the sum or mean over the query's neighbourhood."""
    n, _, h, w = features.shape
    keys = (features + 1e-7) / (features + 1e-7).square().sum(1, keepdim=True).sqrt()
    asked = keys if query == "normalized" else features
    similarity = torch.einsum("ncyx,ncij->nijyx", asked, keys).reshape(n, h * w, h, w)
    smoothed = F.avg_pool2d(similarity, 3, 1, 1) * (9 if smoothing == "sum" else 1)
    return smoothed.softmax(1).flatten(2).transpose(1, 2)  # (N, query, key)


def sequence(count: int, *shape: int) -> tuple[list[Tensor], list[Tensor]]:
    """Features and growing masks of some recurrences."""
    torch.manual_seed(0)
    features = [torch.randn(*shape, dtype=torch.float64) for _ in range(count)]
    masks = [torch.zeros(shape[0], 1, *shape[2:], dtype=torch.float64) for _ in range(count)]
    for index, mask in enumerate(masks):
        mask[..., : 2 + index] = 1
    return features, masks


def run(module: torch.nn.Module, features: list[Tensor], masks: list[Tensor], keep_scores: bool = True) -> list:
    memory = AttentionMemory(keep_scores=keep_scores)
    outputs = []
    for one, mask in zip(features, masks, strict=True):
        output, memory = module(one, mask, memory)
        outputs.append((output, memory))
    return outputs


@pytest.mark.parametrize("query", ["raw", "normalized"])
@pytest.mark.parametrize("values", ["normalized", "raw"])
@pytest.mark.parametrize("smoothing", ["sum", "mean"])
def test_kca_is_what_the_paper_says(query: str, values: str, smoothing: str) -> None:
    torch.manual_seed(0)
    module = KnowledgeConsistentAttention(6, query, values, None, smoothing).double()
    assert module.ratio is not None
    torch.nn.init.constant_(module.ratio, -0.7)
    features, masks = sequence(3, 2, 6, 5, 7)
    scores = None
    for index, (output, memory) in enumerate(run(module, features, masks)):
        one = features[index]
        now = plain_scores(one, query, smoothing)
        if scores is not None:
            earlier = masks[index - 1].flatten(2).transpose(1, 2)
            now = (earlier * scores + 0.7 * now) / (earlier + 0.7)
        scores = now
        assert_close(memory.scores, scores, 1e-6)
        assert torch.equal(memory.known, masks[index])
        taken = one if values == "raw" else one / one.norm(dim=1, keepdim=True)
        rebuilt = torch.einsum("nqk,nck->ncq", scores, taken.flatten(2)).view_as(one)
        assert_close(output, module.combiner(torch.cat([rebuilt, one], 1)), 1e-6)


def test_contextual_attention_takes_from_known_positions_alone() -> None:
    module = ContextualAttention(6).double()
    features, masks = sequence(2, 2, 6, 5, 7)
    for mask, (_, memory) in zip(masks, run(module, features, masks), strict=True):
        scores = memory.scores
        torch.testing.assert_close(scores.sum(2), torch.ones_like(scores[..., 0]))
        assert float((scores * (1 - mask.flatten(2))).max()) == 0


def test_contextual_attention_compares_patches() -> None:
    module = ContextualAttention(6).double()
    (features, *_), _ = sequence(1, 1, 6, 4, 5)
    known = torch.ones(1, 1, 4, 5)
    patches = F.normalize(F.unfold(features, 3, padding=1), dim=1)
    expected = (torch.einsum("ncq,nck->nqk", patches, patches) * 10).softmax(2)
    assert_close(module(features, known, None)[1].scores, expected, 1e-12)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16])
@pytest.mark.parametrize("attention_class", [KnowledgeConsistentAttention, ContextualAttention])
def test_a_map_without_anything_known_gives_even_scores(attention_class: type, dtype: torch.dtype) -> None:
    module = attention_class(8).to(dtype)
    with torch.inference_mode():
        output, memory = module(torch.zeros(1, 8, 4, 4, dtype=dtype), torch.zeros(1, 1, 4, 4), None)
    assert bool(torch.isfinite(output).all())
    torch.testing.assert_close(memory.scores, torch.full((1, 16, 16), 1 / 16, dtype=dtype))


def test_a_ratio_of_zero_keeps_known_scores_and_replaces_unknown_ones() -> None:
    module = KnowledgeConsistentAttention(6).double()
    assert module.ratio is not None
    torch.nn.init.zeros_(module.ratio)
    features, masks = sequence(2, 1, 6, 5, 7)
    (_, first), (_, second) = run(module, features, masks)
    known = masks[0].flatten() > 0
    torch.testing.assert_close(second.scores[:, known], first.scores[:, known], rtol=0, atol=1e-6)
    torch.testing.assert_close(second.scores[:, ~known], plain_scores(features[1])[:, ~known])


@pytest.mark.parametrize("keep_scores", [True, False])
@pytest.mark.parametrize("attention_class", [KnowledgeConsistentAttention, ContextualAttention])
@pytest.mark.parametrize(
    ("limits", "tolerance"),
    [({"BLOCK": 64}, 1e-12), ({"BLOCK": 64, "EXACT_SCORES": 0}, 1e-3), ({"BLOCK": 64, "STORED_SCORES": 0}, 1e-12)],
    ids=["in blocks", "in half precision", "computed again"],
)
def test_how_scores_are_held_changes_nothing(
    limits: dict[str, int],
    tolerance: float,
    attention_class: type,
    keep_scores: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    torch.manual_seed(0)
    module = attention_class(6).double()
    features, masks = sequence(4, 2, 6, 9, 7)
    expected = run(module, features, masks)
    for name, value in ({"BLOCK_ROWS": 3} | limits).items():
        monkeypatch.setattr(attention_memory, name, value)
    with torch.inference_mode():
        actual = run(module, features, masks, keep_scores)
    for (output, memory), (expected_output, expected_memory) in zip(actual, expected, strict=True):
        assert_close(output, expected_output, tolerance)
        if keep_scores:
            assert_close(memory.scores.double(), expected_memory.scores, tolerance)
            # Some CPUs sum fewer rows in another order.
            assert_close(memory.rows(10, 17), memory.scores[:, 10:17], 1e-12)


def test_recurrences_that_no_longer_count_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    module = KnowledgeConsistentAttention(6).double()
    assert module.ratio is not None
    torch.nn.init.constant_(module.ratio, 9.0)  # a tenth is kept each time
    features, masks = sequence(9, 1, 6, 5, 5)
    expected = run(module, features, masks)[-1][0]
    monkeypatch.setattr(attention_memory, "STORED_SCORES", 0)
    with torch.inference_mode():
        output, memory = run(module, features, masks)[-1]
    assert len(memory._history) == 4
    assert_close(output, expected, 1e-3)


def test_scores_that_were_not_kept_are_refused() -> None:
    network = build()
    with torch.inference_mode():
        step = next(network.steps(*sample(1, 32, 32), keep_scores=False))
        with pytest.raises(RuntimeError, match="keep_scores=True"):
            _ = step.memory.scores


@pytest.mark.parametrize("limit", [None, 0])
def test_scores_of_earlier_steps_stay_what_they_were(limit: int | None, monkeypatch: pytest.MonkeyPatch) -> None:
    if limit is not None:
        monkeypatch.setattr(attention_memory, "STORED_SCORES", limit)
    with torch.inference_mode():
        steps = build().steps(*sample(2, 48, 48))
        pairs = [(step, step.memory.scores.clone()) for step in steps]
    assert len({float(scores[0, 0, 0]) for _, scores in pairs}) == len(pairs)
    assert all(torch.equal(step.memory.scores, scores) for step, scores in pairs)


def test_without_attention_there_is_no_memory() -> None:
    with torch.inference_mode():
        assert all(step.memory is None for step in build(attention=None).steps(*sample(1, 32, 32)))


def test_attention_over_one_position_returns_it() -> None:
    values = torch.randn(1, 1, 4)
    now = attention_memory.Attended(values, values, torch.float32)
    rebuilt, memory = attend(now, values, AttentionMemory(), torch.ones(1, 1, 1, 1))
    assert torch.equal(rebuilt, values)
    assert memory.scores.tolist() == [[[1.0]]]
