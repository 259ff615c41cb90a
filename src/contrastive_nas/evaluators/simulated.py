"""Trainings by a clock of their own: what a search would have taken with so many workers.

Accuracies are looked up in a table, so that a search of thousands of hours is simulated in minutes, by the
same code that runs it.
"""

import heapq
import zlib
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pandas as pd

from contrastive_nas.evaluators.base import Evaluation
from contrastive_nas.evaluators.pending import Pending
from contrastive_nas.evaluators.table import TableEvaluator, table_digest
from contrastive_nas.spaces.base import Architecture


class SimulatedTrainings(TableEvaluator):
    """Looks accuracies up as :class:`TableEvaluator` does, and tells when workers would have had them.

    As with trainings of this machine, the queries of a round begin with the largest one, each at the worker
    that is free first, and a round ends when all of it is trained.

    Args:
        table: a tidy table with the columns ``architecture`` and ``seconds``: what a training takes.
        label: the column of accuracies in percent that a search may see.
        test: the column that a chosen network is reported with; the label where it is not given.
        workers: trainings that run at the same time.
        choosing: seconds that every choice of a search takes, while which nothing new begins.
        lost: probability, below 1, that a training loses its worker, at a random moment of it; it then begins
            anew, as often as it takes.
        seed: of losses.

    Attributes:
        clock: seconds since the search began.
        busy: seconds of all workers together in which they trained, what was lost included.
        spans: of each training, in the order in which they began: begin, end, architecture.
    """

    origin = "trained"

    def __init__(
        self,
        table: pd.DataFrame,
        label: str,
        test: str | None = None,
        *,
        workers: int = 1,
        choosing: float = 0.0,
        lost: float = 0.0,
        seed: int = 0,
    ) -> None:
        super().__init__(table, label, test)
        self._seconds = dict(zip(table["architecture"], table["seconds"].astype(float), strict=True))
        self._settings = {"workers": workers, "choosing": choosing, "lost": lost, "seed": seed}
        self._choosing, self._lost, self._seed = choosing, lost, seed
        # When each worker is free.
        self._free = [0.0] * workers
        self.clock = self.busy = 0.0
        self.spans: list[tuple[float, float, Architecture]] = []

    @property
    def identity(self) -> dict[str, Any]:
        times = table_digest(self._table, "seconds")
        return {**super().identity, "kind": "simulated", "seconds": times, **self._settings}

    def stream(self, architectures: Sequence[Architecture]) -> Iterator[Evaluation]:
        self.clock += self._choosing
        largest_first = sorted(architectures, key=lambda one: -self._seconds.get(one, 0.0))
        ends = {one: self.begin(one) for one in largest_first}
        for architecture in architectures:
            yield self.answer(architecture, ends[architecture])

    def pending(self) -> Pending:
        return _Simulated(self, self._choosing)

    def begin(self, architecture: Architecture) -> float:
        """Give a training to the worker that is free first, and return when it will have ended."""
        takes = self._seconds.get(architecture, 0.0) * self._trials(architecture)
        begin = max(self.clock, heapq.heappop(self._free))
        end = begin + takes
        self.spans.append((begin, end, architecture))
        heapq.heappush(self._free, end)
        self.busy += takes
        return end

    def answer(self, architecture: Architecture, end: float) -> Evaluation:
        """Wait for the end of a training."""
        self.clock = max(self.clock, end)
        (found,) = self.evaluate([architecture])
        seconds = self._seconds.get(architecture, 0.0)
        return Evaluation(architecture, found.accuracy, self.origin, seconds, found.error)

    def _trials(self, architecture: Architecture) -> float:
        """How often a training is run, what was lost counted by its part."""
        rng = np.random.default_rng([self._seed, zlib.crc32(architecture.encode())])
        trials = 1.0
        while rng.random() < self._lost:
            trials += float(rng.random())
        return trials


class _Simulated(Pending):
    """Trainings that are under way, by when they will have ended."""

    def __init__(self, trainings: SimulatedTrainings, choosing: float) -> None:
        self._trainings, self._choosing = trainings, choosing
        self._ends: list[tuple[float, int, Architecture]] = []
        self._begun = 0
        self._chosen = False

    def begin(self, architecture: Architecture) -> None:
        if not self._chosen:
            self._trainings.clock += self._choosing
            self._chosen = True
        heapq.heappush(self._ends, (self._trainings.begin(architecture), self._begun, architecture))
        self._begun += 1

    def finished(self) -> list[Evaluation]:
        self._chosen = False
        now = max(self._trainings.clock, self._ends[0][0])
        found: list[Evaluation] = []
        while self._ends and self._ends[0][0] <= now:
            end, _, architecture = heapq.heappop(self._ends)
            found.append(self._trainings.answer(architecture, end))
        return found
