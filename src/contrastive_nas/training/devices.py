"""Fabric for the processes that torchrun started, or for one."""

import os
from datetime import timedelta

import torch
from lightning_fabric import Fabric
from lightning_fabric.strategies import DDPStrategy, Strategy
from torch import nn

from contrastive_nas.devices import pick_device
from contrastive_nas.training.config import Precision

# A process that waits this long for another takes it for dead.
PATIENCE = timedelta(minutes=10)


def make_fabric(device: str = "auto", precision: Precision = "32-true") -> Fabric:
    """Return a launched Fabric over all processes of torchrun, or over this one alone.

    Raises:
        InputError: the device is not there.
    """
    accelerator = pick_device(device).type
    processes = int(os.environ.get("WORLD_SIZE", "1"))
    if processes == 1:
        return Fabric(accelerator=accelerator, devices=1, precision=precision)
    local = int(os.environ["LOCAL_WORLD_SIZE"])
    strategy: Strategy = DDPStrategy(timeout=PATIENCE)
    fabric = Fabric(
        accelerator=accelerator,
        devices=local,
        num_nodes=processes // local,
        strategy=strategy,
        precision=precision,
    )
    fabric.launch()
    return fabric


def make_deterministic() -> None:
    """Make the same seed give the same bits on the same machine, also on CUDA."""
    torch.backends.cudnn.benchmark = False
    torch.backends.cudnn.deterministic = True
    if torch.cuda.is_available():
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
        torch.use_deterministic_algorithms(True, warn_only=True)


def share_buffers(fabric: Fabric, network: nn.Module) -> None:
    """Give every process the buffers of the first; batch norm's statistics differ between processes."""
    if fabric.world_size > 1:
        for buffer in network.buffers():
            buffer.copy_(fabric.broadcast(buffer))
