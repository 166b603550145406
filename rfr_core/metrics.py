"""How near a filled picture is to the true one: l1, PSNR and SSIM, over the whole picture or inside the hole.

All three are taken per picture, over the 8-bit values v = round(255 x) of pictures in [0, 1], which is what a
saved file holds. The whole-picture figures are those of the inpainting papers (Liu et al. 2018 onwards), where
a fill is composited with the known pixels first; those inside the hole do not depend on how large it is.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from rfr_core.errors import ImageError

SSIM_WINDOW = 7

_STABILISERS = (0.01, 0.03)  # K1 and K2 of Wang et al. 2004


def l1(result: Tensor, truth: Tensor, hole: Tensor | None = None) -> Tensor:
    """Mean absolute difference: mean |v_result - v_truth| / 255 over pixels and channels; lower is better.

    result, truth: (N, 3, H, W) in [0, 1]. hole: (N, 1, H, W), 1 = hole, to average over the hole alone. Returns
    (N,) float64 on the CPU; NaN where a picture has no hole pixel. The paper's "mean l1" is this, a fraction.
    Raises ImageError: shapes that do not fit each other.
    """
    return _mean(_absolute(*_eight_bit(result, truth)), hole)


def psnr(result: Tensor, truth: Tensor, hole: Tensor | None = None) -> Tensor:
    """Peak signal-to-noise ratio in dB: 10 log10(255² / mean (v_result - v_truth)²); higher is better.

    The mean runs over pixels and channels together. Arguments, shape and errors as for `l1`; infinite for equal
    pictures.
    """
    return _decibels(_mean(_squared(*_eight_bit(result, truth)), hole))


def ssim(result: Tensor, truth: Tensor, hole: Tensor | None = None) -> Tensor:
    """Structural similarity (Wang et al. 2004) with a uniform 7x7 window; 1 for equal pictures, higher is better.

    Per channel and window, with means m, variances s² and covariance c (divided by 48, not 49):
    (2 m1 m2 + C1) (2 c + C2) / ((m1² + m2² + C1) (s1² + s2² + C2)), C1 = (0.01 · 255)², C2 = (0.03 · 255)².
    The figure is the mean over channels and over all windows that lie inside the picture; with a hole, over
    those whose centre is a hole pixel. It equals scikit-image's `structural_similarity` for 8-bit pictures with
    `channel_axis`. Arguments and shape as for `l1`.

    Raises ImageError: shapes that do not fit each other, or pictures smaller than the window.
    """
    return _mean(similarity_map(*_eight_bit(result, truth), 255), _window_centres(hole))


def all_metrics(result: Tensor, truth: Tensor, hole: Tensor) -> dict[str, Tensor]:
    """``l1``, ``psnr`` and ``ssim`` over the whole picture and, as ``l1_hole`` and so on, inside the hole.

    Arguments and errors as for the three functions; quicker than calling each of them twice.
    """
    a, b = _eight_bit(result, truth)
    squared, similarity, absolute = _squared(a, b), similarity_map(a, b, 255), _absolute(a, b)
    return {
        "psnr": _decibels(_mean(squared)),
        "ssim": _mean(similarity),
        "l1": _mean(absolute),
        "psnr_hole": _decibels(_mean(squared, hole)),
        "ssim_hole": _mean(similarity, _window_centres(hole)),
        "l1_hole": _mean(absolute, hole),
    }


def _eight_bit(result: Tensor, truth: Tensor) -> tuple[Tensor, Tensor]:
    """The 8-bit values of two (N, 3, H, W), as float64 on the CPU: not every device computes in that."""
    if result.ndim != 4 or result.shape[1] != 3 or result.shape != truth.shape:
        raise ImageError(
            f"The pictures have shapes {tuple(result.shape)} and {tuple(truth.shape)}; expected twice (N, 3, H, W)."
        )
    a, b = (x.detach().cpu().to(torch.float64).clamp(0, 1).mul(255).round() for x in (result, truth))
    return a, b


def _absolute(a: Tensor, b: Tensor) -> Tensor:
    return (a - b).abs() / 255


def _squared(a: Tensor, b: Tensor) -> Tensor:
    return (a - b).square()


def _decibels(mean_squared: Tensor) -> Tensor:
    return 10 * torch.log10(255**2 / mean_squared)


def _window_centres(hole: Tensor | None) -> Tensor | None:
    """The part of a hole where the SSIM map is: windows reach half their side beyond their centre."""
    margin = SSIM_WINDOW // 2
    return None if hole is None else hole[..., margin:-margin, margin:-margin]


def _mean(values: Tensor, hole: Tensor | None = None) -> Tensor:
    """(N, C, H, W) -> (N,), over everything or over the pixels of a hole (N, 1, H, W)."""
    if hole is None:
        return values.flatten(1).mean(1)
    n, channels, height, width = values.shape
    if hole.shape != (n, 1, height, width):
        raise ImageError(f"The hole has shape {tuple(hole.shape)}; expected (N, 1, H, W) of the pictures.")
    weight = (hole.detach().cpu() > 0.5).to(values.dtype)
    return (values * weight).flatten(1).sum(1) / (weight.flatten(1).sum(1) * channels)


def similarity_map(a: Tensor, b: Tensor, white: float = 1.0) -> Tensor:
    """The map whose mean `ssim` is, of values from 0 to ``white`` as they are: (N, C, H, W) -> (N, C, H - 6, W - 6).

    Differentiable. Raises ImageError: pictures smaller than the window.
    """
    height, width = a.shape[-2:]
    if min(height, width) < SSIM_WINDOW:
        raise ImageError(f"The pictures are {width}×{height} pixels; SSIM needs at least {SSIM_WINDOW}×{SSIM_WINDOW}.")
    c1, c2 = ((share * white) ** 2 for share in _STABILISERS)
    unbiased = SSIM_WINDOW**2 / (SSIM_WINDOW**2 - 1)
    mean_a, mean_b = _window_mean(a), _window_mean(b)
    var_a = unbiased * (_window_mean(a * a) - mean_a**2)
    var_b = unbiased * (_window_mean(b * b) - mean_b**2)
    covariance = unbiased * (_window_mean(a * b) - mean_a * mean_b)
    luminance = (2 * mean_a * mean_b + c1) / (mean_a**2 + mean_b**2 + c1)
    return luminance * (2 * covariance + c2) / (var_a + var_b + c2)


def _window_mean(values: Tensor) -> Tensor:
    return F.avg_pool2d(F.avg_pool2d(values, (SSIM_WINDOW, 1), 1), (1, SSIM_WINDOW), 1)
