"""What parameters of different stages have to agree on."""

from collections.abc import Mapping
from typing import Any

from contrastive_nas.errors import InputError
from contrastive_nas.execution.fingerprint import plain
from contrastive_nas.execution.run_record import seeds
from contrastive_nas.search.parameters import LARGEST_SEED


def first_labels_within_budget(parameters: Mapping[str, Any]) -> None:
    """The initial design is part of the search's budget.

    Raises:
        InputError: they are more than the search may ask for.
    """
    queries, count = parameters["search"].queries, parameters["compare"].first_labels.count
    if count > queries:
        raise InputError(
            f"parameter 'search.queries' is {queries}, but 'compare.first_labels.count' alone is {count}: "
            "raise the first or lower the second"
        )


def seeds_are_not_negative(parameters: Mapping[str, Any]) -> None:
    """Generators of random numbers take whole numbers from 0 to ``LARGEST_SEED``.

    Raises:
        InputError: a seed is below or above.
    """
    for name, value in seeds(plain(parameters)):
        if any(
            isinstance(seed, int) and not 0 <= seed <= LARGEST_SEED
            for seed in (value if isinstance(value, list) else [value])
        ):
            raise InputError(
                f"parameter {name!r} is {value}: seeds are whole numbers from 0 on, at most {LARGEST_SEED}"
            )
