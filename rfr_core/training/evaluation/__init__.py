"""Scores on held-out pictures, and comparison with other methods."""

from rfr_core.training.evaluation.compare_methods import compare
from rfr_core.training.evaluation.protocol import Case, evaluate, read_cases, score

__all__ = [
    "Case",
    "compare",
    "evaluate",
    "read_cases",
    "score",
]
