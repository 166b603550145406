"""The network agrees with the released one on data that the released one made."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
import pytest
import torch
from golden import GOLDEN, released_state

from rfr_core.checkpoints.released import read_released
from rfr_core.network.rfr_net import RFRNet

CASES = ["center_64", "no_hole_64", "all_hole_64", "irregular_96x128_batch2", "large_hole_192"]
CASES += ["small_hole_variant_96"]


@pytest.fixture(scope="module")
def released_files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("released")
    files = {}
    for variant in ("standard", "small_hole"):
        state = released_state(variant)
        prefixed = {f"module.{name}": value for name, value in state.items()}
        files[variant] = folder / f"{variant}.pth"
        content = {
            "n_iter": 7,
            "generator": prefixed if variant == "small_hole" else state,
            "optimizer_G": {},
        }
        torch.save(content, files[variant], _use_new_zipfile_serialization=variant == "standard")
    return files


@pytest.fixture(scope="module")
def network(released_files: dict[str, Path]):
    return cache(lambda variant: read_released(released_files[variant]))


def load(name: str) -> dict[str, np.ndarray]:
    with np.load(GOLDEN / f"{name}.npz") as file:
        return {key: file[key] for key in file.files}


@pytest.mark.parametrize("name", CASES)
def test_output_and_every_recurrence_equal_the_released_network(name: str, network) -> None:
    golden = load(name)
    image, known = torch.from_numpy(golden["image"]), torch.from_numpy(golden["mask"])
    net: RFRNet = network(str(golden["variant"]))
    with torch.inference_mode():
        steps = list(net.steps(image, known))
        output = steps[-1].decode()
    assert len(steps) == golden["feature_mask"].shape[1]
    tolerance = 1e-4 * np.abs(golden["output"]).max()
    assert np.abs(output.numpy() - golden["output"]).max() <= tolerance
    for index, step in enumerate(steps):
        np.testing.assert_array_equal(step.known.numpy(), golden["feature_mask"][:, index])
        assert step._recurrence is not None
        features = step._recurrence.features
        for key, value in (("mean", features.mean((2, 3))), ("std", features.std((2, 3)))):
            expected = golden[f"feature_{key}"][:, index]
            np.testing.assert_allclose(value.numpy(), expected, atol=2e-4 * np.abs(expected).max() + 1e-6)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
@pytest.mark.parametrize("name", CASES)
def test_half_precision_is_finite(name: str, dtype: torch.dtype, network) -> None:
    golden = load(name)
    net = network(str(golden["variant"])).to(dtype)
    try:
        with torch.inference_mode():
            output = net(torch.from_numpy(golden["image"]).to(dtype), torch.from_numpy(golden["mask"]))
    finally:
        net.float()
    assert bool(torch.isfinite(output).all())
    if dtype == torch.bfloat16 and name != "all_hole_64":
        error = (output.float() - torch.from_numpy(golden["output"])).abs().mean()
        assert error < 0.05 * np.abs(golden["output"]).mean()


def test_parameter_count_is_the_released_one(network) -> None:
    net = network("standard")
    assert sum(p.numel() for p in net.parameters()) == 31_224_065
    assert sum(p.numel() for p in net.reasoning.reason.attention.parameters()) == 524_801
