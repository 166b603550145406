import math

import numpy as np
import pytest
import torch
from torch import Tensor

from rfr_core.errors import ImageError
from rfr_core.metrics import all_metrics, l1, psnr, ssim


def pictures(n: int = 3, height: int = 40, width: int = 33) -> tuple[Tensor, Tensor]:
    """A smooth picture and a disturbed copy, values between the 8-bit steps."""
    generator = torch.Generator().manual_seed(7)
    coarse = torch.rand(n, 3, 6, 5, generator=generator)
    truth = torch.nn.functional.interpolate(coarse, (height, width), mode="bicubic").clamp(0, 1)
    noise = 0.2 * torch.randn(n, 3, height, width, generator=generator)
    return (truth + noise).clamp(0, 1), truth


def bytes_of(picture: Tensor) -> np.ndarray:
    """(3, H, W) in [0, 1] -> (H, W, 3) uint8."""
    return picture.mul(255).round().to(torch.uint8).permute(1, 2, 0).numpy()


def hole_like(picture: Tensor) -> Tensor:
    hole = torch.zeros(len(picture), 1, *picture.shape[-2:])
    hole[:, :, 5:20, 8:25] = 1
    return hole


def test_agree_with_scikit_image():
    metrics = pytest.importorskip("skimage.metrics")
    result, truth = pictures()
    for i in range(len(result)):
        a, b = bytes_of(truth[i]), bytes_of(result[i])
        assert psnr(result, truth)[i].item() == pytest.approx(metrics.peak_signal_noise_ratio(a, b), abs=1e-9)
        expected = metrics.structural_similarity(a, b, channel_axis=2)
        assert ssim(result, truth)[i].item() == pytest.approx(expected, abs=1e-9)


def test_ssim_in_the_hole_is_scikit_image_map_over_the_hole():
    metrics = pytest.importorskip("skimage.metrics")
    result, truth = pictures(1)
    hole = hole_like(truth)
    _, full = metrics.structural_similarity(bytes_of(truth[0]), bytes_of(result[0]), channel_axis=2, full=True)
    assert ssim(result, truth, hole).item() == pytest.approx(full[hole[0, 0].numpy() > 0].mean(), abs=1e-9)


def test_agree_with_torchmetrics():
    torchmetrics = pytest.importorskip("torchmetrics")
    result, truth = (picture.mul(255).round() for picture in pictures(1))
    scaled = (result / 255, truth / 255)
    assert psnr(*scaled).item() == pytest.approx(torchmetrics.image.PeakSignalNoiseRatio(255.0)(result, truth).item())
    assert l1(*scaled).item() == pytest.approx(torchmetrics.MeanAbsoluteError()(result, truth).item() / 255)


def test_known_values():
    truth = torch.zeros(1, 3, 8, 8)
    result = truth.clone()
    result[..., :4, :] = 51 / 255
    assert l1(result, truth).item() == pytest.approx(0.1)
    assert psnr(result, truth).item() == pytest.approx(10 * math.log10(2 * 25))


def test_hole_alone_counts():
    result, truth = pictures()
    hole = hole_like(truth)
    composite = torch.where(hole > 0, result, truth)
    share = hole.mean().item()
    torch.testing.assert_close(l1(composite, truth), l1(result, truth, hole) * share)
    torch.testing.assert_close(psnr(composite, truth), psnr(result, truth, hole) - 10 * math.log10(share))
    assert (ssim(composite, truth, hole) < ssim(composite, truth)).all()


def test_all_metrics_are_the_single_ones():
    result, truth = pictures()
    hole = hole_like(truth)
    found = all_metrics(result, truth, hole)
    assert list(found) == ["psnr", "ssim", "l1", "psnr_hole", "ssim_hole", "l1_hole"]
    for name, metric in (("psnr", psnr), ("ssim", ssim), ("l1", l1)):
        assert torch.equal(found[name], metric(result, truth))
        assert torch.equal(found[f"{name}_hole"], metric(result, truth, hole))


def test_equal_pictures():
    _, truth = pictures()
    assert l1(truth, truth).eq(0).all()
    assert psnr(truth, truth).isinf().all()
    torch.testing.assert_close(ssim(truth, truth), torch.ones(3, dtype=torch.float64))


def test_each_picture_of_a_batch_by_itself():
    result, truth = pictures()
    for metric in (l1, psnr, ssim):
        alone = torch.cat([metric(result[i : i + 1], truth[i : i + 1]) for i in range(3)])
        torch.testing.assert_close(metric(result, truth), alone, rtol=0, atol=1e-12)


def test_half_precision_counts_as_what_is_saved():
    result, truth = (picture.mul(255).round().div(255) for picture in pictures())
    for metric in (l1, psnr, ssim):
        torch.testing.assert_close(metric(result.half(), truth.half()), metric(result, truth), rtol=0, atol=1e-12)


def test_no_hole_pixel_gives_nan():
    result, truth = pictures()
    for metric in (l1, psnr, ssim):
        assert metric(result, truth, torch.zeros(3, 1, 40, 33)).isnan().all()


def test_refusals():
    result, truth = pictures()
    with pytest.raises(ImageError, match="shapes"):
        psnr(result[..., :-1], truth)
    with pytest.raises(ImageError, match="hole has shape"):
        l1(result, truth, torch.ones(3, 3, 40, 33))
    with pytest.raises(ImageError, match="at least 7×7"):
        ssim(result[..., :6], truth[..., :6])
