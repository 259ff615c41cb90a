"""The project's context: parameters are checked as a whole."""

from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any, ClassVar

from kedro.framework.context import KedroContext
from kedro.framework.project import pipelines

from contrastive_nas.execution.parameters import check_parameters


class ProjectContext(KedroContext):
    """A context whose parameters all have their types, whichever pipeline runs.

    Kedro checks the parameters of the pipeline that is asked for, and lets pass what no node takes.

    Attributes:
        rules: what parameters of different stages have to agree on; each raises InputError where they do not.
    """

    rules: ClassVar[tuple[Callable[[Mapping[str, Any]], None], ...]] = ()

    @property
    def params(self) -> dict[str, Any]:
        """Parameters of all stages.

        Raises:
            InputError: a parameter is unknown or does not fit, or two do not fit each other.
        """
        return self._checked_parameters

    @cached_property
    def _checked_parameters(self) -> dict[str, Any]:
        checked = check_parameters(self.config_loader["parameters"], pipelines)
        for rule in self.rules:
            rule(checked)
        return checked
