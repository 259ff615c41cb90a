"""The project's context: parameters are checked as a whole."""

from functools import cached_property
from typing import Any

from kedro.framework.context import KedroContext
from kedro.framework.project import pipelines

from contrastive_nas.execution.parameters import check_parameters


class ProjectContext(KedroContext):
    """A context whose parameters all have their types, whichever pipeline runs.

    Kedro checks the parameters of the pipeline that is asked for, and lets pass what no node takes.
    """

    @property
    def params(self) -> dict[str, Any]:
        """Parameters of all stages.

        Raises:
            InputError: a parameter is unknown or does not fit.
        """
        return self._checked_parameters

    @cached_property
    def _checked_parameters(self) -> dict[str, Any]:
        return check_parameters(self.config_loader["parameters"], pipelines)
