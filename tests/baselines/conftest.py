"""Pictures that networks are trained on in these tests."""

from __future__ import annotations

from pathlib import Path

import pytest
from block_pictures import write_block_pictures
from PIL import Image


@pytest.fixture(scope="session")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of three pictures of coloured blocks."""
    folder = tmp_path_factory.mktemp("photographs")
    write_block_pictures(folder, 6, 8, Image.Resampling.NEAREST)
    return folder
