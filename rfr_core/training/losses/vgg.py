"""VGG-16 features for the perceptual and style losses (Simonyan and Zisserman 2015)."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import torch
import torch.nn.functional as F
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from rfr_core.errors import CheckpointError
from rfr_core.hub import download

HUB_REPOSITORY = "timm/vgg16.tv_in1k"

VGGInput = Literal["rgb", "caffe"]

# index in torchvision's "features" -> channels in and out; a pooling layer stands behind 2, 7 and 14.
_CONVOLUTIONS = {0: (3, 64), 2: (64, 64), 5: (64, 128), 7: (128, 128), 10: (128, 256), 12: (256, 256), 14: (256, 256)}
_POOLED = (2, 7, 14)
_CAFFE_MEANS = (103.939, 116.779, 123.68)  # of blue, green and red, 0 to 255
_CAFFE_SCALES = (134.0, 305.0, 295.0)  # means of the three poolings over photographs; divided out


class VGG16Features(nn.Module):
    """The three first poolings of VGG-16, frozen.

    Args:
        input_form: ``"rgb"``: torchvision's weights, which take the picture in [0, 1] as it is, without mean or
            deviation, as the released code does. ``"caffe"``: the original weights, which take BGR from 0 to 255 less
            the mean; each pooling is divided by its mean over photographs, so that the losses keep their weights.
    """

    means: Tensor

    def __init__(self, input_form: VGGInput = "rgb") -> None:
        super().__init__()
        if input_form not in ("rgb", "caffe"):
            raise CheckpointError(f"vgg_input is {input_form!r}; it must be 'rgb' or 'caffe'.")
        self.input_form = input_form
        self.features = nn.ModuleDict({str(i): nn.Conv2d(a, b, 3, padding=1) for i, (a, b) in _CONVOLUTIONS.items()})
        self.register_buffer("means", torch.tensor(_CAFFE_MEANS).view(1, 3, 1, 1), persistent=False)
        self.requires_grad_(False)
        self.eval()

    @classmethod
    def from_pretrained(cls, source: str | Path | None = None, input_form: VGGInput = "rgb") -> VGG16Features:
        """Loads weights from a safetensors file with torchvision's names, or by default from the Hub.

        Raises:
            CheckpointError: the file is missing or holds other tensors, or the Hub cannot be reached.
        """
        path = Path(source) if source else _downloaded()
        if not path.is_file():
            raise CheckpointError(f"There is no VGG-16 file {path}; give a safetensors file, or leave vgg out.")
        model = cls(input_form)
        try:
            state = load_file(path)
        except (SafetensorError, OSError, ValueError) as error:
            raise CheckpointError(f"{path} cannot be read as safetensors ({error}); get the file anew.") from error
        wanted = model.state_dict()
        for name, value in wanted.items():
            if name not in state or state[name].shape != value.shape:
                raise CheckpointError(f"{path} holds no VGG-16: the tensor {name} is missing or misshapen.")
        model.load_state_dict({name: state[name] for name in wanted})
        return model

    def forward(self, image: Tensor) -> list[Tensor]:
        """Picture (N, 3, H, W) in [0, 1], H, W >= 8 -> pool1 (64 channels), pool2 (128) and pool3 (256)."""
        caffe = self.input_form == "caffe"
        x = image.flip(1) * 255 - self.means if caffe else image
        pooled: list[Tensor] = []
        for index in _CONVOLUTIONS:
            x = F.relu(self.features[str(index)](x))
            if index in _POOLED:
                x = F.max_pool2d(x, 2)
                pooled.append(x / _CAFFE_SCALES[len(pooled)] if caffe else x)
        return pooled


def _downloaded() -> Path:
    try:
        return download(HUB_REPOSITORY, ["model.safetensors"])[0]
    except CheckpointError as error:
        raise CheckpointError(f"{error} Or name a local safetensors file of VGG-16 as vgg in the recipe.") from error
