"""The record of a run: what it was asked for, ran on, did and found. Kept as one JSON file a run."""

import json
import logging
import os
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil
from kedro.framework.context import KedroContext
from kedro.framework.hooks import hook_impl
from kedro.io import CatalogProtocol
from kedro.pipeline import Pipeline
from kedro.pipeline.node import Node
from pluggy import PluginManager

from contrastive_nas.execution.asked import check_run
from contrastive_nas.execution.context import ProjectContext
from contrastive_nas.execution.datasets.artifact import ArtifactDataset
from contrastive_nas.execution.fingerprint import plain
from contrastive_nas.execution.machine import (
    ResourceMonitor,
    describe_git,
    describe_libraries,
    describe_machine,
)
from contrastive_nas.execution.nested import flat
from contrastive_nas.execution.versions import Version
from contrastive_nas.files import atomic_path
from contrastive_nas.progress import working

if TYPE_CHECKING:
    from contrastive_nas.execution.plan import Decision

logger = logging.getLogger(__name__)
FOLDER = Path("data", "09_runs")
SCHEMA = 1
ASKED = (
    "pipeline_names",
    "tags",
    "node_names",
    "from_nodes",
    "to_nodes",
    "from_inputs",
    "to_outputs",
)


@dataclass(frozen=True)
class Measured:
    """What a node took.

    Attributes:
        started: when it began, by the clock of the machine that it ran on.
        seconds: until it was done.
        peak_memory_mb: of its process and the processes that this started.
        host: that machine, where it may be another than that of the run.
    """

    started: datetime
    seconds: float
    peak_memory_mb: int
    host: str = ""

    def as_dict(self) -> dict[str, Any]:
        """Return it as the record of a run has it."""
        return {
            "started": self.started.isoformat(timespec="milliseconds"),
            "seconds": round(self.seconds, 3),
            "peak_memory_mb": self.peak_memory_mb,
            **({"host": self.host} if self.host else {}),
        }


class RunRecorder:
    """Kedro hooks that write the record.

    Nodes may run one by one or in several threads; the memory of one is that of all that ran meanwhile.
    """

    def __init__(self) -> None:
        self.project = Path.cwd()
        self._parameters: dict[str, Any] = {}
        self.record: dict[str, Any] = {}
        self._file: Path | None = None
        self._started = 0.0
        self._nodes: dict[str, dict[str, Any]] = {}
        self._measured: dict[str, ResourceMonitor] = {}
        self._unsaved: dict[str, set[str]] = {}

    @hook_impl
    def after_context_created(self, context: KedroContext) -> None:
        self.project = context.project_path
        self._context = context

    @hook_impl
    def before_pipeline_run(
        self, run_params: dict[str, Any], pipeline: Pipeline, catalog: CatalogProtocol
    ) -> None:
        check_run(run_params, catalog)
        self._catalog = catalog
        self._started = time.perf_counter()
        self._nodes = {node.name: {"name": node.name, "ran": False} for node in pipeline.nodes}
        parameters = plain(self._context.params)
        self.record = {
            "schema": SCHEMA,
            "run": run_params["run_id"],
            "status": "running",
            "started": datetime.now(UTC).isoformat(timespec="milliseconds"),
            "process": {"pid": os.getpid(), "created": psutil.Process().create_time()},
            "experiment": run_params["env"] or "base",
            "asked": {name: plain(run_params[name]) for name in ASKED if run_params.get(name)},
            "runner": _class_name(run_params["runner"]),
            "runtime_parameters": plain(run_params["runtime_params"]),
            "parameters": parameters,
            "seeds": dict(seeds(parameters)),
            "git": describe_git(self.project),
            "libraries": describe_libraries(),
            "machine": describe_machine(),
        }
        self._file = _new_file(self.project / FOLDER, run_params["run_id"])
        self._write()

    def check_before_work(self, pipeline: Pipeline) -> None:
        """Make the checks of the project, where its context has some.

        Raises:
            InputError: something is wrong that would stop one of the nodes.
        """
        if isinstance(self._context, ProjectContext):
            with working("checking space, limits and files"):
                self._context.check_before_work(pipeline, self._catalog)

    @hook_impl
    def before_dataset_loaded(self, node: Node) -> None:
        self._measure(node)

    @hook_impl
    def before_node_run(self, node: Node) -> None:
        self._measure(node)

    @hook_impl
    def after_node_run(self, node: Node) -> None:
        self._measure(node)
        self._stop_if_saved(node)

    @hook_impl
    def after_dataset_saved(self, dataset_name: str, node: Node) -> None:
        self._measure(node)
        self._unsaved[node.name].discard(dataset_name)
        self._stop_if_saved(node)

    def decided(self, decision: "Decision") -> None:
        """Note that a node has run or was skipped, and write the record, as a kill may follow."""
        entry = self._nodes[decision.node.name]
        entry["reason"] = decision.reason
        if decision.fingerprint is not None:
            entry["fingerprint"] = decision.fingerprint.checksum
        self._note(decision.node)
        self._write()

    def measured(self, node: Node, found: Measured) -> None:
        """Take what a node took that ran where no hook is called."""
        self._nodes[node.name].update(ran=True, **found.as_dict())

    def took_over(self, node: Node, output: str, version: Version) -> None:
        """Note that a node may take parts of an output from an earlier version."""
        path = os.path.relpath(version.path, self.project)
        self._nodes[node.name].setdefault("took_over", {})[output] = path

    @hook_impl
    def after_pipeline_run(self, pipeline: Pipeline) -> None:
        self._end("finished", pipeline)

    @hook_impl
    def on_pipeline_error(self, error: Exception, pipeline: Pipeline) -> None:
        self.record["error"] = str(error)
        try:
            self._end("failed", pipeline)
        except OSError as second:
            # Of both errors the run's own says more, above all where the disk is full.
            logger.warning("the record of this run could not be written: %s", second)

    def results(self, pipeline: Pipeline) -> dict[str, ArtifactDataset]:
        """Return the artifacts that the run made, found again, or read from outside the pipeline, by name."""
        outside = ((name, self._catalog.get(name)) for name in sorted(pipeline.inputs()))
        read = {
            name: dataset
            for name, dataset in outside
            if isinstance(dataset, ArtifactDataset) and dataset.exists()
        }
        return read | dict(self._artifacts(pipeline.all_outputs()))

    def _end(self, status: str, pipeline: Pipeline) -> None:
        for name in list(self._measured):
            self._stop_measuring(name)
        for node in pipeline.nodes:
            self._note(node)
        self.record["status"] = status
        self.record["metrics"] = dict(_metrics(self._artifacts(pipeline.all_outputs())))
        self._write()

    def _note(self, node: Node) -> None:
        """Which versions of its results a node made, or would have made."""
        self._nodes[node.name]["outputs"] = {
            name: _described(dataset, self.project) for name, dataset in self._artifacts(node.outputs)
        }

    def _artifacts(self, names: Iterable[str]) -> Iterator[tuple[str, ArtifactDataset]]:
        for name in sorted(names):
            dataset = self._catalog.get(name)
            if isinstance(dataset, ArtifactDataset) and dataset.reads is not None:
                yield name, dataset

    def _measure(self, node: Node) -> None:
        if node.name not in self._measured:
            self._measured[node.name] = ResourceMonitor()
            self._unsaved[node.name] = set(node.outputs)
        self._measured[node.name].touch()

    def _stop_if_saved(self, node: Node) -> None:
        if not self._unsaved[node.name]:
            self._stop_measuring(node.name)

    def _stop_measuring(self, name: str) -> None:
        monitor = self._measured.pop(name)
        self._nodes[name].update(ran=True, **Measured(monitor.began, *monitor.end()).as_dict())

    def _write(self) -> None:
        assert self._file is not None
        self.record["seconds"] = round(time.perf_counter() - self._started, 3)
        self.record["nodes"] = list(self._nodes.values())
        with atomic_path(self._file) as partial:
            partial.write_text(json.dumps(self.record, indent=1) + "\n", encoding="utf-8")


def recorder_among(hooks: Any) -> RunRecorder | None:
    """Return the recorder of a run, where its hooks have one."""
    plugins = hooks.get_plugins() if isinstance(hooks, PluginManager) else ()
    return next((plugin for plugin in plugins if isinstance(plugin, RunRecorder)), None)


def _class_name(representation: str) -> str:
    """``Runner`` of ``<package.Runner object at 0x7f>``, all that Kedro tells its hooks."""
    return representation.lstrip("<").partition(" ")[0].rpartition(".")[2]


def _new_file(folder: Path, run: str) -> Path:
    """A file of its own for a run; two runs may have begun within one millisecond."""
    folder.mkdir(parents=True, exist_ok=True)
    number = 0
    while True:
        file = folder / f"{run}{f'-{number}' if number else ''}.json"
        try:
            file.touch(exist_ok=False)
            return file
        except FileExistsError:
            number += 1


def _described(dataset: ArtifactDataset, project: Path) -> dict[str, Any]:
    assert dataset.reads is not None
    return {"version": os.path.relpath(dataset.reads.path, project), "checksum": dataset.reads.checksum}


def _metrics(artifacts: Iterable[tuple[str, ArtifactDataset]]) -> Iterator[tuple[str, Any]]:
    for name, dataset in artifacts:
        if dataset.metadata.get("metrics"):
            yield from flat(dataset.load(), name, lists=True)


def seeds(value: Any, within: str = "") -> Iterator[tuple[str, Any]]:
    """Yield all that is called ``seed`` or ``seeds`` in a nest of parameters, by dotted name."""
    if isinstance(value, Mapping):
        for key, item in value.items():
            name = f"{within}{key}"
            if str(key) in ("seed", "seeds"):
                yield name, item
            else:
                yield from seeds(item, f"{name}.")
