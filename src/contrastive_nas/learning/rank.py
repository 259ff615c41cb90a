"""A user's networks in order, without a label: a model of other spaces looks at their graphs."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from contrastive_nas.errors import InputError
from contrastive_nas.graphs.canonical import canonical_batch
from contrastive_nas.graphs.schema import ComputationGraph, GraphBatch
from contrastive_nas.graphs.statistics import statistics
from contrastive_nas.learning.space_scale import SpaceScale
from contrastive_nas.learning.transfer import TransferModel
from contrastive_nas.learning.transfer_weights import load_transfer
from contrastive_nas.spaces.base import Architecture, SearchSpace

if TYPE_CHECKING:
    import pandas as pd

# Random networks of a space by which its statistics are standardised.
REFERENCE = 1024
# Fewer networks of no known space say little about how such networks vary.
LEAST = 8
_DECIMALS = 9


def rank(
    space: SearchSpace,
    architectures: Sequence[Architecture],
    *,
    model: TransferModel | None = None,
    seed: int = 0,
) -> "pd.DataFrame":
    """Ranks architectures of a space without labels, best first.

    Args:
        space: theirs; random networks of it are what they are compared with.
        architectures: at least two.
        model: learned from labelled spaces; the one that comes with the package by default.
        seed: of the random networks.

    Returns:
        ``rank`` from 1, ``architecture``, ``score`` (a difference of two is the logit that one beats the
        other), ``win_probability`` (mean probability to beat another of the list).

    Raises:
        InputError: fewer than two, or a string is no architecture of the space.
    """
    names = list(dict.fromkeys(architectures))
    if len(names) < 2:
        raise InputError(f"rank: at least two different networks are needed, got {len(names)}")
    sample = list(dict.fromkeys(space.sample(np.random.default_rng(seed), REFERENCE)))
    scale = _scale(_statistics(space.graphs(sample)))
    return _ranking(names, _statistics(space.graphs(names)), scale, model)


def rank_graphs(
    names: Sequence[str], graphs: Sequence[ComputationGraph], *, model: TransferModel | None = None
) -> "pd.DataFrame":
    """:func:`rank` for networks of no known space, which are compared with each other alone.

    Raises:
        InputError: fewer than eight networks.
    """
    if len(graphs) < LEAST:
        raise InputError(f"rank: {len(graphs)} networks of no known space; at least {LEAST} are needed")
    measured = _statistics(GraphBatch.from_graphs(graphs))
    return _ranking(list(names), measured, _scale(measured), model)


def _statistics(graphs: GraphBatch) -> NDArray[np.float32]:
    return statistics(canonical_batch(graphs))


def _scale(measured: NDArray[np.float32]) -> SpaceScale:
    """Of networks that count once a function."""
    return SpaceScale.of(np.unique(measured, axis=0))


def _ranking(
    names: list[str], measured: NDArray[np.float32], scale: SpaceScale, model: TransferModel | None
) -> "pd.DataFrame":
    import pandas as pd

    # Equal networks may differ in the last bits of a matrix product.
    scores = (model or load_transfer()).scores(measured, scale).round(_DECIMALS)
    table = pd.DataFrame({"architecture": names, "score": scores, "win_probability": _mean_wins(scores)})
    table = table.sort_values("score", ascending=False, kind="stable", ignore_index=True)
    table.insert(0, "rank", table["score"].rank(method="min", ascending=False).astype(int))
    return table


def _mean_wins(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    """Mean probability to beat another one; row by row, so that memory does not grow with the square."""
    return np.array([(expit(score - scores).sum() - 0.5) / (len(scores) - 1) for score in scores])
