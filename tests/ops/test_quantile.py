"""Quantiles by selection."""

from __future__ import annotations

import pytest
import torch

from rfr_core.ops.quantile import quantile


@pytest.mark.parametrize("count", [1, 2, 3, 10, 1001])
@pytest.mark.parametrize("share", [0, 0.005, 0.3, 0.75, 1])
def test_it_is_that_of_all_values_in_order(count: int, share: float) -> None:
    values = torch.rand(count, generator=torch.Generator().manual_seed(count))
    torch.testing.assert_close(quantile(values, share), values.quantile(share))
    assert quantile(values, share).ndim == 0


def test_equal_values_are_their_own() -> None:
    assert float(quantile(torch.full((7,), 0.3), 0.75)) == pytest.approx(0.3)
