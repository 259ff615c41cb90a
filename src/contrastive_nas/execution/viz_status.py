"""Says in Kedro-Viz's own words how the last run went.

Kedro-Viz colours nodes and data sets by the events of the last run, which its hooks keep in ``.viz/``. They
know Kedro's sequential runner and runs of the whole project alone; here the same file is made from the record
of a run, whatever ran and by which runner. A result that was kept from an earlier run counts as made, in no
time.
"""

import json
import logging
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from kedro.framework.hooks import hook_impl
from kedro.pipeline import Pipeline
from kedro.pipeline.node import Node

from contrastive_nas.execution.run_record import RunRecorder
from contrastive_nas.files import atomic_path

logger = logging.getLogger(__name__)
# Where Kedro-Viz looks.
FILE = Path(".viz", "kedro_pipeline_events.json")
Event = dict[str, Any]


class VizStatus:
    """Kedro hooks that write the events of a run when it has ended.

    Args:
        recorder: makes the record of the run; its hooks run first.
    """

    def __init__(self, recorder: RunRecorder) -> None:
        self._recorder = recorder
        self._failed: tuple[str, str] | None = None

    @hook_impl
    def before_pipeline_run(self) -> None:
        self._failed = None

    @hook_impl
    def on_node_error(self, error: Exception, node: Node) -> None:
        self._failed = node.name, str(error)

    @hook_impl(trylast=True)
    def after_pipeline_run(self, pipeline: Pipeline) -> None:
        self._write(pipeline)

    @hook_impl(trylast=True)
    def on_pipeline_error(self, pipeline: Pipeline) -> None:
        self._write(pipeline)

    def _write(self, pipeline: Pipeline) -> None:
        project = self._recorder.project
        events = [*run_events(self._recorder.record, pipeline, project, self._failed)]
        try:
            file = project / FILE
            file.parent.mkdir(exist_ok=True)
            with atomic_path(file) as partial:
                partial.write_text(json.dumps(events, indent=1) + "\n", encoding="utf-8")
        except OSError as error:
            logger.warning("Kedro-Viz will not show this run: %s", error)


def run_events(
    record: Mapping[str, Any], pipeline: Pipeline, project: Path, failed: tuple[str, str] | None = None
) -> Iterator[Event]:
    """Give the events of a run as Kedro-Viz reads them.

    Args:
        record: of the run, ended.
        pipeline: that was asked for.
        project: folder of the project.
        failed: node that failed, and its error.
    """
    nodes = {node.name: node for node in pipeline.nodes}
    yield {"event": "before_pipeline_run", "timestamp": record["started"]}
    for entry in record["nodes"]:
        node = nodes[entry["name"]]
        # What has no reason was not reached, or was not needed.
        if failed is not None and failed[0] == node.name:
            yield _of_node("on_node_error", node) | {"error": failed[1]}
        elif entry["ran"] or "reason" in entry:
            seconds = entry["seconds"] if entry["ran"] else 0.0
            yield _of_node("after_node_run", node) | {"duration": seconds, "status": "success"}
            for name, output in entry.get("outputs", {}).items():
                yield {
                    "event": "after_dataset_saved",
                    "dataset": name,
                    "node_id": _identifier(name),
                    "status": "Available",
                    "size": _size(project / output["version"]),
                }
    now = datetime.now(UTC).isoformat()
    if record["status"] == "failed":
        yield {"event": "on_pipeline_error", "timestamp": now, "error": record["error"]}
    else:
        yield {"event": "after_pipeline_run", "timestamp": now}


def _of_node(event: str, node: Node) -> Event:
    return {"event": event, "node": node.name, "node_id": _identifier(str(node))}


def _identifier(text: str) -> str:
    """How Kedro-Viz calls a node or a data set."""
    from kedro_viz.utils import _hash

    return str(_hash(text))


def _size(path: Path) -> int:
    """Bytes of a file, or of all files of a folder."""
    files = (file for file in path.rglob("*") if file.is_file()) if path.is_dir() else (path,)
    return sum(file.stat().st_size for file in files if file.exists())
