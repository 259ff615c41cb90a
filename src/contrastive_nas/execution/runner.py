"""The runner that leaves out what has not changed."""

import logging
from collections import Counter
from collections.abc import Collection, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any

from kedro.framework.hooks.manager import _NullPluginManager
from kedro.io import CatalogProtocol
from kedro.pipeline import Pipeline
from kedro.pipeline.node import Node
from kedro.runner import AbstractRunner
from kedro.runner.task import Task
from kedro.utils import find_kedro_project
from pluggy import PluginManager

from contrastive_nas.errors import InputError
from contrastive_nas.execution.datasets.aids import CheckpointFolder, EarlierResult, KeptFolder
from contrastive_nas.execution.datasets.artifact import ArtifactDataset
from contrastive_nas.execution.hashing import checksums_for
from contrastive_nas.execution.needed import needed_part
from contrastive_nas.execution.plan import Decision, Planner
from contrastive_nas.execution.plan_text import describe_plan
from contrastive_nas.execution.run_history import last_seconds
from contrastive_nas.execution.run_record import RunRecorder
from contrastive_nas.execution.state import locked, state_folder
from contrastive_nas.execution.versions import KEY_LENGTH
from contrastive_nas.progress import working

logger = logging.getLogger(__name__)
NAMES_APART = "+"


class CachingRunner(AbstractRunner):
    """Runs those nodes of a pipeline whose code, parameters, inputs, libraries or device changed, one by one.

    Args:
        force: names of nodes that run in any case, joined by ``+``.
        verify: runs also what has not changed, and compares the results with those kept.
        is_async: loads and saves with threads, as Kedro does.
    """

    def __init__(self, force: str = "", verify: bool = False, is_async: bool = False) -> None:
        if not isinstance(verify, bool):
            raise InputError(f"--runner-params: verify is true or false, not {verify!r}")
        super().__init__(is_async=is_async)
        self._forced = [name for name in str(force).split(NAMES_APART) if name]
        self._verifies = verify

    @property
    def _logger(self) -> logging.Logger:
        """For what Kedro says of a run; the plan and the end of the run say more."""
        return logging.getLogger("kedro.runner")

    def _get_executor(self, max_workers: int) -> None:
        return None

    def _run(
        self,
        pipeline: Pipeline,
        catalog: CatalogProtocol,
        hook_manager: PluginManager | None = None,
        run_id: str | None = None,
    ) -> None:
        hooks = hook_manager or _NullPluginManager()
        recorder = _recorder(hooks)
        project = recorder.project if recorder else Path(find_kedro_project(Path.cwd()) or Path.cwd())
        if recorder is not None:
            # Kedro tells its hooks the runner that was passed, not the one that it filled in.
            recorder.record["runner"] = type(self).__name__
        asked = pipeline
        pipeline = needed_part(asked, catalog)
        unneeded = sorted({node.name for node in asked.nodes} - {node.name for node in pipeline.nodes})
        unknown = set(self._forced) - {node.name for node in pipeline.nodes}
        if unknown:
            raise InputError(f"force: there is no node {', '.join(sorted(unknown))} in this pipeline")
        run = _Run(pipeline, catalog, hooks, run_id, project, recorder, self, unneeded)
        with locked(state_folder(project) / "locks" / "runs", "a clean-up", shared=True):
            try:
                run.everything(Planner(catalog, pipeline, project, self._forced), self._verifies)
            finally:
                checksums_for(project).flush()


class _Run:
    """One run: what is decided about its nodes, and what came of it."""

    def __init__(
        self,
        pipeline: Pipeline,
        catalog: CatalogProtocol,
        hooks: Any,
        run_id: str | None,
        project: Path,
        recorder: RunRecorder | None,
        runner: AbstractRunner,
        unneeded: Collection[str],
    ) -> None:
        self._pipeline = pipeline
        self._catalog = catalog
        self._hooks = hooks
        self._run_id = run_id
        self._project = project
        self._state = state_folder(project)
        self._recorder = recorder
        self._runner = runner
        self._unneeded = unneeded
        self._makers = {name: node for node in pipeline.nodes for name in node.outputs}
        self._uses = Counter(chain.from_iterable(node.inputs for node in pipeline.nodes))
        self._made: set[str] = set()
        self._different: list[str] = []

    def everything(self, planner: Planner, verifies: bool) -> None:
        """Plans, prints the plan, and does it.

        Raises:
            InputError: ``verifies``, and something came out otherwise than before.
        """
        for dataset in self._all_datasets():
            if isinstance(dataset, ArtifactDataset):
                dataset.reads = dataset.origin = None
        self._tell_plan(planner)
        for node in self._pipeline.nodes:
            self._do(planner, node, verifies)
            self._release(node)
        if self._different:
            raise InputError("these results differ from the earlier ones: " + ", ".join(self._different))

    def _tell_plan(self, planner: Planner) -> None:
        with working("checking what has changed"):
            decisions = [planner.decide(node) for node in self._pipeline.nodes]
        experiment = None if self._recorder is None else self._recorder.record.get("experiment")
        names = {decision.node.name for decision in decisions if decision.runs}
        earlier = last_seconds(self._project, experiment, names)
        logger.info("%s", describe_plan(decisions, earlier, self._unneeded))

    def _do(self, planner: Planner, node: Node, verifies: bool) -> None:
        decision = planner.decide(node)
        if decision.on_demand and not self._is_asked_for(node):
            return
        if decision.runs or decision.on_demand:
            with self._exclusive(decision):
                # Another run may have made it while this one waited.
                decision = planner.decide(node)
                if decision.runs or decision.on_demand:
                    self._execute(planner, decision)
                    return
        self._skip(decision)
        if verifies:
            self._compare(planner, decision)

    def _is_asked_for(self, node: Node) -> bool:
        """Whether results that stay in memory are results of the whole run; others are made when taken."""
        return bool(set(node.outputs) & self._pipeline.outputs())

    def _execute(self, planner: Planner, decision: Decision) -> None:
        node = decision.node
        for name in node.inputs:
            maker = self._makers.get(name)
            if maker is not None and name not in self._made and not self._is_kept(name):
                self._execute(planner, planner.decide(maker))
        logger.info("running %s", node.name)
        origin = planner.origin(decision)
        for name in node.outputs:
            dataset = self._dataset(name)
            if isinstance(dataset, ArtifactDataset):
                dataset.origin = origin
        with self._checkpoints(decision) as folder, self._earlier_results(planner, decision):
            self._task(node, self._hooks)
            if folder is not None:
                folder.load().remove()
        if planner.doubt(decision):
            logger.warning("%s: its code or inputs were edited while it ran; it will run again", node.name)
            for name in node.outputs:
                dataset = self._dataset(name)
                if isinstance(dataset, ArtifactDataset):
                    dataset.disown()
        self._made.update(node.outputs)
        self._record(decision)

    def _skip(self, decision: Decision) -> None:
        for name, version in decision.versions.items():
            dataset = self._dataset(name)
            assert isinstance(dataset, ArtifactDataset)
            dataset.reads = version
            dataset.versions.show(version)
        self._record(decision)

    def _compare(self, planner: Planner, decision: Decision) -> None:
        """Runs a node once more, away from all that it has kept; notes what comes out otherwise."""
        logger.info("verifying %s", decision.node.name)
        datasets = {name: self._dataset(name) for name in decision.versions}
        with ExitStack() as stack:
            for name, dataset in datasets.items():
                assert isinstance(dataset, ArtifactDataset)
                differs = partial(self._different.append, name)
                stack.enter_context(dataset.compared(decision.versions[name], differs))
            for dataset in map(self._dataset, decision.node.inputs):
                if isinstance(dataset, KeptFolder):
                    stack.enter_context(dataset.hidden())
            self._task(decision.node, _NullPluginManager())

    def _task(self, node: Node, hooks: Any) -> None:
        with working(node.name):
            Task(node, self._catalog, self._runner._is_async, hooks, self._run_id).execute()

    def _exclusive(self, decision: Decision) -> Any:
        if decision.fingerprint is None:
            return ExitStack()
        key = decision.fingerprint.checksum[:KEY_LENGTH]
        return locked(self._state / "locks" / key, f"it is running {decision.node.name}")

    @contextmanager
    def _checkpoints(self, decision: Decision) -> Iterator[CheckpointFolder | None]:
        """Puts a folder of the node's own behind the checkpoints that it takes."""
        datasets = (self._dataset(name) for name in decision.node.inputs)
        dataset = next((dataset for dataset in datasets if isinstance(dataset, CheckpointFolder)), None)
        if dataset is None or decision.fingerprint is None:
            yield None
            return
        dataset.folder = self._state / "checkpoints" / decision.fingerprint.checksum[:KEY_LENGTH]
        try:
            yield dataset
        finally:
            dataset.folder = None

    @contextmanager
    def _earlier_results(self, planner: Planner, decision: Decision) -> Iterator[None]:
        """Shows a node what it made before from other inputs."""
        taken = map(self._dataset, decision.node.inputs)
        datasets = [dataset for dataset in taken if isinstance(dataset, EarlierResult)]
        for dataset in datasets:
            version = planner.earlier(decision, dataset.of)
            if version is not None:
                dataset.path = version.path
                logger.info("%s reuses what it can of %s", decision.node.name, version.path)
                if self._recorder is not None:
                    self._recorder.took_over(decision.node, dataset.of, version)
        try:
            yield
        finally:
            for dataset in datasets:
                dataset.path = None

    def _record(self, decision: Decision) -> None:
        if self._recorder is not None:
            self._recorder.decided(decision)

    def _release(self, node: Node) -> None:
        """Frees what no later node takes."""
        for name in node.inputs:
            self._uses[name] -= 1
        for name in {*node.inputs, *node.outputs}:
            if self._uses[name] < 1 and name not in self._pipeline.inputs() | self._pipeline.outputs():
                self._catalog.release(name)

    def _is_kept(self, name: str) -> bool:
        return isinstance(self._dataset(name), ArtifactDataset)

    def _all_datasets(self) -> Iterator[Any]:
        return (self._dataset(name) for name in self._pipeline.datasets())

    def _dataset(self, name: str) -> Any:
        return self._catalog.get(name, fallback_to_runtime_pattern=True)


def _recorder(hooks: Any) -> RunRecorder | None:
    plugins = hooks.get_plugins() if isinstance(hooks, PluginManager) else ()
    return next((plugin for plugin in plugins if isinstance(plugin, RunRecorder)), None)
