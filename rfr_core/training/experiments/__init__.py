"""The paper's tables and ablations at small scale."""

from rfr_core.training.experiments.budget import BUDGETS, Budget, Sources
from rfr_core.training.experiments.paper import EXPERIMENTS

__all__ = ["BUDGETS", "EXPERIMENTS", "Budget", "Sources"]
