"""Exhaustive search: a finite space is ranked whole, labels are bought from the top."""

from contrastive_nas.errors import InputError
from contrastive_nas.search.ledger import Proposal
from contrastive_nas.search.strategies.base import RankerStrategy, Setting

LARGEST = 500_000


class Exhaustive(RankerStrategy):
    """Ranks every architecture of the space by what there is to gain.

    Raises:
        InputError: the space is too large, or has too many combinations of choices, to be listed.
    """

    def __init__(self, setting: Setting) -> None:
        super().__init__(setting)
        if self.space.size > LARGEST:
            raise InputError(
                f"{self.space.name} has {self.space.size:.3g} architectures: too many for exhaustive search"
            )
        try:
            self._everything = list(self.space.enumerate())
        except NotImplementedError as error:
            raise InputError(f"{error} for exhaustive search") from None

    def propose(self, count: int) -> list[Proposal]:
        return self.most_promising(self._everything, count)
