from dataclasses import dataclass, replace

import numpy as np
import pytest
from scipy.optimize import minimize
from sklearn.ensemble import ExtraTreesRegressor
from tests.graphs.random_graphs import random_graph
from tests.ranking.transfer.test_transfer import few, made_up

from contrastive_nas.graphs.schema import GraphBatch
from contrastive_nas.ranking.base import Ranker, normal_quantiles
from contrastive_nas.ranking.baselines.regressors import TreesRanker
from contrastive_nas.ranking.comparator.ranker import ComparatorRanker
from contrastive_nas.ranking.metrics import spearman_rho
from contrastive_nas.ranking.transfer.model import LabelledSpace, TransferModel, fit_transfer
from contrastive_nas.ranking.transfer.ranker import KrigingRanker, StackedRanker, TransferRanker, _best_shares
from contrastive_nas.ranking.transfer.space_scale import SpaceScale


@dataclass
class Source:
    """Networks that differ in their statistics alone."""

    space: LabelledSpace

    def __len__(self) -> int:
        return len(self.space.labels)

    def batch(self, indices: np.ndarray) -> GraphBatch:
        return GraphBatch.from_graphs([random_graph(np.random.default_rng(0), 8)] * len(indices))

    @property
    def statistics(self) -> np.ndarray:
        return self.space.statistics

    def statistics_of(self, rows: np.ndarray) -> np.ndarray:
        return self.space.statistics[rows]

    @property
    def function_ids(self) -> np.ndarray:
        return np.arange(len(self))

    def architectures_of(self, rows: np.ndarray) -> list[str]:
        return [f"network {row}" for row in rows]

    @property
    def spectrum(self) -> np.ndarray:
        return np.zeros((len(self), 3), np.float32)

    @property
    def spaces(self) -> list[str]:
        return [self.space.name] * len(self)


@pytest.fixture(scope="module")
def model() -> TransferModel:
    return fit_transfer([made_up(f"s{seed}", seed, few(0)) for seed in range(3)])


every = pytest.mark.parametrize("kind", [StackedRanker, KrigingRanker, TransferRanker])


def wins(ranker: Ranker, source: Source, labelled: np.ndarray) -> tuple[float, float]:
    """How often favourites win among unlabelled networks, and how often they are predicted to."""
    rest = np.setdiff1d(np.arange(len(source)), labelled)
    predicted, truth = ranker.probability(rest, rest), source.space.labels[rest]
    favoured = predicted > 0.5
    won = np.subtract.outer(truth, truth)[favoured] > 0
    return won.mean(), predicted[favoured].mean()


def quality(ranker: Ranker, source: Source, count: int) -> float:
    labelled = np.random.default_rng(0).permutation(len(source))[:count]
    ranker.fit(source, labelled, source.space.labels[labelled], 0)
    rest = np.setdiff1d(np.arange(len(source)), labelled)
    return spearman_rho(ranker.scores(rest), source.space.labels[rest])


@every
def test_without_labels_it_is_the_model(kind, model: TransferModel) -> None:
    source, ranker = Source(made_up("target", 9, few(0))), kind(model)
    assert quality(ranker, source, 0) > 0.75
    assert set(ranker.basis["similarity"]) == {"s0", "s1", "s2"}


@every
def test_few_labels_are_worth_more_with_other_spaces(kind, model: TransferModel) -> None:
    source, ranker = Source(made_up("target", 9, few(0))), kind(model)
    none, some = (quality(ranker, source, count) for count in (0, 40))
    assert some > none - 0.02
    assert some > quality(ComparatorRanker(), source, 40) + 0.2


@every
def test_labels_of_the_best_alone_leave_other_spaces_their_say(kind, model: TransferModel) -> None:
    """Who trains what was ranked first labels no average networks."""
    source, ranker = Source(made_up("target", 9, few(0))), kind(model)
    ranker.fit(source, np.zeros(0, int), np.zeros(0), 0)
    order = np.argsort(-ranker.scores(np.arange(len(source))))
    best, rest = order[:20], order[20:]
    without = spearman_rho(ranker.scores(rest), source.space.labels[rest])
    ranker.fit(source, best, source.space.labels[best], 0)
    assert spearman_rho(ranker.scores(rest), source.space.labels[rest]) > without - 0.05


@pytest.mark.parametrize("near", [False, True])
@pytest.mark.parametrize("count", [5, 30])
def test_weight_of_trees_grows_with_labels(model: TransferModel, count: int, near: bool) -> None:
    source = Source(made_up("target", 9, few(0)))
    weight = count / ((10 if near else 5) + count) / 2
    correlation = SpaceScale.of(source.statistics).correlation
    model = replace(model, correlations=np.stack([correlation if near else correlation[::-1]] * 3))
    labelled, rows = np.arange(count), np.arange(len(source))
    both, kriging = TransferRanker(model), KrigingRanker(model)
    for ranker in (both, kriging):
        ranker.fit(source, labelled, source.space.labels[labelled], 3)
    before = KrigingRanker(model)
    before.fit(source, np.zeros(0, int), np.zeros(0), 3)
    seen = np.column_stack([source.statistics, before.scores(rows)])
    trees = ExtraTreesRegressor(100, max_features=1 / 3, random_state=3)
    trees.fit(seen[:count], normal_quantiles(source.space.labels[:count]))
    expected = (1 - weight) * kriging.scores(rows) + weight * trees.predict(seen)
    assert both.scores(rows) == pytest.approx(expected)
    assert (both.posterior(rows).deviation == kriging.posterior(rows).deviation).all()


@every
def test_labels_overrule_spaces_that_mislead(kind, model: TransferModel) -> None:
    source = Source(made_up("contrary", 9, -few(0), noise=0.05))
    ranker = kind(model)
    assert quality(ranker, source, 0) < -0.75
    assert quality(ranker, source, 40) > 0.7
    assert quality(ranker, source, 0) < -0.75


@every
def test_probabilities_of_winning_hold_with_labels(kind, model: TransferModel) -> None:
    source, ranker = Source(made_up("target", 9, few(0))), kind(model)
    labelled = np.random.default_rng(0).permutation(len(source))[:40]
    ranker.fit(source, labelled, source.space.labels[labelled], 0)
    won, predicted = wins(ranker, source, labelled)
    assert predicted == pytest.approx(won, abs=0.06)


@every
def test_three_labels_in_order_do_not_make_it_sure_of_everything(kind, model: TransferModel) -> None:
    source, ranker = Source(made_up("target", 9, few(0))), kind(model)
    order = np.argsort(source.space.labels)[[10, 200, 390]]
    ranker.fit(source, order, source.space.labels[order], 0)
    won, predicted = wins(ranker, source, order)
    assert predicted < won + 0.15


@every
def test_where_no_space_is_near_it_is_less_sure(kind, model: TransferModel) -> None:
    source = Source(made_up("target", 9, few(0)))
    far = replace(model, correlations=model.correlations[:, ::-1].copy())
    near_ranker, far_ranker, rows = kind(model), kind(far), np.arange(len(source))
    for ranker in (near_ranker, far_ranker):
        ranker.fit(source, np.zeros(0, int), np.zeros(0), 0)
    assert max(near_ranker.basis["similarity"].values()) > 0.5 > max(far_ranker.basis["similarity"].values())
    assert far_ranker.scores(rows).std() < 0.9 * near_ranker.scores(rows).std()
    assert (far_ranker.posterior(rows).deviation > near_ranker.posterior(rows).deviation).all()


@pytest.mark.parametrize("seed", range(5))
def test_shares_of_a_stack_minimise_what_their_docstring_says(seed: int) -> None:
    rng = np.random.default_rng(seed)
    parts, targets = rng.normal(size=(12, 3)), rng.normal(size=12)

    def loss(shares: np.ndarray) -> float:
        missed = np.square(parts @ shares - targets).sum()
        return float(missed + 10 * (shares[0] - 0.4) ** 2 + 3 * (shares[2] - 0.3 * 0.6) ** 2)

    expected = minimize(
        loss,
        np.array([0.4, 0.4, 0.2]),
        method="SLSQP",
        bounds=[(None, None), (0, 2), (0, 2)],
        constraints={"type": "eq", "fun": lambda shares: shares.sum() - 1},
        options={"ftol": 1e-12},
    ).x
    assert _best_shares(parts, targets, 0.4) == pytest.approx(expected, abs=1e-4)


@pytest.mark.parametrize("count", [2, 12])
def test_a_label_has_no_part_in_its_own_prediction(count: int) -> None:
    source = Source(made_up("target", 9, few(0)))
    rows = np.arange(count)
    ranker = TreesRanker(lambda graphs, rows: graphs.statistics_of(rows), trees=20)
    ranker.fit(source, rows, np.arange(count), 0)
    before, targets = ranker.left_out_scores(), ranker._fitted[2]
    for row in rows:
        known = targets[row]
        targets[row] = known + 5
        assert ranker.left_out_scores()[row] == before[row]
        targets[row] = known
