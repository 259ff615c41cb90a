import numpy as np
from tests.ranking.sources import make_source

from contrastive_nas.conversion.convert import convert
from contrastive_nas.graphs.storage.store import open_store
from contrastive_nas.ranking.baselines.regression import RegressionRanker
from contrastive_nas.ranking.comparator.ranker import ComparatorRanker
from contrastive_nas.ranking.comparator.training import features
from contrastive_nas.ranking.described import DescribedRanker
from contrastive_nas.ranking.encoder.parameters import EncoderParameters
from contrastive_nas.ranking.encoder.pretrained import PretrainedEncoders
from contrastive_nas.ranking.metrics import kendall_tau
from contrastive_nas.ranking.parameters import AugmentParameters, Optimisation, PretrainParameters
from contrastive_nas.spaces.nasbench201 import NASBench201

PRETRAIN = PretrainParameters(
    encoder=EncoderParameters(width=16, rounds=2, embedding=16), optimisation=Optimisation(steps=4), batch=16
)


def test_ranker_learns_and_repeats():
    source, labelled = make_source(80), np.arange(50)
    found = []
    for _ in range(2):
        ranker = ComparatorRanker(PretrainedEncoders(PRETRAIN), augmenting=AugmentParameters(candidates=20))
        ranker.fit(source, labelled, source.truth[labelled], seed=0)
        found.append(ranker.scores(source, np.arange(50, 80)))
    assert kendall_tau(found[0], source.truth[50:]) > 0.4
    assert np.array_equal(*found)


def test_squared_error_gives_another_order_from_the_same_kernel():
    source, labelled = make_source(80), np.arange(50)
    encoders = PretrainedEncoders(PRETRAIN)
    pairs, squares = ComparatorRanker(encoders), ComparatorRanker(encoders, squared_error=True)
    for ranker in (pairs, squares):
        ranker.fit(source, labelled, source.truth[labelled], seed=0)
    rest = np.arange(50, 80)
    assert kendall_tau(squares.scores(source, rest), source.truth[50:]) > 0.4
    assert not np.array_equal(pairs.scores(source, rest), squares.scores(source, rest))


def test_regression_on_the_encoder_learns_and_leaves_the_pretrained_one_alone():
    source, labelled = make_source(80), np.arange(50)
    encoders = PretrainedEncoders(PRETRAIN)
    before = encoders.features(source, np.arange(80)).copy()
    ranker = RegressionRanker(encoders, Optimisation(steps=40, rate=3e-3))
    ranker.fit(source, labelled, source.truth[labelled], seed=0)
    assert kendall_tau(ranker.scores(source, np.arange(50, 80)), source.truth[50:]) > 0.3
    after = features(encoders.encoder(source), source, np.arange(80))
    np.testing.assert_array_equal(before, after)


def test_descriptions_of_one_function_are_told_apart_without_canonical_form(tmp_path):
    space = NASBench201(cells=1)
    cells = ["nor_conv_1x1", "nor_conv_3x3", "avg_pool_3x3", "skip_connect"]
    # Equal functions: the edge that differs leaves a node without an input.
    names = [f"|none~0|+|none~0|{dead}~1|+|{used}~0|{dead}~1|none~2|" for used in cells for dead in cells]
    convert(tmp_path / "graphs.arrow", [(space, names)])
    store = open_store(tmp_path / "graphs.arrow")
    assert len(np.unique(store.function_ids)) == len(cells)
    labels = np.arange(len(names), dtype=float)
    ranker = DescribedRanker(space, ComparatorRanker(PretrainedEncoders(PRETRAIN)))
    ranker.fit(store, np.arange(len(names)), labels, seed=0)
    assert len(np.unique(ranker.scores(store, np.arange(len(names))))) > len(cells)
