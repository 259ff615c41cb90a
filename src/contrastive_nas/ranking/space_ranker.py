"""A ranker of graphs, made to answer for the architecture strings of a space."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from contrastive_nas.errors import InputError
from contrastive_nas.graphs.schema import IntArray
from contrastive_nas.ranking.base import (
    FloatArray,
    Posterior,
    Ranker,
    as_posterior,
    check_between,
    check_finite,
)
from contrastive_nas.ranking.encoder.encoder import Encoder
from contrastive_nas.ranking.encoder.features import EncoderFeatures
from contrastive_nas.ranking.graph_source import SpaceSource
from contrastive_nas.ranking.registry import create_ranker_with
from contrastive_nas.ranking.transfer.fidelities import FidelitiesRanker, Lower
from contrastive_nas.ranking.transfer.ranker import TransferRanker
from contrastive_nas.ranking.transfer.weights import load_transfer
from contrastive_nas.ranking.zero_cost.table import ProxyTable
from contrastive_nas.spaces.base import Architecture, SearchSpace

# Spaces up to this size are looked at whole before the first label; of others, a sample of the size below.
LISTED = 50_000
SAMPLE = 2048


class SpaceRanker:
    """Ranks the architectures of a space; graphs and whatever else needs no label are made once.

    Before the first fit the ranker is shown the space: all of it, or a random sample, by which what it
    measures is standardised.

    Args:
        ranker: what ranks.
        space: where architectures come from.
        seed: of the sample, and of every fit.
        source: graphs of the space that were made before, for rankers that share them.
    """

    def __init__(
        self, ranker: Ranker, space: SearchSpace, *, seed: int = 0, source: SpaceSource | None = None
    ) -> None:
        self.ranker = ranker
        self.space = space
        self.source = SpaceSource(space) if source is None else source
        self._seed = seed
        self._fitted = False
        self._labelled: list[Architecture] = []
        self._best_labelled: float | None = None
        self.source.rows(_shown(space, np.random.default_rng(seed)))

    @property
    def has_uncertainty(self) -> bool:
        """See :class:`Ranker`."""
        return self.ranker.has_uncertainty

    @property
    def answers_without_labels(self) -> bool:
        """See :class:`Ranker`."""
        return self.ranker.answers_without_labels

    @property
    def exploration(self) -> float:
        """See :class:`Ranker`."""
        return self.ranker.exploration

    @property
    def basis(self) -> dict[str, Any]:
        """See :class:`Ranker`."""
        return self.ranker.basis

    def fit(self, architectures: Sequence[Architecture], accuracies: FloatArray) -> None:
        """Learn from the labels, in place of what was learned from any before; see :meth:`Ranker.fit`.

        Raises:
            InputError: a string is no architecture of the space, or labels that nothing can be learned from.
        """
        self.ranker.fit(self.source, self.source.rows(architectures), accuracies, self._seed)
        self._fitted, self._labelled, self._best_labelled = True, list(architectures), None

    def with_fidelities(self) -> "FidelitySpaceRanker":
        """Return the ranker that learns from labels of shorter trainings too, on the graphs of this one.

        Raises:
            InputError: this kind of ranker does not.
        """
        if not isinstance(self.ranker, TransferRanker):
            raise InputError(
                f"{type(self.ranker).__name__} does not learn from fidelities: take the ranker 'transfer', "
                "or search without evaluator.fidelities"
            )
        ranker = FidelitiesRanker.like(self.ranker)
        return FidelitySpaceRanker(ranker, self.space, seed=self._seed, source=self.source)

    @property
    def best_labelled(self) -> float:
        """The highest score of a network whose label was learned from; computed once a fit."""
        if self._best_labelled is None:
            self._best_labelled = float(self.scores(self._labelled).max())
        return self._best_labelled

    def scores(self, architectures: Sequence[Architecture]) -> FloatArray:
        """Return means of the posterior.

        Raises:
            InputError: the ranker gave something else than a finite number for each.
        """
        return check_finite(self.ranker, self.ranker.scores(self._rows(architectures)), architectures)

    def posterior(self, architectures: Sequence[Architecture]) -> Posterior:
        """Return mean and standard deviation of every architecture's normal quantile of accuracy.

        Raises:
            InputError: as :meth:`scores`.
        """
        mean, deviation = as_posterior(self.ranker, self.ranker.posterior(self._rows(architectures)))
        if (deviation < 0).any():
            raise InputError(
                f"{type(self.ranker).__name__} gave deviations below 0, the least {deviation.min():g}"
            )
        return Posterior(*(check_finite(self.ranker, one, architectures) for one in (mean, deviation)))

    def covariance(self, architectures: Sequence[Architecture]) -> FloatArray | None:
        """Return how beliefs go together; None where the ranker does not know.

        Raises:
            InputError: the ranker gave something else than a finite number for each pair.
        """
        found, count = self.ranker.covariance(self._rows(architectures)), len(architectures)
        return None if found is None else check_between(self.ranker, found, (count, count), -np.inf, np.inf)

    def probability(self, first: Sequence[Architecture], second: Sequence[Architecture]) -> FloatArray:
        """Return probabilities, first x second, that one beats the other.

        Raises:
            InputError: the ranker gave something else than a number from 0 to 1 for each pair.
        """
        wins = self.ranker.probability(self._rows(first), self._rows(second))
        return check_between(self.ranker, wins, (len(first), len(second)), 0, 1)

    def _rows(self, architectures: Sequence[Architecture]) -> IntArray:
        if not self._fitted:
            raise RuntimeError(
                f"{type(self.ranker).__name__} has not been fitted: call fit() before asking for predictions"
            )
        return self.source.rows(architectures)


class FidelitySpaceRanker(SpaceRanker):
    """Ranks the architectures of a space by labels of several fidelities."""

    ranker: FidelitiesRanker
    _lower: Sequence[list[Architecture]] = ()

    def take_lower(self, labels: Sequence[Mapping[Architecture, float]]) -> None:
        """Take labels of shorter trainings, the cheapest first, which the next fit learns from too."""
        self._lower = [list(one) for one in labels]
        known = (np.array(list(one.values()), dtype=float) for one in labels)
        rows = (self.source.rows(names) for names in self._lower)
        self.ranker.take_lower([Lower(*one) for one in zip(rows, known, strict=True)])

    def fit(self, architectures: Sequence[Architecture], accuracies: FloatArray) -> None:
        super().fit(architectures, accuracies)
        # Before a full training, what is to be improved on are networks of the best training that there was.
        dearest = [names for names in (*self._lower, list(architectures)) if names]
        self._labelled = dearest[-1] if dearest else []

    def resolved(self, architectures: Sequence[Architecture], number: int) -> FloatArray:
        """Return what :meth:`FidelitiesRanker.resolved` does."""
        return self.ranker.resolved(self._rows(architectures), number)


def create_space_ranker(
    name: str,
    space: SearchSpace,
    *,
    seed: int,
    encoder: Encoder | None = None,
    options: Mapping[str, Any] | None = None,
) -> SpaceRanker:
    """Return the ranker of a name for a search of a space: labels of that space are in nothing that it
    learned from.

    Args:
        name: see :func:`contrastive_nas.ranking.registry.list_rankers`.
        space: what is searched.
        seed: of everything random.
        encoder: describes graphs, for rankers that have one; the one that comes with the package by default.
        options: of the ranker.

    Raises:
        InputError: no such ranker or option, or a model of other spaces that knows this one alone.
    """
    offered: dict[str, Callable[[], Any]] = {
        "space": lambda: space,
        "model": lambda: load_transfer().without(space.name),
        "features": lambda: EncoderFeatures(encoder),
        "proxies": lambda: ProxyTable(space),
    }
    return SpaceRanker(create_ranker_with(name, offered, **(options or {})), space, seed=seed)


def _shown(space: SearchSpace, rng: np.random.Generator) -> list[Architecture]:
    if space.size <= LISTED:
        return list(space.enumerate())
    return list(dict.fromkeys(space.sample(rng, SAMPLE)))
