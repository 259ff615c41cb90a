"""Project settings, read by Kedro."""

import warnings

from contrastive_nas.execution.context import ProjectContext

# Kedro about its own libraries and options: nothing that a user of this project can mend.
warnings.filterwarnings("ignore", message=r"register_new_resolver\(\) is deprecated")
warnings.filterwarnings("ignore", message="Option '--pipeline' is deprecated")

CONFIG_LOADER_ARGS = {"base_env": "base", "default_run_env": "local"}
CONTEXT_CLASS = ProjectContext
