"""A user's networks in order, without a label or with few: a model of other spaces looks at their graphs."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from contrastive_nas.errors import InputError
from contrastive_nas.graphs.costs import warn_of_unknown
from contrastive_nas.graphs.schema import ComputationGraph, IntArray
from contrastive_nas.ranking.base import GraphSource
from contrastive_nas.ranking.listed_source import ListedSource
from contrastive_nas.ranking.space_source import SpaceSource
from contrastive_nas.ranking.transfer.model import TransferModel
from contrastive_nas.ranking.transfer.ranker import TransferRanker
from contrastive_nas.ranking.transfer.weights import load_transfer
from contrastive_nas.spaces.base import Architecture, SearchSpace

if TYPE_CHECKING:
    import pandas as pd

# Random networks of a space beside which the listed ones are seen.
REFERENCE = 1024
# Fewer networks of no known space say little about how such networks vary.
LEAST = 8
# Fitting takes the cube of their number, and more labels hardly change an order.
MOST_LABELS = 1000
_DECIMALS = 9


def rank(
    space: SearchSpace,
    architectures: Sequence[Architecture],
    *,
    labels: Mapping[Architecture, float] | None = None,
    model: TransferModel | None = None,
    seed: int = 0,
) -> "pd.DataFrame":
    """Ranks architectures of a space, best first.

    Args:
        space: theirs; random networks of it are what they are compared with.
        architectures: at least two, together with those that are labelled.
        labels: accuracies of some of them or of others, higher is better; they are ranked too.
        model: learned from labelled spaces; the one that comes with the package by default.
        seed: of the random networks, and of the labels that are learned from where there are more than
            ``MOST_LABELS``.

    Returns:
        ``rank`` from 1, ``architecture``, ``score`` (a difference of two is the logit that one beats the
        other), ``win_probability`` (mean probability to beat another of the list), and ``label`` where there
        are labels. Its ``attrs["relations"]`` say how much each labelled space has to do with these networks,
        0 to 1: without labels, and where no space reaches 0.5, little can be expected.

    Raises:
        InputError: fewer than two, a string is no architecture of the space, or labels that are not finite or
            all equal.
    """
    known = _checked(labels or {})
    names = list(dict.fromkeys([*architectures, *known]))
    if len(names) < 2:
        raise InputError(f"rank: at least two different networks are needed, got {len(names)}")
    source = SpaceSource(space)
    source.rows(space.sample(np.random.default_rng(seed), REFERENCE))
    return _ranking(names, source, source.rows(names), known, model, seed)


def rank_graphs(
    names: Sequence[str],
    graphs: Sequence[ComputationGraph],
    *,
    labels: Mapping[str, float] | None = None,
    model: TransferModel | None = None,
    seed: int = 0,
) -> "pd.DataFrame":
    """:func:`rank` for networks of no known space, which are compared with each other alone.

    Raises:
        InputError: fewer than eight networks, a label of another one, or labels as in :func:`rank`.
    """
    if len(graphs) < LEAST:
        raise InputError(f"rank: {len(graphs)} networks of no known space; at least {LEAST} are needed")
    known = _checked(labels or {})
    foreign = sorted(set(known) - set(names))
    if foreign:
        raise InputError(f"rank: there is a label of {foreign[0]}, which is none of the networks")
    return _ranking(list(names), ListedSource.of(graphs), np.arange(len(graphs)), known, model, seed)


def _checked(labels: Mapping[str, float]) -> Mapping[str, float]:
    wrong = [name for name, label in labels.items() if not np.isfinite(label)]
    if wrong:
        raise InputError(f"rank: the label of {wrong[0]} is {labels[wrong[0]]}")
    if labels and len(set(labels.values())) < 2:
        given = next(iter(labels.values()))
        raise InputError(f"rank: at least two different labels are needed, all are {given}")
    return labels


def _ranking(
    names: list[str],
    source: GraphSource,
    rows: IntArray,
    labels: Mapping[str, float],
    model: TransferModel | None,
    seed: int,
) -> "pd.DataFrame":
    import pandas as pd

    ranker = TransferRanker(model or load_transfer())
    known = np.flatnonzero([name in labels for name in names])
    learned = np.random.default_rng(seed).permutation(known)[:MOST_LABELS]
    warn_of_unknown(names, source.batch(rows))
    ranker.fit(source, rows[learned], np.array([labels[names[place]] for place in learned]), seed)
    # Equal networks may differ in the last bits of a matrix product.
    scores = (ranker.scores(source, rows) / ranker.temperature).round(_DECIMALS)
    table = pd.DataFrame({"architecture": names, "score": scores, "win_probability": _mean_wins(scores)})
    if labels:
        table["label"] = [labels.get(name, np.nan) for name in names]
    table = table.sort_values("score", ascending=False, kind="stable", ignore_index=True)
    table.attrs["relations"] = ranker.relations
    table.insert(0, "rank", table["score"].rank(method="min", ascending=False).astype(int))
    return table


def _mean_wins(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    """Mean probability to beat another one; row by row, so that memory does not grow with the square."""
    return np.array([(expit(score - scores).sum() - 0.5) / (len(scores) - 1) for score in scores])
