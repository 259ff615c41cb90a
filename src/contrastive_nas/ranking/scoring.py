"""What a fitted ranker says of networks, as columns: for a list in memory and for one of millions alike."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import logit

from contrastive_nas.graphs.costs import graph_costs, warn_of_unknown
from contrastive_nas.graphs.schema import IntArray
from contrastive_nas.ranking.base import FloatArray, Ranker, check_between, check_finite
from contrastive_nas.ranking.graph_source import GraphSource
from contrastive_nas.ranking.transfer.model import FAR

if TYPE_CHECKING:
    import pandas as pd

# Others that each network is compared with: the mean over more differs by less than is shown.
OPPONENTS = 4096
# Nine times in ten the rank lies between.
QUANTILES = (0.05, 0.95)
# Quantiles of so many orders repeat to about a hundredth of a network's rank range.
_MOST_ORDERS, _LEAST_ORDERS = 1000, 100
# Of numbers drawn for all networks and orders together: 40 MB.
_NUMBERS_DRAWN = 5_000_000
_ROWS_AT_ONCE = 1024
# Networks whose win probabilities are computed at once: 4 MB stay in a processor's cache, which made it three
# times as fast as 32 MB.
_COMPARED_AT_ONCE = 128
# Networks whose ranks in all orders are sorted at once: no more than 50 MB beside the ranks themselves.
_RANKED_AT_ONCE = 1 << 16
DECIMALS = 9
# Probabilities nearer to 0 or 1 than a double can tell.
_SURE = 1e-15


@dataclass(frozen=True, eq=False)
class Scorer:
    """A fitted ranker, and whom networks are compared with.

    Attributes:
        ranker: fitted to ``source``.
        source: the graphs.
        others: rows of it: each network's win probability is the mean over these.
    """

    ranker: Ranker
    source: GraphSource
    others: IntArray

    def columns(self, names: Sequence[str], rows: IntArray) -> dict[str, NDArray[Any]]:
        """Return what is known of each network without knowing which others are ranked with it.

        Args:
            names: of the networks.
            rows: theirs in the source.

        Returns:
            ``score``, ``win_probability``, ``win_logit`` (mean logit of winning), ``macs``, ``parameters``,
            and ``unlike`` where the ranker knows it.

        Raises:
            InputError: the ranker gave something else than numbers.
        """
        # Equal networks may differ in the last bits of a matrix product.
        scores = check_finite(self.ranker, self.ranker.scores(rows), names).round(DECIMALS)
        wins, logits = (values.round(DECIMALS) for values in self._against_others(rows))
        costs = self._costs(names, rows)
        found: dict[str, NDArray[Any]] = {
            "score": scores,
            "win_probability": wins,
            "win_logit": logits,
            "macs": costs[:, 0],
            "parameters": costs[:, 1],
        }
        unlike = self.ranker.unlike(rows)
        return found if unlike is None else {**found, "unlike": unlike.round(DECIMALS)}

    def _costs(self, names: Sequence[str], rows: IntArray) -> IntArray:
        """Multiply-accumulates and parameters, networks x 2; warns of graphs that are not known whole."""
        parts = [np.zeros((0, 2), dtype=np.int64)]
        for start in range(0, len(rows), _ROWS_AT_ONCE):
            part = slice(start, start + _ROWS_AT_ONCE)
            graphs = self.source.batch(rows[part])
            warn_of_unknown(names[part], graphs)
            parts.append(graph_costs(graphs))
        return np.concatenate(parts)

    def _against_others(self, rows: IntArray) -> tuple[FloatArray, FloatArray]:
        """Mean probability, and mean logit, to beat another one."""
        summed, logits = np.zeros(len(rows)), np.zeros(len(rows))
        for start in range(0, len(rows), _COMPARED_AT_ONCE):
            part = slice(start, start + _COMPARED_AT_ONCE)
            wins = self._wins(rows[part])
            summed[part] = wins.sum(axis=1)
            logits[part] = logit(np.clip(wins, _SURE, 1 - _SURE)).mean(axis=1)
        met = np.isin(rows, self.others)
        # Against itself each wins half a time, which does not count.
        return (summed - 0.5 * met) / np.maximum(len(self.others) - met, 1), logits

    def _wins(self, rows: IntArray) -> FloatArray:
        wins = self.ranker.probability(rows, self.others)
        return check_between(self.ranker, wins, (len(rows), len(self.others)), 0, 1)


def drawn_order(networks: int, seed: int) -> IntArray:
    """Return a random order of so many networks; the first ``OPPONENTS`` are whom all are compared with."""
    return np.random.default_rng(seed).permutation(networks)


def ranking_table(
    kind: str,
    names: "Sequence[str] | pd.Series[str]",
    columns: Mapping[str, NDArray[Any]],
    labels: Mapping[str, float],
    ranker: Ranker,
    seed: int,
) -> "pd.DataFrame":
    """Return networks in order, best first; those of equal score as they are listed.

    Its ``attrs`` say what the order is based on: ``similarity``, ``by_size`` and ``references``, as
    :func:`contrastive_nas.ranking.rank.rank` describes them.

    Args:
        kind: heads the column of names.
        names: of all networks that are ranked.
        columns: as of :meth:`Scorer.columns`.
        labels: by name.
        ranker: whose order it is.
        seed: of the orders that intervals are taken from.
    """
    import pandas as pd

    wins = columns["win_probability"]
    low, high = rank_intervals(columns["win_logit"], seed)
    expected = 1 + (len(wins) - 1) * (1 - wins)
    table = pd.DataFrame(
        {kind: names, "score": columns["score"], "win_probability": wins, "expected_rank": expected}
    )
    table = table.assign(rank_low=low, rank_high=high, macs=columns["macs"], parameters=columns["parameters"])
    if "unlike" in columns:
        table["unlike"] = columns["unlike"]
    if labels:
        table["label"] = [labels.get(name, np.nan) for name in table[kind]]
    table = table.sort_values("score", ascending=False, kind="stable", ignore_index=True)
    table.insert(0, "rank", table["score"].rank(method="min", ascending=False).astype(int))
    similarity = ranker.basis.get("similarity", {})
    by_size = bool(similarity) and not labels and max(similarity.values()) < FAR
    table.attrs |= {"similarity": similarity, "by_size": by_size, "references": ""}
    return table


def rank_intervals(logits: FloatArray, seed: int) -> tuple[IntArray, IntArray]:
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
    bounds = np.empty((2, len(logits)), dtype=np.int64)
    for start in range(0, len(logits), _RANKED_AT_ONCE):
        part = slice(start, start + _RANKED_AT_ONCE)
        bounds[:, part] = np.quantile(ranks[:, part], QUANTILES, axis=0, method="nearest")
    return bounds[0], bounds[1]
