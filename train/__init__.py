"""Recipes and the log of runs; the training code is in ``rfr_core.training``."""
