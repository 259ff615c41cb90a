"""Project settings, read by Kedro."""

import warnings
from contextlib import suppress
from pathlib import Path

from kedro.utils import find_kedro_project

from contrastive_nas.errors import InputError
from contrastive_nas.execution.context import ProjectContext
from contrastive_nas.execution.logging_file import configure_logging
from contrastive_nas.execution.mlflow_hook import MlflowLogger
from contrastive_nas.execution.run_record import RunRecorder
from contrastive_nas.execution.session import use_caching_runner
from contrastive_nas.execution.viz_status import VizStatus
from contrastive_nas.pipelines.checks import CHECKS
from contrastive_nas.pipelines.rules import (
    fidelities_have_a_budget,
    first_labels_within_budget,
    tuned_parameters_exist,
)
from contrastive_nas.reporting.run_end import RunEnd

# Kedro about its own libraries and options: nothing that a user of this project can mend.
warnings.filterwarnings("ignore", message=r"register_new_resolver\(\) is deprecated")
warnings.filterwarnings("ignore", message="Option '--pipeline' is deprecated")

use_caching_runner()
with suppress(InputError):  # `kedro run` tells it; other commands do without
    configure_logging(Path(find_kedro_project(Path.cwd()) or Path.cwd()))

CONFIG_LOADER_ARGS = {
    "base_env": "base",
    "default_run_env": "local",
    "config_patterns": {"mlflow": ["mlflow*"]},
}


class ExperimentContext(ProjectContext):
    """The project's context with the rules and checks of its experiments."""

    rules = (first_labels_within_budget, fidelities_have_a_budget, tuned_parameters_exist)
    checks = CHECKS


CONTEXT_CLASS = ExperimentContext
_recorder = RunRecorder()
HOOKS = (_recorder, RunEnd(_recorder), MlflowLogger(_recorder), VizStatus(_recorder))
# Its hooks know Kedro's own runner alone and warn in every other run; VizStatus writes what they would.
DISABLE_HOOKS_FOR_PLUGINS = ("kedro-viz",)
