"""Parameters of the search stage."""

from pydantic import Field

from contrastive_nas.search.parameters import RankerParameters, SearchParameters, SearchSettings
from contrastive_nas.typed import Seed


class SearchStageParameters(SearchSettings):
    """The search: strategy, budget, and the ranker that guides it.

    Its first round is ``compare.first_labels``, its seed the experiment's ``seed``.

    Attributes:
        ranker: What ranks the candidates. It is refitted to all labels in every round.
        final_seeds: Seeds of the trainings that measure the accuracy of the chosen network for the report,
            one training each. Use seeds that no other training has. Only where queries are trained.
        pool: Whether only architectures of the table may be queried, for tables that hold a part of the
            space.
    """

    ranker: RankerParameters = RankerParameters()
    final_seeds: tuple[Seed, ...] = Field(default=(100, 101, 102), min_length=1)
    pool: bool = False

    def of_search(self, initial: int, seed: int, queries: int | None = None) -> SearchParameters:
        """Return parameters of the search itself.

        Args:
            initial: labels of the initial design.
            seed: of everything random.
            queries: in place of the budget.
        """
        own = {name: getattr(self, name) for name in SearchSettings.model_fields}
        if queries is not None:
            own |= {"queries": queries, "budget": None}
        return SearchParameters(**own | {"initial": initial, "seed": seed})
