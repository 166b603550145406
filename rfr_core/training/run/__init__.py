"""A training run: recipe, trainer, run folder."""
