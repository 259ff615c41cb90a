"""The strategy to take where none is asked for, by measurement (see docs/search.md)."""

from contrastive_nas.search.exhaustive import Exhaustive
from contrastive_nas.search.ledger import Proposal
from contrastive_nas.search.sampled import Sampled
from contrastive_nas.search.strategy import PredictorStrategy, Setting

RANKED_WHOLE = 50_000


class Default(PredictorStrategy):
    """Exhaustive search where the space can be ranked whole in minutes, else among a random sample of it."""

    def __init__(self, setting: Setting) -> None:
        super().__init__(setting)
        listed = self.space.size <= RANKED_WHOLE
        self._chosen: PredictorStrategy = Exhaustive(setting) if listed else Sampled(setting)
        # One record of what was asked and answered, whoever proposes.
        self._chosen.labels, self._chosen.asked, self._chosen.trace = self.labels, self.asked, self.trace

    def propose(self, count: int) -> list[Proposal]:
        return self._chosen.propose(count)
