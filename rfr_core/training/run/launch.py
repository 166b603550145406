"""How a run is started: on which device, and by how many processes."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import torch
from accelerate import Accelerator, DistributedDataParallelKwargs
from accelerate.state import AcceleratorState

from rfr_core.errors import ConfigError

_LAUNCH = "torchrun --nproc_per_node N -m train fit RECIPE"


def start(
    precision: str, folder: Path, *, unused_parameters: bool = False, trackers: Sequence[str] = ()
) -> Accelerator:
    """The accelerator of this process, which agrees with the launcher on how many processes there are.

    Args:
        precision: ``"no"``, ``"bf16"`` or ``"fp16"``.
        folder: where trackers that write files write them.
        unused_parameters: whether some parameters may get no gradient in a step.
        trackers: names that accelerate knows as ``log_with``.

    Raises:
        ConfigError: several processes were asked for, but each would train by itself; or a tracker is unknown.
    """
    AcceleratorState._reset_state()  # it outlives a run, and would refuse the next one another precision
    try:
        accelerator = Accelerator(
            mixed_precision=precision,
            cpu=not torch.accelerator.is_available(),
            project_dir=folder,
            log_with=list(trackers) or None,  # type: ignore[arg-type]
            kwargs_handlers=[DistributedDataParallelKwargs(find_unused_parameters=unused_parameters)],
        )
    except ValueError as error:
        raise ConfigError(f"A tracker of {list(trackers)} cannot be used ({error}); correct trackers.") from error
    _check_processes(accelerator.num_processes)
    return accelerator


def _check_processes(found: int) -> None:
    wanted = int(os.environ.get("WORLD_SIZE", "1"))
    if wanted != found:
        raise ConfigError(
            f"{wanted} processes were started, but accelerate counts {found}, so that each would train by itself into "
            f"the same folder; start them by {_LAUNCH}."
        )
    # Its simple launcher, which it takes for CPUs, sets an address for many processes and starts one.
    if found == 1 and "MASTER_ADDR" in os.environ and "WORLD_SIZE" not in os.environ:
        raise ConfigError(
            f"accelerate launch was asked for several processes, but started one; on CPUs, start them by {_LAUNCH}."
        )
