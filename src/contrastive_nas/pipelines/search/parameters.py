"""Parameters of the search stage."""

from typing import Literal, Self

from pydantic import ConfigDict, Field, model_validator

from contrastive_nas.ranking.parameters import CompareParameters
from contrastive_nas.search.parameters import SearchParameters


class SearchStageParameters(SearchParameters):
    """A search by a model that is refitted to all labels; the seed is the experiment's.

    Attributes:
        predictor: ``comparator``: the augmented comparator's encoder, trained on with all labels;
            ``gaussian_process``: on graph statistics and choices; ``transfer``: what other labelled spaces
            taught, with a process on the comparator's encoder.
        refit: training of the comparator in every round.
        final_seeds: trainings of the chosen network, none of which the search has seen, for the reported
            accuracy; only where queries are trained.
        pool: only rows of the table may be asked for; for tables that hold a part of the space.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    predictor: Literal["comparator", "gaussian_process", "transfer"] = "gaussian_process"
    refit: CompareParameters = CompareParameters()
    final_seeds: tuple[int, ...] = Field(default=(100, 101, 102), min_length=1)
    pool: bool = False

    @model_validator(mode="after")
    def _budget_covers_initial(self) -> Self:
        """The comparator's first labels take the place of ``initial``; a rule of the project counts them."""
        return self
