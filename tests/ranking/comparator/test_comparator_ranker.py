import numpy as np
import torch
from tests.ranking.sources import make_source

from contrastive_nas.conversion.convert import convert
from contrastive_nas.graphs.storage.store import open_store
from contrastive_nas.ranking.baselines.regression import RegressionRanker
from contrastive_nas.ranking.comparator.ranker import ComparatorRanker
from contrastive_nas.ranking.described import DescribedRanker
from contrastive_nas.ranking.encoder.embedding import describe
from contrastive_nas.ranking.encoder.features import EncoderFeatures
from contrastive_nas.ranking.metrics import kendall_tau
from contrastive_nas.ranking.parameters import (
    AugmentParameters,
    EncoderParameters,
    Optimisation,
    PretrainParameters,
)
from contrastive_nas.spaces.nasbench201 import NASBench201

PRETRAIN = PretrainParameters(
    encoder=EncoderParameters(width=16, rounds=2, embedding=16), optimisation=Optimisation(steps=4), batch=16
)


def test_ranker_learns_and_repeats():
    source, labelled = make_source(80), np.arange(50)
    found = []
    for _ in range(2):
        ranker = ComparatorRanker(EncoderFeatures(PRETRAIN), self_training=AugmentParameters(candidates=20))
        ranker.fit(source, labelled, source.truth[labelled], seed=0)
        found.append(ranker.scores(np.arange(50, 80)))
    assert kendall_tau(found[0], source.truth[50:]) > 0.4
    assert np.array_equal(*found)


def test_squared_error_gives_another_order_from_the_same_kernel():
    source, labelled = make_source(80), np.arange(50)
    features = EncoderFeatures(PRETRAIN)
    pairs, squares = ComparatorRanker(features), ComparatorRanker(features, squared_error=True)
    for ranker in (pairs, squares):
        ranker.fit(source, labelled, source.truth[labelled], seed=0)
    rest = np.arange(50, 80)
    assert kendall_tau(squares.scores(rest), source.truth[50:]) > 0.4
    assert not np.array_equal(pairs.scores(rest), squares.scores(rest))


def test_regression_on_the_encoder_learns_and_leaves_the_pretrained_one_alone():
    source, labelled = make_source(80), np.arange(50)
    features = EncoderFeatures(PRETRAIN)
    features.see(source)
    before = describe(features.encoder, source)
    ranker = RegressionRanker(features, Optimisation(steps=40, rate=3e-3))
    ranker.fit(source, labelled, source.truth[labelled], seed=0)
    assert kendall_tau(ranker.scores(np.arange(50, 80)), source.truth[50:]) > 0.3
    np.testing.assert_array_equal(before, describe(features.encoder, source))


def test_deviations_are_those_of_a_gaussian_process():
    source, labelled, rows = make_source(80), np.arange(50), np.arange(80)
    ranker = ComparatorRanker(EncoderFeatures(PRETRAIN))
    ranker.fit(source, labelled, source.truth[labelled], seed=0)
    model = ranker.comparator.double()
    points = model.standardise(torch.as_tensor(ranker._features(rows), dtype=torch.float64))
    cross = model.kernel(points).numpy()
    among = model.kernel(model.support).numpy() + float(model.noise) * np.eye(len(labelled))
    # k(x, x) from the kernel itself, one point as its own support.
    support, own = model.support, np.empty(len(points))
    for number, point in enumerate(points):
        model.support = point[None]
        own[number] = float(model.kernel(point[None]))
    model.support = support
    expected = np.sqrt(own - np.einsum("ij,jk,ik->i", cross, np.linalg.inv(among), cross))
    deviations = ranker.posterior(rows).deviation
    np.testing.assert_allclose(deviations, expected, rtol=0.02)
    assert deviations[:50].mean() < deviations[50:].mean()


def test_pseudo_labels_change_scores_and_not_how_sure_they_are():
    source, labelled, rows = make_source(80), np.arange(50), np.arange(80)
    features, parameters = EncoderFeatures(PRETRAIN), AugmentParameters(candidates=20, least_confidence=0.6)
    plain, trained = ComparatorRanker(features), ComparatorRanker(features, self_training=parameters)
    for ranker in (plain, trained):
        ranker.fit(source, labelled, source.truth[labelled], seed=0)
    assert not np.allclose(plain.scores(rows), trained.scores(rows))
    np.testing.assert_allclose(plain.posterior(rows).deviation, trained.posterior(rows).deviation, rtol=1e-6)


def test_descriptions_of_one_function_are_told_apart_without_canonical_form(tmp_path):
    space = NASBench201(cells=1)
    cells = ["nor_conv_1x1", "nor_conv_3x3", "avg_pool_3x3", "skip_connect"]
    # Equal functions: the edge that differs leaves a node without an input.
    names = [f"|none~0|+|none~0|{dead}~1|+|{used}~0|{dead}~1|none~2|" for used in cells for dead in cells]
    convert(tmp_path / "graphs.arrow", [(space, names)])
    store = open_store(tmp_path / "graphs.arrow")
    assert len(np.unique(store.function_ids)) == len(cells)
    labels = np.arange(len(names), dtype=float)
    ranker = DescribedRanker(space, ComparatorRanker(EncoderFeatures(PRETRAIN)))
    ranker.fit(store, np.arange(len(names)), labels, seed=0)
    assert len(np.unique(ranker.scores(np.arange(len(names))))) > len(cells)
