"""Scores of many fills together, by an Inception network's features: FID, U-IDS and P-IDS.

Heusel et al. 2017, "GANs trained by a two time-scale update rule"; Zhao et al. 2021, "Large scale image completion via
co-modulated generative adversarial networks".
"""

from __future__ import annotations

import warnings
from pathlib import Path

import torch
from torch import Tensor, nn

from rfr_core.errors import ConfigError
from rfr_core.images.values import to_bytes

NAMES = ("fid", "u_ids", "p_ids")


class InceptionFeatures:
    """An Inception network from a file: picture (1, 3, H, W) in [0, 1] -> its features (1, F).

    The file is TorchScript, as NVIDIA publishes it (``inception-2015-12-05.pt``): it takes bytes (N, 3, H, W) and
    ``return_features``. Raises ConfigError where it is none.
    """

    def __init__(self, path: Path) -> None:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", DeprecationWarning)  # it is what everyone's figures are made with
                self._network = torch.jit.load(str(path), "cpu").eval()
        except (OSError, RuntimeError, ValueError) as error:
            raise ConfigError(
                f"{path} is no TorchScript file of an Inception network; give NVIDIA's inception-2015-12-05.pt."
            ) from error

    @torch.inference_mode()
    def __call__(self, picture: Tensor) -> Tensor:
        try:
            return self._network(to_bytes(picture), return_features=True).float().cpu()
        except RuntimeError as error:
            raise ConfigError(
                "The Inception network takes no bytes with return_features; give NVIDIA's inception-2015-12-05.pt."
            ) from error


def distribution_scores(fills: Tensor, truth: Tensor) -> dict[str, float]:
    """FID (0 = alike), U-IDS and P-IDS (from 0 to about 0.5, which is best) of features (N, F) each, in pairs.

    A linear support vector machine is to tell fills from photographs. U-IDS: the share that it gets wrong. P-IDS: the
    share of pairs of which it takes the fill for the photograph. Undefined (NaN) for fewer than two pictures.
    """
    if len(fills) < 2:
        return dict.fromkeys(NAMES, float("nan"))
    return {"fid": _fid(fills, truth), **_inception_discrimination(fills, truth)}


def _fid(fills: Tensor, truth: Tensor) -> float:
    from torchmetrics.image.fid import FrechetInceptionDistance

    features = nn.Identity()  # they have been computed
    features.num_features = fills.shape[1]  # pyright: ignore[reportArgumentType]
    metric = FrechetInceptionDistance(features)
    metric.update(truth, real=True)
    metric.update(fills, real=False)
    return max(0.0, metric.compute().item())  # rounding may put it below


def _inception_discrimination(fills: Tensor, truth: Tensor) -> dict[str, float]:
    from sklearn.svm import LinearSVC

    values = torch.cat([truth, fills]).numpy()
    real = [True] * len(truth) + [False] * len(fills)
    machine = LinearSVC(dual=False).fit(values, real)  # pyright: ignore[reportArgumentType]
    of_truth, of_fills = machine.decision_function(values).reshape(2, -1)
    return {"u_ids": 1 - float(machine.score(values, real)), "p_ids": float((of_fills > of_truth).mean())}
