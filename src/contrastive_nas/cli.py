"""What the project changes in Kedro's commands; Kedro looks for them in this file.

``kedro run`` uses the caching runner unless another is named, and ends with one message where a user can mend
what is wrong.
"""

import copy
import inspect
from collections.abc import Iterator
from contextlib import chdir, contextmanager
from pathlib import Path
from typing import Any

import click
import yaml
from kedro.config import MissingConfigException
from kedro.framework.cli.project import run as kedro_run
from kedro.framework.cli.utils import KedroCliError
from kedro.framework.project import pipelines, settings
from kedro.io import DatasetError
from kedro.pipeline import Pipeline
from kedro.utils import find_kedro_project, load_obj
from omegaconf.errors import OmegaConfBaseException

from contrastive_nas.errors import InputError, instead
from contrastive_nas.execution.asked import check_names
from contrastive_nas.execution.conf_files import check_conf_files
from contrastive_nas.execution.logging_file import configure_logging
from contrastive_nas.files import DISK_ERRORS
from contrastive_nas.pipeline_registry import EVERYTHING, ON_REQUEST
from contrastive_nas.user_code import blame

DEFAULT = "__default__"
CACHING_RUNNER = "contrastive_nas.execution.runner.CachingRunner"
_KEDROS_RUNNERS = "kedro.runner"
# What Kedro says of entries of the catalog that it cannot make a data set of.
_WRONG_ENTRY = (
    "parsing config for dataset",
    "valid for the constructor of",
    "not a valid dataset configuration",
)


@click.group(name="contrastive-nas")
def cli() -> None:
    """Run a command of this project."""


def _run(**options: Any) -> Any:
    """Run the pipeline."""
    options["runner"] = options["runner"] or CACHING_RUNNER
    if not options["pipeline"] and not options["pipelines"] and set(options["tags"]) & set(ON_REQUEST):
        # A stage that only runs on request is not in the default pipeline, where its tag is looked for.
        options["pipelines"] = [EVERYTHING]
    named = [name for name in (options["pipeline"], *options["pipelines"]) if name]
    for name in named:
        if name not in pipelines:
            raise click.UsageError(f"there is no pipeline {name!r}{instead(name, sorted(pipelines.keys()))}")
    _check_runner(options["runner"], options["runner_params"])
    assert kedro_run.callback is not None
    try:
        _check_conf(options)
        check_names(sum((pipelines[name] for name in named or [DEFAULT]), start=Pipeline([])), options)
        with _inside_the_project(options):
            return kedro_run.callback(**options)
    except KedroCliError as error:
        raise _told(error) from error
    except Exception as error:
        problem = _mendable(error)
        told = blame(error) if problem is None else _in_one_line(problem)
        if told is None:
            raise
        raise click.ClickException(told) from error


def _check_conf(options: dict[str, Any]) -> None:
    project = Path(find_kedro_project(Path.cwd()) or Path.cwd())
    configure_logging(project)  # again, as settings tell no mistake
    source = options.get("conf_source") or project / settings.CONF_SOURCE
    if Path(source).is_dir():  # else an archive, or a place elsewhere
        check_conf_files(Path(source), options.get("env"))


def _told(error: KedroCliError) -> click.UsageError:
    """Kedro shows such an error of its options without its message."""
    return click.UsageError(" ".join(error.message.split()))


def _check_runner(name: str, given: dict[str, Any]) -> None:
    try:
        runner = load_obj(name, _KEDROS_RUNNERS)
    except (ImportError, AttributeError, ValueError):
        raise click.UsageError(f"there is no runner {name!r}: leave --runner out") from None
    known = list(inspect.signature(runner).parameters)
    for option in given:
        if option not in known:
            raise click.UsageError(
                f"--runner-params: {runner.__name__} takes no {option!r}{instead(option, sorted(known))}"
            )


@contextmanager
def _inside_the_project(options: dict[str, Any]) -> Iterator[None]:
    """Runs as if started in the project's folder: paths of parameters begin there."""
    project = find_kedro_project(Path.cwd())
    if project is None or Path(project) == Path.cwd():
        yield
        return
    if options.get("conf_source") and Path(options["conf_source"]).exists():
        options["conf_source"] = str(Path(options["conf_source"]).resolve())
    with chdir(project):
        yield


def _mendable(error: BaseException | None) -> BaseException | None:
    """What a user can mend, behind an error that Kedro may have wrapped around it."""
    chain = []
    while error is not None:
        chain.append(error)
        error = error.__cause__
    return next(filter(_is_mendable, chain), None) or next(filter(_is_wrong_entry, chain), None)


def _is_wrong_entry(error: BaseException) -> bool:
    return isinstance(error, DatasetError) and any(words in str(error) for words in _WRONG_ENTRY)


def _is_mendable(error: BaseException) -> bool:
    if isinstance(error, OSError):
        return error.errno in DISK_ERRORS
    return isinstance(error, InputError | MissingConfigException | OmegaConfBaseException | yaml.YAMLError)


def _in_one_line(error: BaseException) -> str:
    return str(error) if isinstance(error, InputError) else " ".join(str(error).split())


def _with_message(option: click.Parameter) -> click.Parameter:
    """An option of Kedro's whose mistakes are told."""
    if option.callback is None:
        return option
    changed, check = copy.copy(option), option.callback

    def checked(context: click.Context, parameter: click.Parameter, value: Any) -> Any:
        try:
            return check(context, parameter, value)
        except KedroCliError as error:
            raise _told(error) from error

    changed.callback = checked
    return changed


run = copy.copy(kedro_run)
run.callback = _run
run.params = [_with_message(option) for option in kedro_run.params]
cli.add_command(run)
