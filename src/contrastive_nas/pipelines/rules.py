"""What parameters of different stages have to agree on."""

from collections.abc import Mapping
from typing import Any

from contrastive_nas.errors import InputError


def first_labels_within_budget(parameters: Mapping[str, Any]) -> None:
    """The comparator's first labels are queries of the search.

    Raises:
        InputError: they are more than the search may ask for.
    """
    queries, count = parameters["search"].queries, parameters["compare"].first_labels.count
    if count > queries:
        raise InputError(
            f"parameter 'search.queries' is {queries}, but 'compare.first_labels.count' alone is {count}: "
            "raise the first or lower the second"
        )
