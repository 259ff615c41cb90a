"""What the project changes in Kedro's commands; Kedro looks for them in this file.

``kedro run`` uses the caching runner unless another is named, and ends with one message where a user can mend
what is wrong.
"""

import copy
from typing import Any

import click
from kedro.config import MissingConfigException
from kedro.framework.cli.project import run as kedro_run
from kedro.framework.project import pipelines
from kedro.utils import get_close_matches

from contrastive_nas.errors import InputError
from contrastive_nas.files import DISK_ERRORS
from contrastive_nas.pipeline_registry import EVERYTHING, ON_REQUEST

CACHING_RUNNER = "contrastive_nas.execution.runner.CachingRunner"


@click.group(name="contrastive-nas")
def cli() -> None:
    """Commands of this project."""


def _run(**options: Any) -> Any:
    """Run the pipeline."""
    options["runner"] = options["runner"] or CACHING_RUNNER
    if not options["pipeline"] and not options["pipelines"] and set(options["tags"]) & set(ON_REQUEST):
        # A stage that only runs on request is not in the default pipeline, where its tag is looked for.
        options["pipelines"] = [EVERYTHING]
    for name in [options["pipeline"], *options["pipelines"]]:
        if name and name not in pipelines:
            close = get_close_matches(name, pipelines.keys()) or sorted(pipelines)
            raise click.UsageError(f"there is no pipeline {name!r}; try {', '.join(close)}")
    assert kedro_run.callback is not None
    try:
        return kedro_run.callback(**options)
    except Exception as error:
        problem = _mendable(error)
        if problem is None:
            raise
        raise click.ClickException(str(problem)) from error


def _mendable(error: BaseException | None) -> BaseException | None:
    """What a user can mend, behind an error that Kedro may have wrapped around it."""
    while error is not None and not _is_mendable(error):
        error = error.__cause__
    return error


def _is_mendable(error: BaseException) -> bool:
    if isinstance(error, OSError):
        return error.errno in DISK_ERRORS
    return isinstance(error, InputError | MissingConfigException)


run = copy.copy(kedro_run)
run.callback = _run
cli.add_command(run)
