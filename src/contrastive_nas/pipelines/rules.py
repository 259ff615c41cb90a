"""What parameters of different stages have to agree on."""

from collections.abc import Mapping
from typing import Any

from contrastive_nas.errors import InputError
from contrastive_nas.search.tuning.parameters import values_of


def first_labels_within_budget(parameters: Mapping[str, Any]) -> None:
    """Check that the initial design is part of the search's budget.

    Raises:
        InputError: they are more than the search may ask for.
    """
    search, count = parameters["search"], parameters["compare"].first_labels.count
    if search.buys_shorter_first(bool(parameters["evaluator"].fidelities)):
        return
    budget, queries = search.budget, search.queries
    if budget is not None and budget.trainings is not None and count > budget.trainings:
        raise InputError(
            f"parameter 'search.budget.trainings' is {budget.trainings:g}, but 'compare.first_labels.count', "
            f"which are full trainings, is {count}: raise the first or lower the second"
        )
    if budget is None and count > queries:
        raise InputError(
            f"parameter 'search.queries' is {queries}, but 'compare.first_labels.count' alone is {count}: "
            "raise the first or lower the second"
        )


def fidelities_have_a_budget(parameters: Mapping[str, Any]) -> None:
    """Refuse shorter trainings where costs are not counted.

    Raises:
        InputError: the budget is in queries.
    """
    fidelities = parameters["evaluator"].fidelities
    if fidelities and parameters["search"].budget is None:
        raise InputError(
            f"'evaluator.fidelities' offers {', '.join(fidelities)}, but the budget is in queries, which all "
            "count alike: set 'search.budget', such as {trainings: 20}, or leave the fidelities out"
        )


def tuned_parameters_exist(parameters: Mapping[str, Any]) -> None:
    """Check that what is tuned are parameters of the tuned stage.

    Raises:
        InputError: it has none of that name.
    """
    tune, first_labels = parameters["tune"], parameters["compare"].first_labels
    of_search = parameters["search"].of_search(first_labels.count, seed=0)
    values_of(of_search if tune.stage == "search" else parameters["compare"].training, tune.values)
