"""Finds defects by contrast and shape: candidates at two scales, judged by a logistic regression over what is measured.

Each measure is told in `candidates.FEATURES`; the coefficients were fitted to synthetic defects over photographs by
``python -m benchmarks.fit_defects``.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from rfr_core.defects.candidates import RADII, Candidates, find_candidates
from rfr_core.defects.coefficients import COEFFICIENTS, MEANS, SPREADS
from rfr_core.defects.morphology import dilated
from rfr_core.defects.scratch_tracking import follow_scratches

_EDGE = 0.3  # share of a defect's opacity from which pixels beside it belong to it
_LINE = 6.0  # how many times as long as wide a hair or scratch is at least
_STRAIGHT = 0.93
_CREASE = 2.2  # thousandths of the picture's shorter side that a crease is wide at least


def find_by_contrast(picture: Tensor, kinds: frozenset[str], sensitivity: float) -> np.ndarray:
    """Where a picture (1, 3, H, W) in [0, 1] has defects of some kinds: (H, W) bool."""
    found = np.zeros(picture.shape[-2:], dtype=bool)
    for dark in (False, True):
        for radius in RADII:
            candidates = find_candidates(picture, radius, dark=dark)
            if candidates.count:
                wanted = defect_probability(candidates, radius, dark) >= 1 - sensitivity
                looks = _kinds(candidates)
                wanted &= np.isin(looks, list(kinds))
                found |= _with_edges(candidates, wanted)
                found |= follow_scratches(candidates, wanted & (looks == "scratch"))
    return found


def defect_probability(candidates: Candidates, radius: int, dark: bool) -> np.ndarray:
    """How likely each candidate is a defect: (count,) in [0, 1]."""
    logits = terms(candidates.features(), radius, dark, MEANS, SPREADS) @ COEFFICIENTS
    return 1 / (1 + np.exp(-logits.clip(-30, 30)))


def terms(features: np.ndarray, radius: int, dark: bool, means: np.ndarray, spreads: np.ndarray) -> np.ndarray:
    """What the regression weighs, (count, n): 1, the features at mean 0 and spread 1, polarity, scale, all products."""
    values = np.clip((features - means) / spreads, -4, 4)
    setting = np.full((len(values), 2), (float(dark), float(radius > RADII[0])))
    values = np.concatenate((values, setting), 1)
    first, second = np.triu_indices(values.shape[1])
    return np.concatenate((np.ones((len(values), 1)), values, values[:, first] * values[:, second]), 1)


def _kinds(candidates: Candidates) -> np.ndarray:
    """Which kind each candidate looks like."""
    side = min(candidates.labels.shape)
    line = candidates.length > _LINE * candidates.thickness
    wide = candidates.thickness > max(2.5, _CREASE * side / 1000)
    straight = candidates.straightness > _STRAIGHT
    return np.select([~line, wide, straight], ["dust", "crease", "scratch"], "hair")


def _with_edges(candidates: Candidates, wanted: np.ndarray) -> np.ndarray:
    """The wanted candidates and the pixels beside them that the defect covers in part."""
    labels = np.where(np.concatenate(([False], wanted))[candidates.labels], candidates.labels, 0)
    beside = dilated(torch.from_numpy(labels.astype(np.float32))[None, None], 1)[0, 0].numpy().astype(np.int64)
    least = _EDGE * np.concatenate(([0], candidates.mean(candidates.opacity)))[beside]
    return (labels > 0) | ((beside > 0) & (candidates.opacity > least))
