"""What the project depends on: exact versions that fit, and a PyTorch whose weights_only is sound."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

packaging = pytest.importorskip("packaging.requirements")
if sys.version_info >= (3, 11):
    import tomllib
else:
    tomllib = pytest.importorskip("tomli")

ROOT = Path(__file__).resolve().parents[1]


def pins() -> dict[str, list[str]]:
    """The exact versions in constraints.txt by the package's name."""
    found: dict[str, list[str]] = {}
    for line in (ROOT / "constraints.txt").read_text("utf-8").splitlines():
        if line and not line.startswith("#"):
            requirement = packaging.Requirement(line)
            (only,) = requirement.specifier
            assert only.operator == "==", line
            found.setdefault(_normal(requirement.name), []).append(only.version)
    return found


def requirements() -> list[str]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    extras = [text for texts in project["optional-dependencies"].values() for text in texts]
    return [text for text in [*project["dependencies"], *extras] if not text.startswith(project["name"])]


def _normal(name: str) -> str:
    return name.lower().replace("_", "-")


@pytest.mark.parametrize("text", requirements())
def test_every_dependency_is_pinned_to_a_version_that_fits(text: str) -> None:
    requirement = packaging.Requirement(text)
    if requirement.name == "tomli":  # for Python 3.10 alone, where the constraints leave it free
        return
    versions = pins().get(_normal(requirement.name))
    assert versions, f"{requirement.name} has no line in constraints.txt"
    assert all(requirement.specifier.contains(version) for version in versions)


def test_torch_is_new_enough_to_be_trusted_with_pickles() -> None:
    (torch,) = (packaging.Requirement(text) for text in requirements() if text.startswith("torch>"))
    assert not torch.specifier.contains("2.5.1")
    assert torch.specifier.contains("2.6.0")
