"""Recipes: every setting checked, every mistake one sentence that names it."""

from __future__ import annotations

from pathlib import Path

import pytest

from rfr_core.config import RFRConfig
from rfr_core.errors import ConfigError
from rfr_core.training.losses.inpainting import LossWeights
from rfr_core.training.run.recipe import Recipe, build, load_recipe, to_table

RECIPES = Path(__file__).parents[2] / "train" / "recipes"


@pytest.mark.parametrize("path", sorted(RECIPES.glob("*.toml")), ids=lambda p: p.stem)
def test_every_recipe_reads_and_survives_a_round_trip(path: Path) -> None:
    recipe = load_recipe(path)
    assert build(Recipe, to_table(recipe), "copy") == recipe


@pytest.mark.parametrize(
    ("name", "steps", "tuning"), [("paris", 400, 200), ("celeba", 350, 150), ("places2", 2000, 1000)]
)
def test_published_settings(name: str, steps: int, tuning: int) -> None:
    recipe = load_recipe(RECIPES / f"{name}.toml")
    first, second = recipe.phases
    assert (first.steps, second.steps) == (steps * 1000, tuning * 1000)
    assert (first.learning_rate, second.learning_rate) == (2e-4, 5e-5)
    assert (first.batch, first.crop, first.freeze_batchnorm, second.freeze_batchnorm) == (6, 256, False, True)
    assert (first.loss.style, first.loss.perceptual, first.loss.hole) == (120, 0.05, 6)
    assert recipe.network.norm == "batch"
    assert (recipe.initial_weights, recipe.data.form, second.new_optimizer) == ("torch", "released", True)
    paper = load_recipe(RECIPES / f"paper_{name}.toml")
    assert paper.network == RFRConfig.paper()
    assert [phase.learning_rate for phase in paper.phases] == [1e-4, 1e-5]
    assert all(phase.loss == LossWeights.paper() for phase in paper.phases)


def test_overrides_reach_every_place(tmp_path: Path) -> None:
    overrides = [
        "phases.1.steps=7",
        "network.width=16",
        "output=some/where",
        "data.cache=true",
        "network.attention=none",
    ]
    recipe = load_recipe(RECIPES / "smoke.toml", overrides)
    assert (recipe.phases[1].steps, recipe.network.width, recipe.output) == (7, 16, "some/where")
    assert recipe.data.cache is True
    assert recipe.network.attention is None


def test_earlier_names_of_settings_go_on_working(tmp_path: Path) -> None:
    path = RECIPES / "refinement.toml"
    text = path.read_text(encoding="utf-8")
    for old, new in (
        ("drafts =", "stacks ="),
        ("phases.textured", "phases.perceptual_output"),
        ("likeness =", "lpips ="),
    ):
        assert new in text
        text = text.replace(new, old)
    (tmp_path / "old.toml").write_text(text, encoding="utf-8")
    assert load_recipe(tmp_path / "old.toml") == load_recipe(path)
    with pytest.raises(ConfigError, match="sets stacks and drafts, which are the same"):
        load_recipe(path, ["data.drafts=runs/drafts"])


@pytest.mark.parametrize(
    ("override", "match"),
    [
        ("speed=3", "unknown setting 'speed'"),
        ("phases.9.steps=3", "no place named phases.9.steps"),
        ("phases.0.steps=0", "steps is 0; it must be 1 or more"),
        ("phases.0.batch=two", "batch is 'two'; it must be of type int"),
        ("phases.0.recurrences=[3]", "must be a list of 2"),
        ("phases.0.recurrences=[5, 4]", "recurrences is"),
        ("phases.0.loss.style=-1", "style is -1"),
        ("phases.0.earlier=-0.5", "earlier is -0.5"),
        ("phases.0.perceptual_share=0.0", "perceptual_share is 0.0; it must be above 0"),
        ("network.width=12", "width is 12"),
        ("precision=int8", "must be one of 'no', 'bf16', 'fp16'"),
        ("ema=1.0", "ema is 1.0"),
        ("nonsense", "takes name=value"),
        ("network=large", "network is 'large'; it must be a table of settings, or one of 'released'"),
        ("data=large", "data is 'large'; it must be a table of settings."),
        ("betas=[0.9, 1.0]", "both must be at least 0 and below 1"),
        ("weight_decay=-1.0", "weight_decay is -1.0; it must be 0 or more"),
    ],
)
def test_mistakes_are_named(override: str, match: str) -> None:
    with pytest.raises(ConfigError, match=match):
        load_recipe(RECIPES / "smoke.toml", [override])


def test_networks_without_recurrences_learn_from_no_earlier_one() -> None:
    with pytest.raises(ConfigError, match="earlier is for RFR-Net"):
        load_recipe(RECIPES / "smoke.toml", ["phases.0.earlier=0.5", "architecture=pconv-unet"])


def test_files_that_are_no_recipe(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="There is no recipe"):
        load_recipe(tmp_path / "missing.toml")
    broken = tmp_path / "broken.toml"
    broken.write_text("a = [", encoding="utf-8")
    with pytest.raises(ConfigError, match="no valid TOML"):
        load_recipe(broken)
    broken.write_text("phases = []\noutput = 'x'", encoding="utf-8")
    with pytest.raises(ConfigError, match="no \\[\\[phases\\]\\]"):
        load_recipe(broken)
    broken.write_text("[[phases]]\nsteps = 1", encoding="utf-8")
    with pytest.raises(ConfigError, match=r"lacks a setting.*output"):
        load_recipe(broken)
