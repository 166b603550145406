"""Picture files and their pixels."""

from rfr_core.images.modes import SUPPORTED_MODES, to_supported_mode
from rfr_core.images.picture_files import (
    FORMAT_BY_SUFFIX,
    Picture,
    picture_paths,
    read_mask,
    read_picture,
    save_picture,
)

__all__ = [
    "FORMAT_BY_SUFFIX",
    "SUPPORTED_MODES",
    "Picture",
    "picture_paths",
    "read_mask",
    "read_picture",
    "save_picture",
    "to_supported_mode",
]
