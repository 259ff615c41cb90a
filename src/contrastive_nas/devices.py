"""Which device a computation runs on: one place decides."""

from typing import Literal

import torch

from contrastive_nas.errors import InputError

DeviceName = Literal["auto", "cpu", "cuda"]


def pick_device(name: str = "auto") -> torch.device:
    """Return the device for a parameter ``device``.

    Args:
        name: ``auto`` takes CUDA where there is one; any device that torch knows may be named (tests use
            ``meta``).

    Raises:
        InputError: torch does not know the device, or CUDA was asked for and is not there.
    """
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise InputError(f"device {name!r} is unknown: use auto, cpu or cuda") from error
    if device.type == "cuda" and not torch.cuda.is_available():
        raise InputError("device 'cuda' was asked for, but torch finds no CUDA device: use auto or cpu")
    return device
