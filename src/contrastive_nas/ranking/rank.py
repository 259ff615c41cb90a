"""A user's networks in order, without a label or with few: a model of other spaces looks at their graphs."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from scipy.special import logit

from contrastive_nas.errors import InputError
from contrastive_nas.graphs.costs import graph_costs, warn_of_unknown
from contrastive_nas.graphs.schema import ComputationGraph, IntArray
from contrastive_nas.ranking.base import FOLDS, Ranker, check_between, check_finite
from contrastive_nas.ranking.graph_source import GraphSource, ListedSource, SpaceSource
from contrastive_nas.ranking.metrics import kendall_tau
from contrastive_nas.ranking.references import draw_references
from contrastive_nas.ranking.registry import create_ranker, create_ranker_with
from contrastive_nas.ranking.transfer.model import FAR
from contrastive_nas.spaces.base import Architecture, SearchSpace

if TYPE_CHECKING:
    import pandas as pd

# By measurement on networks labelled at random, see docs/transfer.md.
DEFAULT = "stacked"
# Random networks of a space beside which the listed ones are seen.
REFERENCE = 1024
# Fewer networks of no known space say little about how such networks vary: others are put beside them.
LEAST = 8
# Fitting takes the cube of their number, and more labels hardly change an order.
MOST_LABELS = 1000
# Others that each network is compared with: the mean over more differs by less than is shown.
OPPONENTS = 4096
# Of networks of the labelled spaces, nineteen in twenty have less of their statistics outside of what the
# others have, but for cells with tens of paths.
UNLIKE = 0.05
# Fewer labels do not say which of two orders is better.
LEAST_JUDGED = 10
# Of more labels a part: each fold that is left out is a fit.
MOST_JUDGED = 200
# Nine times in ten the rank lies between.
QUANTILES = (0.05, 0.95)
# Quantiles of so many orders repeat to about a hundredth of a network's rank range.
_MOST_ORDERS, _LEAST_ORDERS = 1000, 100
# Of numbers drawn for all networks and orders together: 40 MB.
_NUMBERS_DRAWN = 5_000_000
_ROWS_AT_ONCE = 1024
_DECIMALS = 9
# Probabilities nearer to 0 or 1 than a double can tell.
_SURE = 1e-15


def rank(
    space: SearchSpace,
    architectures: Sequence[Architecture],
    *,
    labels: Mapping[Architecture, float] | None = None,
    ranker: Ranker | str = DEFAULT,
    seed: int = 0,
) -> "pd.DataFrame":
    """Rank architectures of a space, best first.

    Args:
        space: theirs; random networks of it are what they are compared with.
        architectures: at least two, together with those that are labelled.
        labels: accuracies of some of them or of others, higher is better; they are ranked too.
        ranker: what ranks, by name (see :func:`contrastive_nas.ranking.registry.list_rankers`) or itself.
        seed: of the random networks, and of the labels that are learned from where there are more than
            ``MOST_LABELS``.

    Returns:
        ``rank`` from 1, ``architecture``, ``score`` (normal quantile of accuracy: 0 is middling, 1 better
        than 84 % of those it is compared with), ``win_probability`` (mean probability to beat another of the
        list), ``expected_rank``, between ``rank_low`` and ``rank_high`` in nine of ten cases
        (:func:`rank_intervals`), ``macs`` (multiply-accumulates of one
        image), ``parameters``, ``unlike`` where the ranker learned from other spaces (the part of a network's
        statistics in which no labelled space has its like; above ``UNLIKE`` it is a guess), and ``label``
        where there are labels. Its ``attrs["similarity"]`` says how much each labelled space has to do with
        these networks, 0 to 1, where the ranker learned from any: without labels, and where no space reaches
        0.6, networks are ranked by their size, which ``attrs["by_size"]`` says. ``attrs["functions"]`` is how
        many of them are different: networks of one function share a score. With ten labels and more
        ``attrs["tau"]`` has Kendall's tau between labels and ``ranking``, ``macs`` and ``parameters``,
        by labels left out of the fit.

    Raises:
        InputError: fewer than two, a string is no architecture of the space, labels that are not finite or
            all equal, or a ranker that needs labels where there are none.
    """
    known = _checked(labels or {})
    names = list(dict.fromkeys([*architectures, *known]))
    if len(names) < 2:
        raise InputError(f"rank: at least two different networks are needed, got {len(names)}")
    if isinstance(ranker, str):
        ranker = create_ranker_with(ranker, {"space": lambda: space})
    source = SpaceSource(space)
    source.rows(space.sample(np.random.default_rng(seed), REFERENCE))
    return _ranking("architecture", names, source, source.rows(names), known, ranker, seed)


def rank_graphs(
    names: Sequence[str],
    graphs: Sequence[ComputationGraph],
    *,
    labels: Mapping[str, float] | None = None,
    ranker: Ranker | str = DEFAULT,
    seed: int = 0,
) -> "pd.DataFrame":
    """Return :func:`rank` for networks of no known space.

    The column of names is ``network``. Eight networks and more are compared with each other alone. Fewer do
    not show how such networks differ: their scores are those among random networks of this package's spaces
    (:mod:`contrastive_nas.ranking.references`), which ``attrs["references"]`` describes and the table leaves
    out. What such a mixture resembles says nothing of the networks, so ``attrs["similarity"]`` is empty then.

    Raises:
        InputError: fewer than two networks, a label of another one, a ranker that needs a space, or labels as
            in :func:`rank`.
    """
    if len(graphs) < 2:
        raise InputError(f"rank: at least two networks are needed, got {len(graphs)}: name another one")
    known = _checked(labels or {})
    foreign = sorted(set(known) - set(names))
    if foreign:
        raise InputError(f"rank: there is a label of {foreign[0]}, which is not one of the networks")
    if isinstance(ranker, str):
        ranker = create_ranker(ranker)
    references = draw_references() if len(graphs) < LEAST else None
    source = ListedSource.of([*graphs, *(references.graphs if references else ())])
    table = _ranking("network", list(names), source, np.arange(len(graphs)), known, ranker, seed)
    if references:
        table.attrs |= {"references": references.in_words(), "similarity": {}}
    return table


def rank_intervals(logits: NDArray[np.float64], seed: int) -> tuple[IntArray, IntArray]:
    """Return the lowest and the highest rank, 1 being best, that a network has in nine of ten random orders.

    Orders are drawn by the model of Plackett (The Analysis of Permutations, Applied Statistics, 1975) and
    Luce (Individual Choice Behavior, 1959), in which a beats b with probability expit(l_a - l_b): networks
    sorted by l_i plus independent Gumbel noise (Yellott, Journal of Mathematical Psychology, 1977).

    Args:
        logits: l, one per network.
        seed: of the noise.

    Returns:
        Lowest and highest ranks, one each per network.
    """
    rng = np.random.default_rng(seed)
    orders = int(np.clip(_NUMBERS_DRAWN // max(len(logits), 1), _LEAST_ORDERS, _MOST_ORDERS))
    ranks = np.empty((orders, len(logits)), dtype=np.int32)
    for number in range(orders):
        order = np.argsort(-(logits + rng.gumbel(size=len(logits))))
        ranks[number, order] = np.arange(1, len(logits) + 1)
    low, high = np.quantile(ranks, QUANTILES, axis=0, method="nearest").astype(np.int64)
    return low, high


def _checked(labels: Mapping[str, float]) -> Mapping[str, float]:
    wrong = [name for name, label in labels.items() if not np.isfinite(label)]
    if wrong:
        raise InputError(f"rank: the label of {wrong[0]} is {labels[wrong[0]]}")
    if labels and len(set(labels.values())) < 2:
        given = next(iter(labels.values()))
        raise InputError(f"rank: at least two different labels are needed, all are {given}")
    return labels


def _ranking(
    kind: str,
    names: list[str],
    source: GraphSource,
    rows: IntArray,
    labels: Mapping[str, float],
    ranker: Ranker,
    seed: int,
) -> "pd.DataFrame":
    import pandas as pd

    known = np.flatnonzero([name in labels for name in names])
    learned = np.random.default_rng(seed).permutation(known)[:MOST_LABELS]
    given = np.array([labels[names[place]] for place in learned])
    costs = _costs(names, source, rows)
    tau = _judged(source, rows[learned], given, costs[learned], ranker, seed)
    ranker.fit(source, rows[learned], given, seed)
    # Equal networks may differ in the last bits of a matrix product.
    scores = check_finite(ranker, ranker.scores(rows), names).round(_DECIMALS)
    wins, logits = (values.round(_DECIMALS) for values in _against_others(ranker, rows, seed))
    low, high = rank_intervals(logits, seed)
    expected = 1 + (len(rows) - 1) * (1 - wins)
    table = pd.DataFrame({kind: names, "score": scores, "win_probability": wins, "expected_rank": expected})
    table = table.assign(rank_low=low, rank_high=high, macs=costs[:, 0], parameters=costs[:, 1])
    unlike = ranker.unlike(rows)
    if unlike is not None:
        table["unlike"] = unlike.round(_DECIMALS)
    if labels:
        table["label"] = [labels.get(name, np.nan) for name in names]
    table = table.sort_values("score", ascending=False, kind="stable", ignore_index=True)
    similarity = ranker.basis.get("similarity", {})
    table.attrs["similarity"] = similarity
    table.attrs["by_size"] = bool(similarity) and not labels and max(similarity.values()) < FAR
    table.attrs["references"] = ""
    table.attrs["functions"] = len(np.unique(source.function_ids[rows]))
    table.attrs["tau"] = tau
    table.insert(0, "rank", table["score"].rank(method="min", ascending=False).astype(int))
    return table


def _costs(names: Sequence[str], source: GraphSource, rows: IntArray) -> IntArray:
    """Multiply-accumulates and parameters, networks x 2; warns of graphs that are not known whole."""
    parts = [np.zeros((0, 2), dtype=np.int64)]
    for start in range(0, len(rows), _ROWS_AT_ONCE):
        part = slice(start, start + _ROWS_AT_ONCE)
        graphs = source.batch(rows[part])
        warn_of_unknown(names[part], graphs)
        parts.append(graph_costs(graphs))
    return np.concatenate(parts)


def _judged(
    source: GraphSource,
    rows: IntArray,
    labels: NDArray[np.float64],
    costs: IntArray,
    ranker: Ranker,
    seed: int,
) -> dict[str, float]:
    """Kendall's tau of labels with predictions that did not see them, and with costs; of none if too few.

    Networks of one function are left out together.
    """
    rows, labels, costs = rows[:MOST_JUDGED], labels[:MOST_JUDGED], costs[:MOST_JUDGED]
    _, functions = np.unique(source.function_ids[rows], return_inverse=True)
    fold = np.random.default_rng(seed).permutation(functions.max(initial=0) + 1)[functions] % FOLDS
    outside = [fold != number for number in range(FOLDS)]
    if len(rows) < LEAST_JUDGED or min(len(np.unique(labels[kept])) for kept in outside) < 2:
        return {}
    predicted = np.zeros(len(rows))
    for kept in outside:
        if not kept.all():
            ranker.fit(source, rows[kept], labels[kept], seed)
            predicted[~kept] = ranker.scores(rows[~kept])
    orders = {"ranking": predicted.round(_DECIMALS), "macs": costs[:, 0], "parameters": costs[:, 1]}
    found = {name: kendall_tau(order.astype(np.float64), labels) for name, order in orders.items()}
    # Where all are alike there is no order: it is no better than chance.
    return {name: 0.0 if np.isnan(tau) else tau for name, tau in found.items()}


def _wins(ranker: Ranker, rows: IntArray, others: IntArray) -> NDArray[np.float64]:
    return check_between(ranker, ranker.probability(rows, others), (len(rows), len(others)), 0, 1)


def _against_others(
    ranker: Ranker, rows: IntArray, seed: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Mean probability, and mean logit, to beat another one, or another of ``OPPONENTS`` random ones."""
    others = np.random.default_rng(seed).permutation(len(rows))[:OPPONENTS]
    summed, logits = np.zeros(len(rows)), np.zeros(len(rows))
    for start in range(0, len(rows), _ROWS_AT_ONCE):
        part = slice(start, start + _ROWS_AT_ONCE)
        wins = _wins(ranker, rows[part], rows[others])
        summed[part] = wins.sum(axis=1)
        logits[part] = logit(np.clip(wins, _SURE, 1 - _SURE)).mean(axis=1)
    met = np.isin(np.arange(len(rows)), others)
    # Against itself each wins half a time, which does not count.
    return (summed - 0.5 * met) / np.maximum(len(others) - met, 1), logits
