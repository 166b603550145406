"""Training samples: pictures, holes, data set layouts, shards."""

from rfr_core.training.data.packed import pack
from rfr_core.training.data.samples import DataConfig, Sample, TrainingHoles, TrainingPictures
from rfr_core.training.data.shards import ShardPictures
from rfr_core.training.data.write_shards import write_shards

__all__ = [
    "DataConfig",
    "Sample",
    "ShardPictures",
    "TrainingHoles",
    "TrainingPictures",
    "pack",
    "write_shards",
]
