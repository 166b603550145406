"""Photographs with synthetic defects, restored by one command, against the usual recipe with OpenCV."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from benchmarks.defects import LONGEST
from benchmarks.photographs import as_bytes, photographs
from benchmarks.report import Table, Value
from benchmarks.setting import Setting
from rfr_core.defects.drawn_defects import draw_defects
from rfr_core.defects.finding import find_defects
from rfr_core.holes.shaping import grow
from rfr_core.inpainter import Inpainter
from rfr_core.metrics import psnr, ssim
from rfr_core.options import Detail
from rfr_core.training.losses import lpips


def run(setting: Setting) -> Table:
    inpainter = Inpainter.from_pretrained(device="cpu")
    ways: dict[str, Callable[[np.ndarray, Tensor], np.ndarray]] = {
        "as it is": lambda pixels, truth: pixels,
        "`rfr restore`": lambda pixels, truth: _restored(inpainter, pixels, None, "exact"),
        "`rfr restore --texture`": lambda pixels, truth: _restored(inpainter, pixels, None, "texture"),
        "known defects, exact": lambda pixels, truth: _restored(inpainter, pixels, truth, "exact"),
        "top-hat + Telea": lambda pixels, truth: _top_hat(pixels),
        "median + Telea": lambda pixels, truth: _median(pixels),
    }
    perceptual = lpips.ShiftTolerantLPIPS() if lpips.is_available() else None
    scores: dict[str, list[list[float]]] = {way: [] for way in ways}
    for seed, clean in enumerate(photographs(setting.pictures, LONGEST)):
        damaged = draw_defects(clean, generator=seed)
        hole = damaged.hole.float()
        for way, restore in ways.items():
            pixels = restore(as_bytes(damaged.picture).numpy(), hole)
            result = torch.from_numpy(np.ascontiguousarray(pixels)).permute(2, 0, 1)[None].float() / 255
            distance = perceptual(result, clean, hole)[0].item() if perceptual else float("nan")
            scores[way].append([psnr(result, clean).item(), ssim(result, clean).item(), distance])
    rows: list[list[Value]] = [[way, *np.mean(values, axis=0).tolist()] for way, values in scores.items()]
    title = f"{len(scores['as it is'])} photographs of at most {LONGEST} pixels with synthetic defects, restored"
    return Table(title, ("way", "PSNR dB", "SSIM", "LPIPS"), rows)


def _restored(inpainter: Inpainter, pixels: np.ndarray, hole: Tensor | None, detail: Detail) -> np.ndarray:
    hole = find_defects(pixels) if hole is None else hole
    return inpainter(pixels, grow(hole, 1), detail=detail)


def _top_hat(pixels: np.ndarray) -> np.ndarray:
    """The recipe of many tutorials: white and black top-hat, one threshold, Telea."""
    import cv2

    gray = cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY)
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (9, 9))
    hats = [cv2.morphologyEx(gray, way, kernel) for way in (cv2.MORPH_TOPHAT, cv2.MORPH_BLACKHAT)]
    mask = cv2.dilate((np.maximum(*hats) > 60).astype(np.uint8), np.ones((3, 3), np.uint8))
    return cv2.inpaint(pixels, mask, 5, cv2.INPAINT_TELEA)


def _median(pixels: np.ndarray) -> np.ndarray:
    """The other usual recipe: what differs from the median of its surroundings, Telea."""
    import cv2

    gray = cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY)
    mask = (cv2.absdiff(gray, cv2.medianBlur(gray, 9)) > 60).astype(np.uint8)
    return cv2.inpaint(pixels, cv2.dilate(mask, np.ones((3, 3), np.uint8)), 5, cv2.INPAINT_TELEA)
