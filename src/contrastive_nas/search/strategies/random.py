"""Random search, the baseline of all others."""

from contrastive_nas.search.ledger import Proposal
from contrastive_nas.search.strategies.base import Strategy


class RandomSearch(Strategy):
    """Samples of the space, each architecture once."""

    def ask(self, count: int) -> list[Proposal]:
        return self.sample_new(count, "random")
