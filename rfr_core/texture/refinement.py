"""Refinement: a small U-Net that blends a blurry fill and patches into one fill, for the least error or for texture.

The blurry fill knows where colours go, the patches where lines go on, but their texture is seldom the true one. What
has the least error is blurry, what looks real is not: one network makes either, and all between. Neither released nor
in the paper.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from rfr_core.ops.box import Box
from rfr_core.ops.initialization import initialize
from rfr_core.ops.padding import pad_to
from rfr_core.texture.settings import HALVINGS, MULTIPLE, UNSHUFFLE

STACK_CHANNELS = 10  # of the input stack: the blurry fill, and those of a `Synthesis`
BLURRY, PATCHED = slice(0, 3), slice(3, 6)  # which of them are the blurry fill and the picture made of patches
MISMATCH = slice(9, 10)  # and which says how far patches are from where they were found
_CHANNELS = STACK_CHANNELS + 2  # and what is known, and how much texture is wanted
_DILATION = 2  # of the innermost convolutions
_PATCH_LOGIT = 3.0  # of the blending mask at the start of training: nearly all patches
_LOGIT_SCALE = 8.0  # of the blending mask
_RESIDUAL_SCALE = 0.3  # of a block's second convolution at the start of training
_BLOCK_REACH = 2  # pixels around one that count, in a block of two 3x3 convolutions


class Refinement(nn.Module):
    """The U-Net; it has no normalisation, so that colours stay what they are."""

    def __init__(self, width: int) -> None:
        """width: channels at every scale."""
        super().__init__()
        self.head = nn.Conv2d(_CHANNELS * UNSHUFFLE**2, width, 3, padding=1)
        self.encoders = nn.ModuleList(_Residual(width) for _ in range(HALVINGS))
        self.downs = nn.ModuleList(nn.Conv2d(width, width, 2, 2) for _ in range(HALVINGS))
        self.middle = nn.Sequential(_Residual(width), _Residual(width, _DILATION))
        self.ups = nn.ModuleList(nn.Conv2d(width, 4 * width, 1) for _ in range(HALVINGS))
        self.decoders = nn.ModuleList(_Residual(width) for _ in range(HALVINGS))
        self.tail = nn.Conv2d(width, 4 * UNSHUFFLE**2, 3, padding=1)
        if not self.tail.weight.is_meta:  # there, there is nothing to fill
            self._initialize()

    def forward(self, stack: Tensor, known: Tensor, *, texture: Tensor | float, box: Box | None = None) -> Tensor:
        """Refines fills of pictures of any size.

        stack: (N, 10, H, W) float32 in [0, 1]: the blurry fill, then picture, copies and mismatch of a
        `rfr_core.texture.exemplar.Synthesis`. known: (N, 1, H, W) in {0, 1}. texture: from 0, where the
        result shall have the least error, to 1, where it shall look real; a number, or one per picture (N,). box: the
        pixels to refine; left out, all. Returns (N, 3, H, W) float32, or the height and width of the box, neither
        clamped nor composited.
        """
        height, width = known.shape[-2:]
        known = known.to(stack.dtype)
        wanted = torch.as_tensor(texture, dtype=stack.dtype, device=stack.device).view(-1, 1, 1, 1).expand_as(known)
        channels = torch.cat([stack - 0.5, known, wanted], 1)
        channels = pad_to(channels.to(self.head.weight.dtype), MULTIPLE)
        channels = F.pixel_unshuffle(channels, UNSHUFFLE)  # (N, 48, H/2, W/2)
        x = self.head(channels.contiguous(memory_format=torch.channels_last))
        skips = []
        for encoder, down in zip(self.encoders, self.downs, strict=True):
            skips.append(encoder(x))
            x = down(F.relu(skips[-1]))
        x = self.middle(x)
        areas = [None] * HALVINGS if box is None else _decoded_areas(box, [skip.shape for skip in skips])
        place = Box(0, 0, *x.shape[-2:])  # of x in the feature map of its scale
        for up, decoder, area in zip(self.ups, self.decoders, areas, strict=True):
            skip = skips.pop()
            if area is not None:
                x, place = x[(..., *area.within(place).slices)], area.enlarged(2)
                skip = skip[(..., *place.slices)]
            x = decoder(skip + F.pixel_shuffle(up(F.relu(x)), 2))
        x = F.pixel_shuffle(self.tail(F.relu(x)), UNSHUFFLE)
        if box is None:
            x = x[..., :height, :width]
        else:
            x, stack = x[(..., *box.within(place.enlarged(UNSHUFFLE)).slices)], stack[(..., *box.slices)]
        x = x.float()  # (N, 4, H, W)
        share = torch.sigmoid(_PATCH_LOGIT + _LOGIT_SCALE * x[:, :1])
        return torch.lerp(stack[:, BLURRY], stack[:, PATCHED], share) + x[:, 1:]

    def _initialize(self) -> None:
        """Weights with which the result is the patches' fill but for a little of the blurry one."""
        self.apply(initialize)
        with torch.no_grad():
            for block in self.modules():
                if isinstance(block, _Residual):
                    block.second.weight.mul_(_RESIDUAL_SCALE)
            self.tail.weight.mul_(1e-2)


def _decoded_areas(box: Box, skips: Sequence[torch.Size]) -> list[Box]:
    """What each decoder has to see of the feature map below it for the pixels of a box, the coarsest first.

    skips: shapes of the encoders' feature maps, the finest first.
    """
    areas, needed = [], box.reduced(UNSHUFFLE)
    margin = 1 + _BLOCK_REACH  # of the tail, too
    for shape in skips:
        needed = needed.grown(margin, shape[-2], shape[-1]).reduced(2)
        areas.append(needed)
        margin = _BLOCK_REACH
    return areas[::-1]


class _Residual(nn.Module):
    def __init__(self, width: int, dilation: int = 1) -> None:
        super().__init__()
        self.first = nn.Conv2d(width, width, 3, padding=dilation, dilation=dilation)
        self.second = nn.Conv2d(width, width, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, h, w) -> (N, C, h, w)."""
        return x + self.second(F.relu(self.first(x)))


def refinement_of(network: nn.Module) -> Refinement | None:
    """The refinement of a model, `rfr_core.checkpoints.model.RFRModel`; None where a network has none."""
    refinement = getattr(network, "refinement", None)
    return refinement if isinstance(refinement, Refinement) else None
