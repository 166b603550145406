"""Pictures that networks are trained on in these tests."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image


@pytest.fixture(scope="session")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of three pictures of coloured blocks."""
    folder = tmp_path_factory.mktemp("photographs")
    random = np.random.default_rng(5)
    for index in range(3):
        blocks = Image.fromarray(random.integers(0, 256, (6, 8, 3), dtype=np.uint8))
        blocks.resize((96, 72), Image.Resampling.NEAREST).save(folder / f"{index}.png")
    return folder
