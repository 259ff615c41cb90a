"""The strategy to take where none is asked for, by measurement (see docs/search.md)."""

from contrastive_nas.search.ledger import Proposal
from contrastive_nas.search.strategies.base import RankerStrategy, Setting
from contrastive_nas.search.strategies.evolution import Evolution
from contrastive_nas.search.strategies.exhaustive import Exhaustive
from contrastive_nas.search.strategies.sampled import Sampled

RANKED_WHOLE = 50_000
RANKED_BY_SAMPLE = 100_000_000


class Default(RankerStrategy):
    """By the size of the space: all of it is ranked, or a random sample, or candidates are bred.

    The larger a space, the further its best networks are beyond those of a sample that can be ranked.
    """

    def __init__(self, setting: Setting) -> None:
        super().__init__(setting)
        self._chosen = _strategy(self.space.size)(setting)
        # One record of what was asked and answered, whoever proposes.
        self._chosen.labels, self._chosen.asked, self._chosen.trace = self.labels, self.asked, self.trace

    def propose(self, count: int) -> list[Proposal]:
        return self._chosen.propose(count)


def _strategy(size: int) -> type[RankerStrategy]:
    if size <= RANKED_WHOLE:
        return Exhaustive
    return Sampled if size <= RANKED_BY_SAMPLE else Evolution
