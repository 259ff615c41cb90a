"""Parameters of the search stage."""

from pydantic import ConfigDict, Field

from contrastive_nas.search.parameters import RankerParameters, SearchParameters, SearchSettings


class SearchStageParameters(SearchSettings):
    """A search; its initial design is ``compare.first_labels``, its seed the experiment's.

    Attributes:
        ranker: what guides it, refitted to all labels in every round.
        final_seeds: trainings of the chosen network, none of which the search has seen, for the reported
            accuracy; only where queries are trained.
        pool: only rows of the table may be asked for; for tables that hold a part of the space.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    ranker: RankerParameters = RankerParameters()
    final_seeds: tuple[int, ...] = Field(default=(100, 101, 102), min_length=1)
    pool: bool = False

    def of_search(self, initial: int, seed: int, queries: int | None = None) -> SearchParameters:
        """Parameters of the search itself.

        Args:
            initial: labels of the initial design.
            seed: of everything random.
            queries: in place of the budget.
        """
        own = {name: getattr(self, name) for name in SearchSettings.model_fields}
        return SearchParameters(
            **own | {"initial": initial, "seed": seed, "queries": queries or self.queries}
        )
