"""What a run ends with: its result in a headline and a short table, where to look, and what to do next."""

import logging
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from kedro.framework.hooks import hook_impl
from kedro.io import CatalogProtocol
from kedro.pipeline import Pipeline

from contrastive_nas.execution.datasets.artifact import ArtifactDataset
from contrastive_nas.execution.nested import flat
from contrastive_nas.execution.run_record import RunRecorder
from contrastive_nas.quantities import counted, duration
from contrastive_nas.reporting.endings import STAGES, Ending, StageEnding
from contrastive_nas.reporting.run_facts import command

logger = logging.getLogger(__name__)
# The one page, and the pipeline that makes it.
REPORT = "report"
# Metrics of a pipeline that is none of the project's stages; `contrastive-nas runs` lists all.
_MOST_METRICS = 10


class RunEnd:
    """Kedro hooks that say what a run found.

    Args:
        recorder: makes the record of the run; its hooks run first.
    """

    def __init__(self, recorder: RunRecorder) -> None:
        self._recorder = recorder

    @hook_impl(trylast=True)
    def after_pipeline_run(self, pipeline: Pipeline, catalog: CatalogProtocol) -> None:
        results = self._recorder.results(pipeline)
        report = catalog.get(REPORT) if REPORT in catalog else None
        logger.info("%s", describe_end(self._recorder.record, results, report, self._recorder.project))


def describe_end(
    record: Mapping[str, Any],
    results: Mapping[str, ArtifactDataset],
    report: Any,
    project: Path,
) -> str:
    """Return the text that a run ends with.

    Args:
        record: of the run, see :class:`contrastive_nas.execution.run_record.RunRecorder`.
        results: what the run made, found again or read, by the name of the data set.
        report: the data set of the report, whether it belongs to the run or not; None where there is none.
        project: paths are shown relative to it.
    """
    stage = _stage(record, results)
    ending = _other(record) if stage is None else stage.describe(results[stage.dataset].load())
    rows = [*ending.rows, ("Time", _time(record))]
    rows += [(label, _path(results[name], project)) for label, name in ending.files if name in results]
    further = ending.next_pipelines
    if stage is not None and _shows(report, stage.dataset, results):
        rows.append(("Report", _path(report, project)))
        further = [one for one in further if one[0] != REPORT]
    commands = [(_command(name, record, ending), purpose) for name, purpose in further]
    commands.append(("contrastive-nas runs latest", "shows all numbers of this run"))
    return "\n".join([ending.headline, *_aligned(rows), "next:", *_aligned(commands)])


def _stage(record: Mapping[str, Any], results: Mapping[str, ArtifactDataset]) -> StageEnding | None:
    """The stage that was asked for by its name, else the last of the flow that the run has results of."""
    asked = {*record["asked"].get("pipeline_names", []), *record["asked"].get("tags", [])}
    there = [stage for stage in STAGES if stage.dataset in results]
    return next((stage for stage in there if stage.stage in asked), next(iter(there), None))


def _other(record: Mapping[str, Any]) -> Ending:
    """The end of a pipeline whose metrics have no words."""
    metrics = [(name, str(value)) for name, value in flat(record["metrics"])]
    return Ending("the run has finished", metrics[:_MOST_METRICS])


def _time(record: Mapping[str, Any]) -> str:
    nodes = [node for node in record["nodes"] if "reason" in node or node["ran"]]
    kept = sum(not node["ran"] for node in nodes)
    taken = duration(record["seconds"])
    if nodes and kept == len(nodes):
        nothing = "nothing was computed, as the results of"
        return f"{taken}; {nothing} {counted(kept, 'node')} were there from earlier runs"
    if kept:
        return f"{taken}; the results of {kept} of {counted(len(nodes), 'node')} were there from earlier runs"
    return taken


def _shows(report: Any, dataset: str, results: Mapping[str, ArtifactDataset]) -> bool:
    """Whether the report that lies there was made from this run's result."""
    if not isinstance(report, ArtifactDataset):
        return False
    page = report.reads or report.versions.current()
    version = results[dataset].version()
    made_from = {} if page is None else page.made_from.get("inputs", {})
    return made_from.get(dataset) in (version.fingerprint, f"content {version.checksum}")


def _path(dataset: ArtifactDataset, project: Path) -> str:
    link = dataset.versions.link
    return str(link.relative_to(project) if link.is_relative_to(project) else link)


def _command(pipeline: str, record: Mapping[str, Any], ending: Ending) -> str:
    """The command that runs a pipeline on what the run found; only the tuning itself asks for ``tune``."""
    given = {name: value for name, value in (record["runtime_parameters"] or {}).items() if name != "tune"}
    return command({**record, "runtime_parameters": given}, pipeline, ending.setting)


def _aligned(rows: list[tuple[str, str]]) -> Iterator[str]:
    width = max((len(label) for label, _ in rows), default=0)
    return (f"  {label:{width}}  {text}" for label, text in rows)
