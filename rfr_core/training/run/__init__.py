"""A training run: recipe, trainer, run folder."""

# Not the trainer, which needs the packages of the extra "train": a recipe can be read without them.
from rfr_core.training.run.recipe import Phase, Recipe, load_recipe

__all__ = ["Phase", "Recipe", "load_recipe"]
