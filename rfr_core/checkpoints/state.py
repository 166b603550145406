"""State dictionaries of :class:`RFRNet`: checked by name, shape and value, then made a network."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from rfr_core.checkpoints.model import RFRModel
from rfr_core.config import RFRConfig
from rfr_core.errors import CheckpointError
from rfr_core.network.rfr_net import RFRNet


def without_memory(config: RFRConfig) -> RFRModel:
    """A network whose tensors have names and shapes but no values (``torch.device("meta")``)."""
    with torch.device("meta"):
        return RFRModel(config)


def assemble(config: RFRConfig, state: Mapping[str, Tensor], source: str) -> RFRModel:
    """The model on the CPU in float32, in evaluation mode, from copies of the tensors in ``state``.

    Raises:
        CheckpointError: as :func:`check_state`; ``source`` says in the message where the state came from.
    """
    network = without_memory(config)
    check_state(network, state, source)
    network.load_state_dict({name: _copied(value) for name, value in state.items()}, assign=True)
    return network.eval()


def check_state(network: RFRNet, state: Mapping[str, Tensor], source: str) -> None:
    """Raises CheckpointError unless ``state`` has exactly the network's names, shapes and kinds and is finite."""
    check_layout(network, {name: tuple(value.shape) for name, value in state.items()}, source)
    expected = network.state_dict()
    for name, value in state.items():
        kind = expected[name].dtype
        if value.is_floating_point() != kind.is_floating_point or not (kind.is_floating_point or value.dtype == kind):
            raise CheckpointError(f"{source} does not fit this network: {name} is of the wrong type {value.dtype}.")
        # NaN comes through, and two ends are quicker to look at than all values.
        if value.is_floating_point() and not all(bool(end.isfinite()) for end in torch.aminmax(value)):
            raise CheckpointError(f"{source} is damaged: {name} holds values that are not finite.")


def check_layout(network: RFRNet, shapes: Mapping[str, tuple[int, ...]], source: str) -> None:
    """Raises CheckpointError unless ``shapes`` has exactly the names and shapes of the network's tensors.

    The network may be one without memory (``torch.device("meta")``).
    """
    expected = {name: tuple(value.shape) for name, value in network.state_dict().items()}
    missing, extra = sorted(set(expected) - set(shapes)), sorted(set(shapes) - set(expected))
    for names, what in ((missing, "lacks"), (extra, "holds the unknown")):
        if names:
            more = f" and {len(names) - 1} more" if len(names) > 1 else ""
            raise CheckpointError(f"{source} {what} tensor {names[0]}{more}; it is no checkpoint of this network.")
    for name, shape in shapes.items():
        if shape != expected[name]:
            raise CheckpointError(
                f"{source} does not fit this network: {name} has shape {shape}, expected {expected[name]}."
            )


def _copied(tensor: Tensor) -> Tensor:
    dtype = torch.float32 if tensor.is_floating_point() else tensor.dtype
    return tensor.detach().to("cpu", dtype, copy=True, memory_format=torch.contiguous_format)
