"""Trainings as tasks of a Ray cluster."""

import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

from contrastive_nas.evaluators.parameters import RayParameters
from contrastive_nas.evaluators.workers import Training, TrainingJob, TrainingPool, train_for
from contrastive_nas.execution.ray_cluster import Needs, RayCluster
from contrastive_nas.spaces.base import Architecture


class RayTrainings(TrainingPool):
    """Workers of a Ray cluster that train what they are handed.

    A worker is a process, which keeps the images that it has decoded for the next training.

    Args:
        job: what the trainings have in common.
        count: how many trainings run at once; 0 takes as many as the cluster has room for when the first one
            begins.
        parameters: which cluster, and what a training occupies of it.
    """

    def __init__(self, job: TrainingJob, count: int, parameters: RayParameters) -> None:
        super().__init__()
        self._job, self._count, self._parameters = job, count, parameters
        self._needs = Needs(parameters.cpus_per_training, parameters.gpus_per_training)
        self._given_up = threading.Event()
        self._cluster: RayCluster | None = None
        self._threads: ThreadPoolExecutor | None = None

    def submit(self, work: Callable[..., Any], *arguments: Any) -> Future[Any]:
        if self._threads is None:
            self._cluster = RayCluster(self._parameters.address)
            room = self._cluster.room_for(self._needs)
            self._shared_job = self._cluster.share(self._job)
            self._threads = ThreadPoolExecutor(self._count or room, "training")
        return self._threads.submit(work, *arguments)

    def train_one(self, architecture: Architecture, seed: int, tested: bool) -> Training:
        assert self._cluster is not None
        return self._cluster.run(
            f"training {architecture}",
            train_for,
            self._shared_job,
            architecture,
            seed,
            tested,
            needs=self._needs,
            retries=self._parameters.max_retries,
            given_up=self._given_up,
        )

    def close(self) -> None:
        self._given_up.set()
        if self._threads is not None:
            self._threads.shutdown(wait=True, cancel_futures=True)
        if self._cluster is not None:
            self._cluster.close()
