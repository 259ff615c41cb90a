"""What every ranker has to fulfil; see :class:`contrastive_nas.ranking.base.Ranker`."""

from collections.abc import Callable

import numpy as np

from contrastive_nas.errors import InputError
from contrastive_nas.graphs.statistics.network import STATISTICS
from contrastive_nas.ranking.base import FloatArray, Ranker
from contrastive_nas.ranking.graph_source import GraphSource, SpaceSource
from contrastive_nas.spaces.registry import load_space

# Networks that are ranked, and those of them that are labelled.
NETWORKS, LABELLED = 60, 24
# Two ways of summing up the same numbers may differ in the last digits.
_CLOSE = 1e-5


def check_ranker(make: Callable[[], Ranker], graphs: GraphSource | None = None) -> None:
    """Fit rankers to made-up labels and check all that the contract promises.

    Args:
        make: gives a fresh ranker; all that it gives are alike.
        graphs: at least ``NETWORKS`` networks; by default some of NAS-Bench-201's space.

    Raises:
        AssertionError: the ranker breaks the contract; the message says where.
    """
    source = example_graphs() if graphs is None else graphs
    labels = example_labels(source)
    ranker, rows, labelled = make(), np.arange(NETWORKS), np.arange(LABELLED)
    if ranker.answers_without_labels:
        ranker.fit(source, labelled[:0], labels[:0], 0)
        _check_answers(ranker, rows)
    else:
        _check_refuses(ranker, source, labelled[:0], labels[:0], "no labels")
    _check_refuses(make(), source, labelled, np.full(LABELLED, 90.0), "labels that are all equal")
    _check_refuses(make(), source, labelled, np.full(LABELLED, np.nan), "labels that are not finite")
    ranker.fit(source, labelled, labels[labelled], 0)
    _check_answers(ranker, rows)
    _check_repeats(make, source, labelled, labels, ranker.scores(rows))


def example_graphs() -> GraphSource:
    """Return networks of NAS-Bench-201's space, of different functions most of them."""
    space = load_space("nasbench201")
    source = SpaceSource(space)
    source.rows(list(dict.fromkeys(space.sample(np.random.default_rng(0), 2 * NETWORKS)))[:NETWORKS])
    return source


def example_labels(source: GraphSource) -> FloatArray:
    """Return accuracies that rise with the parameters, with noise; percent."""
    parameters = source.statistics_of(np.arange(NETWORKS))[:, STATISTICS.index("log_parameters")]
    labels: FloatArray = 80 + parameters + np.random.default_rng(0).normal(0, 0.2, NETWORKS)
    return labels


def _check_answers(ranker: Ranker, rows: np.ndarray) -> None:
    mean, deviation = ranker.posterior(rows)
    assert mean.shape == deviation.shape == rows.shape, f"posterior of {len(rows)} networks: {mean.shape}"
    assert np.isfinite(mean).all(), "a mean is not finite"
    assert (np.isfinite(deviation) & (deviation > 0)).all(), "a deviation is not a finite number above 0"
    if not ranker.has_uncertainty:
        assert np.ptp(deviation) == 0, "a ranker without uncertainty gives one deviation for all"
    np.testing.assert_allclose(ranker.scores(rows), mean, rtol=_CLOSE, atol=_CLOSE, err_msg="scores, means")
    some = rows[::-7]
    part = ranker.posterior(some)
    np.testing.assert_allclose(part.mean, mean[some], rtol=_CLOSE, atol=_CLOSE, err_msg="means of a part")
    covariance = ranker.covariance(some)
    if covariance is not None:
        np.testing.assert_allclose(covariance, covariance.T, atol=_CLOSE, err_msg="covariance is symmetric")
        np.testing.assert_allclose(
            np.sqrt(covariance.diagonal()), part.deviation, rtol=1e-3, atol=1e-3, err_msg="deviations"
        )
        assert np.linalg.eigvalsh(covariance).min() > -_CLOSE, "a covariance has a negative eigenvalue"
    wins = ranker.probability(rows, rows)
    assert wins.shape == (len(rows), len(rows)), f"probabilities have the shape {wins.shape}"
    assert (wins + wins.T == 1).all(), "p(a, b) + p(b, a) is not exactly 1"
    ahead = mean[:, None] - mean[None, :] > _CLOSE
    assert (wins[ahead] >= 0.5).all(), "a network with the higher mean has a probability below 1/2 to win"


def _check_refuses(
    ranker: Ranker, source: GraphSource, labelled: np.ndarray, labels: FloatArray, what: str
) -> None:
    try:
        ranker.fit(source, labelled, labels, 0)
    except InputError:
        return
    raise AssertionError(f"{what} are not refused with an InputError")


def _check_repeats(
    make: Callable[[], Ranker],
    source: GraphSource,
    labelled: np.ndarray,
    labels: FloatArray,
    scores: FloatArray,
) -> None:
    again, rows = make(), np.arange(NETWORKS)
    again.fit(source, labelled, labels[labelled], 0)
    first = make()
    first.fit(source, labelled, labels[labelled], 0)
    assert np.array_equal(again.scores(rows), first.scores(rows)), "one seed gives two results"
    again.fit(source, labelled[:10], -labels[:10], 0)
    again.fit(source, labelled, 10 * labels[labelled] - 500, 0)
    np.testing.assert_allclose(
        again.scores(rows), scores, rtol=1e-3, atol=1e-3,
        err_msg="earlier fits must leave nothing behind, and only the order of labels counts",
    )  # fmt: skip
