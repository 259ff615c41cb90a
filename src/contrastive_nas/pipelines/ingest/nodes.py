"""From a benchmark file to the experiment's table."""

import logging
from pathlib import Path
from typing import TYPE_CHECKING, Any

from contrastive_nas.pipelines.experiment import SpaceParameters, TargetParameters
from contrastive_nas.pipelines.ingest.parameters import IngestParameters

if TYPE_CHECKING:
    import pandas as pd

_LOG = logging.getLogger(__name__)
_PROBLEMS_KEPT = 10


def ingest_table(
    raw_table: Path, parameters: IngestParameters, space: SpaceParameters, target: TargetParameters
) -> tuple["pd.DataFrame", dict[str, Any]]:
    """Read the benchmark file into a tidy table of the space, and report what was left out."""
    from contrastive_nas.spaces import load_space
    from contrastive_nas.tables import read_table

    known = load_space(space.name, **space.options)
    metrics = list(dict.fromkeys([target.label, target.test]))
    read = read_table(
        raw_table,
        source=parameters.source,
        space=known.name,
        metrics=[] if parameters.unlabelled else metrics,
        on_error=parameters.on_error,
        limit=_PROBLEMS_KEPT,
        validate=known.read,
    )
    table = read.frame if parameters.rows is None else read.frame.head(parameters.rows)
    table = table.assign(**{name: float("nan") for name in metrics if name not in table.columns})
    problems = [f"row {problem.row}: {problem.reason}" for problem in read.problems]
    if problems:
        _LOG.warning("%d of %d rows left out, the first: %s", read.problem_count, read.rows_read, problems[0])
    report = read.summary() | {
        "file": raw_table.name,
        "architectures": len(table),
        "first_problems": problems,
    }
    return table, report
