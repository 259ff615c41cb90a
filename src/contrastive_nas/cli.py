"""What the project changes in Kedro's commands; Kedro looks for them in this file.

``kedro run`` uses the caching runner unless another is named, and ends with one message where a user can mend
what is wrong.
"""

import copy
import os
from collections.abc import Iterator
from contextlib import chdir, contextmanager
from pathlib import Path
from typing import Any

import click
import yaml
from kedro.config import MissingConfigException
from kedro.framework.cli.project import run as kedro_run
from kedro.framework.project import LOGGING, pipelines
from kedro.pipeline import Pipeline
from kedro.utils import find_kedro_project

from contrastive_nas.errors import InputError
from contrastive_nas.execution.asked import check_names, nearest
from contrastive_nas.files import DISK_ERRORS
from contrastive_nas.pipeline_registry import EVERYTHING, ON_REQUEST

DEFAULT = "__default__"
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
    named = [name for name in (options["pipeline"], *options["pipelines"]) if name]
    for name in named:
        if name not in pipelines:
            raise click.UsageError(f"there is no pipeline {name!r}; try {nearest(name, pipelines.keys())}")
    assert kedro_run.callback is not None
    try:
        check_names(sum((pipelines[name] for name in named or [DEFAULT]), start=Pipeline([])), options)
        with _inside_the_project(options):
            return kedro_run.callback(**options)
    except Exception as error:
        problem = _mendable(error)
        if problem is None:
            raise
        raise click.ClickException(_in_one_line(problem)) from error


@contextmanager
def _inside_the_project(options: dict[str, Any]) -> Iterator[None]:
    """Runs as if started in the project's folder: paths of parameters and of ``logging.yml`` begin there."""
    project = find_kedro_project(Path.cwd())
    if project is None or Path(project) == Path.cwd():
        yield
        return
    if options.get("conf_source") and Path(options["conf_source"]).exists():
        options["conf_source"] = str(Path(options["conf_source"]).resolve())
    logging_file = Path(project) / "conf" / "logging.yml"
    if logging_file.is_file() and "KEDRO_LOGGING_CONFIG" not in os.environ:
        LOGGING.configure(yaml.safe_load(logging_file.read_text(encoding="utf-8")))
    with chdir(project):
        yield


def _mendable(error: BaseException | None) -> BaseException | None:
    """What a user can mend, behind an error that Kedro may have wrapped around it."""
    while error is not None and not _is_mendable(error):
        error = error.__cause__
    return error


def _is_mendable(error: BaseException) -> bool:
    if isinstance(error, OSError):
        return error.errno in DISK_ERRORS
    return isinstance(error, InputError | MissingConfigException | yaml.YAMLError)


def _in_one_line(error: BaseException) -> str:
    return " ".join(str(error).split()) if isinstance(error, yaml.YAMLError) else str(error)


run = copy.copy(kedro_run)
run.callback = _run
cli.add_command(run)
