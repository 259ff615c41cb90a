"""Trainings in processes of their own, which can be killed."""

import multiprocessing
import os
import socket
from multiprocessing.process import BaseProcess

import torch

from contrastive_nas.training.config import RunSettings
from contrastive_nas.training.run import retrain
from contrastive_nas.training.supernet.config import SupernetSettings
from contrastive_nas.training.supernet.run import train_supernet

Settings = RunSettings | SupernetSettings

# Copies of a process that has imported everything, but has not trained: autograd does not survive a fork.
_CLEAN = multiprocessing.get_context("forkserver")
_CLEAN.set_forkserver_preload(["contrastive_nas.training.run"])


def start(settings: Settings, devices: int = 1) -> list[BaseProcess]:
    """Processes that train as torchrun would let them, one a device."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    processes = [
        _CLEAN.Process(target=_train, args=(settings, rank, devices, port)) for rank in range(devices)
    ]
    for process in processes:
        process.start()
    return processes


def train_together(settings: Settings, devices: int) -> None:
    """Trains with that many processes to the end."""
    processes = start(settings, devices)
    for process in processes:
        process.join()
    assert [process.exitcode for process in processes] == [0] * devices


def _train(settings: Settings, rank: int, devices: int, port: int) -> None:
    torch.set_num_threads(1)
    if devices > 1:
        os.environ |= {
            "RANK": str(rank),
            "LOCAL_RANK": str(rank),
            "GROUP_RANK": "0",
            "WORLD_SIZE": str(devices),
            "LOCAL_WORLD_SIZE": str(devices),
            "MASTER_ADDR": "127.0.0.1",
            "MASTER_PORT": str(port),
            "TORCHELASTIC_RUN_ID": "test",
        }
    if isinstance(settings, SupernetSettings):
        train_supernet(settings)
    else:
        retrain(settings)
