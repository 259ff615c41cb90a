"""What is checked before the first node of a run: all that would otherwise stop it after minutes of work.

Here are the checks that need the search space or the experiment's table; rules of parameters alone stand in
:mod:`contrastive_nas.pipelines.rules`.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kedro.io import CatalogProtocol
from kedro.pipeline import Pipeline

from contrastive_nas.errors import InputError

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

SPACE, SEARCH, RETRAIN = "params:space", "params:search", "params:retrain"
EVALUATOR, DEVICE = "params:evaluator", "params:device"
TABLE, RAW_TABLE = "table", "raw_table"


def space_exists(parameters: Mapping[str, Any], pipeline: Pipeline, catalog: CatalogProtocol) -> None:
    """Check that the search space can be made with its options, and for retraining with those of it.

    Raises:
        InputError: there is no such space, or it takes no such options.
    """
    from contrastive_nas.spaces import load_space

    space = parameters["space"]
    if SPACE in pipeline.inputs():
        with _said_of("space"):
            load_space(space.name, **space.options)
    if RETRAIN in pipeline.inputs() and (options := parameters["retrain"].space_options):
        with _said_of("retrain.space_options"):
            load_space(space.name, **space.options | options)


def costs_exist(parameters: Mapping[str, Any], pipeline: Pipeline, catalog: CatalogProtocol) -> None:
    """Check that limits and objectives are costs that are known, and that some network keeps to the limits.

    Limits by a column of the table, and those of a pool, are only known where the table is read.

    Raises:
        InputError: there is no cost of that name, or no network within the limits was found.
    """
    from contrastive_nas.latency.parameters import LATENCY
    from contrastive_nas.spaces import load_space
    from contrastive_nas.spaces.costs import FROM_GRAPHS, Costs
    from contrastive_nas.spaces.wrapped.limited import LimitedSpace

    search = parameters["search"]
    limits, objectives = search.limits, search.objectives
    if SEARCH not in pipeline.inputs() or not (limits or objectives):
        return
    space = load_space(parameters["space"].name, **parameters["space"].options)
    tabulated = {*limits, *objectives} - {*FROM_GRAPHS, LATENCY}
    table = _without_rows(parameters, pipeline, catalog) if tabulated else None
    for name, costs in (("search.limits", [*limits]), ("search.objectives", [*objectives])):
        with _said_of(name):
            Costs(space, costs, table, {LATENCY: _not_measured})
    if limits and set(limits) <= set(FROM_GRAPHS) and not search.pool:
        with _said_of("search.limits"):
            LimitedSpace(space, Costs(space, [*limits]), [*limits.values()])


def machine_and_files_are_there(
    parameters: Mapping[str, Any], pipeline: Pipeline, catalog: CatalogProtocol
) -> None:
    """Check the device, and the function or the supernet that answers queries.

    Raises:
        InputError: one of them is not there.
    """
    from contrastive_nas.devices import pick_device
    from contrastive_nas.evaluators.function import load_function
    from contrastive_nas.training.supernet.weights_file import read_supernet_header

    if DEVICE in pipeline.inputs():
        pick_device(parameters["device"])
    evaluator = parameters["evaluator"]
    if EVALUATOR not in pipeline.inputs():
        return
    if evaluator.function is not None:
        load_function(evaluator.function)
    if evaluator.kind == "supernet" and evaluator.supernet.weights is not None:
        read_supernet_header(Path(evaluator.supernet.weights))


CHECKS: tuple[Callable[[Mapping[str, Any], Pipeline, CatalogProtocol], None], ...] = (
    space_exists,
    costs_exist,
    machine_and_files_are_there,
)


def _without_rows(
    parameters: Mapping[str, Any], pipeline: Pipeline, catalog: CatalogProtocol
) -> "pd.DataFrame":
    """The columns of the experiment's table, as it is or as the stage ``ingest`` is going to read it."""
    from contrastive_nas.tables.reading import first_rows

    if TABLE in pipeline.inputs():
        table: pd.DataFrame = catalog.load(TABLE)
        return table.iloc[:0]
    target = parameters["target"]
    metrics = [target.label, target.test]
    return first_rows(catalog.load(RAW_TABLE), parameters["ingest"].source, metrics).iloc[:0]


def _not_measured(architectures: Sequence[str]) -> "NDArray[np.float64]":
    raise AssertionError("latencies are not measured before a run")


@contextmanager
def _said_of(parameter: str) -> Iterator[None]:
    """Errors within name the parameter."""
    try:
        yield
    except InputError as error:
        raise InputError(f"parameter {parameter!r}: {error}") from error
