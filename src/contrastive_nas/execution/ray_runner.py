"""The caching runner with its nodes on a Ray cluster, independent ones at the same time."""

import logging
import platform
import re
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from typing import Any

from kedro.framework.hooks.manager import _NullPluginManager
from kedro.framework.project import LOGGING, PACKAGE_NAME, configure_logging, configure_project
from kedro.io import CatalogProtocol, DataCatalog, MemoryDataset
from kedro.pipeline import Pipeline
from kedro.pipeline.node import Node
from kedro.runner.task import Task
from pluggy import PluginManager

from contrastive_nas.errors import InputError
from contrastive_nas.execution.datasets.artifact import ArtifactDataset
from contrastive_nas.execution.fingerprint import DEVICE, device_kind, uses_device
from contrastive_nas.execution.machine import ResourceMonitor
from contrastive_nas.execution.ray_cluster import Needs, RayCluster
from contrastive_nas.execution.run_record import Measured, recorder_among
from contrastive_nas.execution.runner import CachingRunner
from contrastive_nas.execution.versions import Version

logger = logging.getLogger(__name__)
_NEEDS_TAG = re.compile(r"(cpus|gpus|memory_gb)-(\d+(?:\.\d+)?)")


class RayRunner(CachingRunner):
    """Plans, keeps and records as the caching runner does; nodes run in the workers of a Ray cluster.

    Every node reads its inputs and writes its results itself, so all machines of the cluster must see the
    project's folder under one path. What stays in memory travels between them. Hooks about nodes and data
    sets are not called; those about the run are.

    Args:
        address: of the cluster; ``auto`` for the one that runs here, ``local`` for one of this machine alone
            that ends with the run.
        cpus: processors that a node occupies, unless a tag such as ``cpus-4`` says otherwise.
        gpus: GPUs that a node occupies which uses one, unless a tag such as ``gpus-0.5`` says otherwise.
        memory_gb: memory set aside for a node, in GB, unless a tag such as ``memory_gb-8`` says otherwise.
        retries: how often a node is tried again whose worker was lost.
        force: names of nodes that run in any case, joined by ``+``.
        verify: runs also what has not changed, and compares the results with those kept.
        is_async: loads and saves with threads, as Kedro does.
    """

    def __init__(
        self,
        address: str = "auto",
        cpus: float = 1.0,
        gpus: float = 1.0,
        memory_gb: float = 0.0,
        retries: int = 1,
        force: str = "",
        verify: bool = False,
        is_async: bool = False,
    ) -> None:
        super().__init__(force, verify, is_async)
        for name, value in {"cpus": cpus, "gpus": gpus, "memory_gb": memory_gb, "retries": retries}.items():
            if isinstance(value, bool) or not isinstance(value, int | float) or value < 0:
                raise InputError(f"--runner-params: {name} is a number that is not negative, not {value!r}")
        self._address = str(address)
        self._needs = Needs(cpus, gpus, memory_gb)
        self._retries = int(retries)
        self._connecting = threading.Lock()
        self._cluster: RayCluster | None = None
        self._given_up = threading.Event()

    def _run(
        self,
        pipeline: Pipeline,
        catalog: CatalogProtocol,
        hook_manager: PluginManager | None = None,
        run_id: str | None = None,
    ) -> None:
        try:
            super()._run(pipeline, catalog, hook_manager, run_id)
        finally:
            if self._cluster is not None:
                self._cluster.close()
                self._cluster = None

    def _work_through(self, pipeline: Pipeline, work: Callable[[Node], None]) -> None:
        """Begins every node as soon as those are done that it takes something from."""
        waiting = {node: set(pipeline.node_dependencies[node]) for node in pipeline.nodes}
        running: dict[Future[None], Node] = {}
        self._given_up.clear()
        with ThreadPoolExecutor(max(1, len(waiting)), "node") as threads:
            try:
                while waiting or running:
                    for node in [node for node, before in waiting.items() if not before]:
                        del waiting[node]
                        running[threads.submit(work, node)] = node
                    done, _ = wait(running, return_when=FIRST_COMPLETED)
                    for future in done:
                        node = running.pop(future)
                        future.result()
                        for before in waiting.values():
                            before.discard(node)
            except Exception:
                if running:
                    names = ", ".join(sorted(node.name for node in running.values()))
                    logger.error("a node failed; waiting for the nodes that are still running: %s", names)
                raise
            except BaseException:  # an interruption
                self._given_up.set()
                raise

    def _run_task(
        self, node: Node, catalog: CatalogProtocol, hooks: Any, run_id: str | None, device: str
    ) -> None:
        needs = self._needs_of(node, device)
        self._connected().room_for(needs)
        part = _part_for(node, catalog)
        job = _NodeJob(node, part, self._is_async, device, PACKAGE_NAME, LOGGING.data)
        found = self._connected().run(
            node.name,
            _run_node,
            job,
            needs=needs,
            retries=self._retries,
            fresh=True,
            given_up=self._given_up,
        )
        for name, (version, differs) in found.artifacts.items():
            dataset = catalog.get(name)
            assert isinstance(dataset, ArtifactDataset)
            dataset.reads, dataset.differs = version, differs
        for name, value in found.values.items():
            catalog.save(name, value)
        recorder = recorder_among(hooks)
        if recorder is not None:
            recorder.measured(node, found.measured)

    def _connected(self) -> RayCluster:
        """To the cluster; not before there is something to run."""
        with self._connecting:
            if self._cluster is None:
                self._cluster = RayCluster(self._address)
            return self._cluster

    def _needs_of(self, node: Node, device: str) -> Needs:
        found = filter(None, map(_NEEDS_TAG.fullmatch, node.tags))
        tags = {match[1]: match[2] for match in found}
        gpus = self._needs.gpus if device not in ("", "cpu") else 0.0
        return Needs(
            float(tags.get("cpus", self._needs.cpus)),
            float(tags.get("gpus", gpus)),
            float(tags.get("memory_gb", self._needs.memory_gb)),
        )


def _part_for(node: Node, catalog: CatalogProtocol) -> DataCatalog:
    """The data sets of a node alone, with their validators."""
    datasets = {name: catalog.get(name) for name in {*node.inputs, *node.outputs}}
    part = DataCatalog({name: dataset for name, dataset in datasets.items() if dataset is not None})
    specs = getattr(catalog, "validator_specs", {})
    part._validator_specs.update({name: spec for name, spec in specs.items() if name in part})
    return part


# What follows runs in the workers.


@dataclass(frozen=True)
class _NodeJob:
    node: Node
    catalog: DataCatalog
    is_async: bool
    device: str
    package: str | None
    logging: Mapping[str, Any]


@dataclass(frozen=True)
class _NodeOutcome:
    measured: Measured
    artifacts: dict[str, tuple[Version | None, bool]]
    values: dict[str, Any]


def _run_node(job: _NodeJob) -> _NodeOutcome:
    if job.package:
        configure_project(job.package)
    configure_logging(dict(job.logging))
    _check_device(job)
    monitor = ResourceMonitor()
    hooks: Any = _NullPluginManager()
    Task(job.node, job.catalog, job.is_async, hooks).execute()
    monitor.touch()
    measured = Measured(monitor.began, *monitor.end(), host=platform.node())
    outputs = {name: job.catalog.get(name) for name in job.node.outputs}
    artifacts = {
        name: (dataset.reads, dataset.differs)
        for name, dataset in outputs.items()
        if isinstance(dataset, ArtifactDataset)
    }
    values = {name: dataset.load() for name, dataset in outputs.items() if isinstance(dataset, MemoryDataset)}
    return _NodeOutcome(measured, artifacts, values)


def _check_device(job: _NodeJob) -> None:
    """Refuses to compute on another kind of device than the one that the result will be known by."""
    if not uses_device(job.node):
        return
    asked = str(job.catalog.load(DEVICE)) if DEVICE in job.node.inputs else "auto"
    found = device_kind(asked)
    if found != job.device:
        raise InputError(
            f"{job.node.name} would run on {found} on {platform.node()}, but was planned for {job.device}: "
            f"give --params device={found} or device={job.device}"
        )
