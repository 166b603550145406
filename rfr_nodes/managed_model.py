"""A network whose weights the host moves between devices."""

# The host's own modules are there only inside it.
# pyright: reportMissingImports=false
from __future__ import annotations

import torch
from comfy import model_management
from comfy.model_patcher import ModelPatcher

from rfr_core import Inpainter, RFRNet
from rfr_core.inference.devices import DTYPES, resolve_dtype

LARGEST_PIXELS = 1024**2  # of a picture that are in work at once; larger ones are filled in parts
PRECISIONS = ("auto", *DTYPES)


class ManagedModel:
    """A network under the host's model management, which loads it, offloads it and frees it as memory demands.

    network: any; it is kept in the number format of `precision`, "auto" being the host's choice for its device.
    """

    def __init__(self, network: RFRNet, precision: str) -> None:
        device = model_management.get_torch_device()
        self.dtype = _dtype(precision, device)
        network = network.to(self.dtype).eval().requires_grad_(False)
        self._patcher = ModelPatcher(network, device, model_management.unet_offload_device())
        # Measured: 7 kB a pixel at width 64 in float32, attention included, where the picture is halved once.
        pixels = 4.0 ** (1 - network.config.downsamples)
        self._bytes_per_pixel = pixels * 28 * network.config.width * self.dtype.itemsize

    def memory_for(self, pixels: int) -> int:
        """Bytes that filling a picture of so many pixels needs beside the weights."""
        return int(min(pixels, LARGEST_PIXELS) * self._bytes_per_pixel)

    def inpainter(self, memory_required: int) -> Inpainter:
        """The network on the host's device, once `memory_required` bytes beside its weights have been freed there."""
        # The network has no layers that the host could stream in piece by piece, so it is loaded whole.
        # The inpainter runs a copy of it that is laid out for speed, and lives as long as the inpainter.
        memory = memory_required + self._patcher.model_size()
        model_management.load_models_gpu([self._patcher], memory_required=memory, force_full_load=True)
        return Inpainter(self._patcher.model, device=self._patcher.load_device, dtype=self.dtype)

    def free_device(self) -> None:
        """Take every model off the device, this one too until it is asked for again."""
        model_management.unload_all_models()
        model_management.soft_empty_cache()


def _dtype(precision: str, device: torch.device) -> torch.dtype:
    if precision != "auto":
        return resolve_dtype(precision, device)
    # The host's flags for its image decoders (--fp32-vae and its like) hold for this one too.
    return model_management.vae_dtype(device, [resolve_dtype("auto", device)])
