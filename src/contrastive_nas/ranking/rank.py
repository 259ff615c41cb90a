"""A user's networks in order, without a label or with few: a model of other spaces looks at their graphs."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from contrastive_nas.errors import InputError
from contrastive_nas.graphs.schema import ComputationGraph, IntArray
from contrastive_nas.ranking.base import Ranker
from contrastive_nas.ranking.fitting import (
    check_count,
    check_labels,
    fit_and_judge,
    learned_from,
    reference_source,
)
from contrastive_nas.ranking.graph_source import GraphSource, ListedSource
from contrastive_nas.ranking.many import LARGE, ListedNetworks, rank_many, temporary_folder
from contrastive_nas.ranking.references import draw_references
from contrastive_nas.ranking.registry import create_ranker, create_ranker_with
from contrastive_nas.ranking.scoring import OPPONENTS, Scorer, drawn_order, ranking_table
from contrastive_nas.spaces.base import Architecture, SearchSpace

if TYPE_CHECKING:
    import pandas as pd

# By measurement on networks labelled at random, see docs/transfer.md.
DEFAULT = "stacked"
# Fewer networks of no known space say little about how such networks vary: others are put beside them.
LEAST = 8
# Of networks of the labelled spaces, nineteen in twenty have less of their statistics outside of what the
# others have, but for cells with tens of paths.
UNLIKE = 0.05


def rank(
    space: SearchSpace,
    architectures: Sequence[Architecture],
    *,
    labels: Mapping[Architecture, float] | None = None,
    ranker: Ranker | str = DEFAULT,
    seed: int = 0,
) -> "pd.DataFrame":
    """Rank architectures of a space, best first.

    More than ``LARGE`` are ranked partition by partition in this process, see
    :func:`contrastive_nas.ranking.many.rank_many`.

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
    known = check_labels(labels)
    names = list(dict.fromkeys([*architectures, *known]))
    if len(names) > LARGE:
        with temporary_folder() as folder:
            listed = ListedNetworks.of(names)
            return rank_many(space, listed, labels=known, ranker=ranker, seed=seed, folder=folder)
    check_count(len(names))
    if isinstance(ranker, str):
        ranker = create_ranker_with(ranker, {"space": lambda: space})
    source = reference_source(space, seed)
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
    known = check_labels(labels)
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


def _ranking(
    kind: str,
    names: list[str],
    source: GraphSource,
    rows: IntArray,
    labels: Mapping[str, float],
    ranker: Ranker,
    seed: int,
) -> "pd.DataFrame":
    learned = learned_from(np.flatnonzero([name in labels for name in names]), seed)
    given = np.array([labels[names[place]] for place in learned])
    tau = fit_and_judge(source, rows[learned], given, ranker, seed)
    scorer = Scorer(ranker, source, rows[drawn_order(len(rows), seed)[:OPPONENTS]])
    table = ranking_table(kind, names, scorer.columns(names, rows), labels, ranker, seed)
    table.attrs["functions"] = len(np.unique(source.function_ids[rows]))
    table.attrs["tau"] = tau
    return table
