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
    queries, count = parameters["search"].queries, parameters["compare"].first_labels.count
    if count > queries:
        raise InputError(
            f"parameter 'search.queries' is {queries}, but 'compare.first_labels.count' alone is {count}: "
            "raise the first or lower the second"
        )


def tuned_parameters_exist(parameters: Mapping[str, Any]) -> None:
    """Check that what is tuned are parameters of the tuned stage.

    Raises:
        InputError: it has none of that name.
    """
    tune, first_labels = parameters["tune"], parameters["compare"].first_labels
    of_search = parameters["search"].of_search(first_labels.count, seed=0)
    values_of(of_search if tune.stage == "search" else parameters["compare"].training, tune.values)
