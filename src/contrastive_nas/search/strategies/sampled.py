"""Search among a large random sample of the space."""

from contrastive_nas.search.ledger import Proposal
from contrastive_nas.search.strategies.base import RankerStrategy, Setting


class Sampled(RankerStrategy):
    """Ranks a fixed random sample of the space by what there is to gain.

    A ranker with few labels ranks networks that are alike to labelled ones; candidates that were bred to
    please it lie where it is wrong. A sample has the good networks of the space in their natural share.
    """

    def __init__(self, setting: Setting) -> None:
        super().__init__(setting)
        drawn = self.space.sample(self.rng, setting.parameters.sampled.size)
        self._candidates = list(dict.fromkeys(drawn))

    def propose(self, count: int) -> list[Proposal]:
        return self.most_promising(self._candidates, count)
