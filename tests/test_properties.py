"""What holds for every picture and every hole; ``python -m tests.stress properties`` tries many more of them."""

from __future__ import annotations

import pytest
from stress import properties


@pytest.mark.parametrize("name", properties.PROPERTIES)
def test_holds(name: str) -> None:
    properties.check(name, examples=12)
