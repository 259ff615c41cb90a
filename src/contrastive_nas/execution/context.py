"""The context of a run: parameters checked as a whole, and what is checked before any work."""

import copy
from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any, ClassVar

from kedro.config import AbstractConfigLoader
from kedro.framework.context import KedroContext
from kedro.framework.project import pipelines
from kedro.io import CatalogProtocol
from kedro.pipeline import Pipeline
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException
from yaml import YAMLError

from contrastive_nas.errors import InputError
from contrastive_nas.execution.parameters import check_parameters


class ProjectContext(KedroContext):
    """A context whose parameters all have their types, whichever pipeline runs.

    Kedro checks the parameters of the pipeline that is asked for, and lets pass what no node takes.

    Attributes:
        rules: what parameters of different stages have to agree on; each raises InputError where they do not.
        checks: what has to be right for a pipeline to run, by its parameters, the pipeline and the catalog;
            made where a node is going to run, before the first one, as some take seconds.
    """

    rules: ClassVar[tuple[Callable[[Mapping[str, Any]], None], ...]] = ()
    checks: ClassVar[tuple[Callable[[Mapping[str, Any], Pipeline, CatalogProtocol], None], ...]] = ()

    def check_before_work(self, pipeline: Pipeline, catalog: CatalogProtocol) -> None:
        """Make the checks.

        Raises:
            InputError: something is wrong that would stop one of the nodes.
        """
        for check in self.checks:
            check(self.params, pipeline, catalog)

    @property
    def params(self) -> dict[str, Any]:
        """Parameters of all stages.

        Raises:
            InputError: a parameter is unknown or does not fit, or two do not fit each other.
        """
        return self._checked_parameters

    def _read_parameters(self) -> dict[str, Any]:
        try:
            return _with_blocks_of_files(self.config_loader)
        except (ValueError, OmegaConfBaseException, YAMLError) as error:
            raise InputError(f"the parameters cannot be read: {' '.join(str(error).split())}") from error
        except AttributeError as error:
            raise InputError(
                "the parameters cannot be read: a parameter file holds a list in place of names with values"
            ) from error

    @cached_property
    def _checked_parameters(self) -> dict[str, Any]:
        checked = check_parameters(self._read_parameters(), pipelines)
        for rule in self.rules:
            rule(checked)
        return checked


def _with_blocks_of_files(loader: AbstractConfigLoader) -> dict[str, Any]:
    """The parameters of the files, with single values replaced by those that the run was given.

    Kedro lays what a run is given over the base and over the environment, and of both takes each block from
    the second: a block that only the base has would lose all values but those given.
    """
    parameters: dict[str, Any] = loader["parameters"]
    given = loader.runtime_params or {}
    blocks = [name for name, value in given.items() if isinstance(value, Mapping)]
    if not blocks:
        return parameters
    without = copy.copy(loader)
    without.runtime_params = {}
    files = without["parameters"]
    for name in blocks:
        if isinstance(files.get(name), Mapping):
            merged = OmegaConf.merge(files[name], parameters[name])
            parameters[name] = OmegaConf.to_container(merged)
    return parameters
