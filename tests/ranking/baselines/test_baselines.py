from pathlib import Path

import numpy as np
import pytest

from contrastive_nas.conversion.convert import convert
from contrastive_nas.graphs import costs
from contrastive_nas.graphs.storage.store import GraphStore, open_store
from contrastive_nas.ranking.base import Ranker, normal_quantiles
from contrastive_nas.ranking.baselines import nasbench101, nasbench201
from contrastive_nas.ranking.baselines.features import choice_features, graph_statistics, hand_made
from contrastive_nas.ranking.registry import create_ranker, create_ranker_with
from contrastive_nas.spaces import load_space
from contrastive_nas.spaces.nasbench201 import NASBench201

SPACE = NASBench201(cells=1)


def make(name: str) -> Ranker:
    return create_ranker_with(name, {"space": lambda: SPACE})


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> GraphStore:
    path = tmp_path_factory.mktemp("baselines") / "graphs.arrow"
    convert(path, [(SPACE, SPACE.sample(np.random.default_rng(0), 120))], spectrum_size=0)
    return open_store(path)


def test_path_features_of_a_cell_that_is_known_by_heart() -> None:
    # Paths: 3x3 directly; 1x1, skip; none; 1x1, pool, 3x3.
    cell = "|nor_conv_1x1~0|+|none~0|avg_pool_3x3~1|+|nor_conv_3x3~0|skip_connect~1|nor_conv_3x3~2|"
    features = nasbench201.cell_features(SPACE, [cell])[0]
    sequences = {code: count for code, count in enumerate(features[:64]) if count}
    assert sequences == {2: 1, 1: 1, 1 * 16 + 3 * 4 + 2: 1}
    assert features[64:].tolist() == [3, 3, 1, 2, 2, 2, 1, 1, 2, 1, 0, 0]


def test_a_bare_skip_and_a_cell_without_a_path() -> None:
    bare = "|none~0|+|none~0|none~1|+|skip_connect~0|none~1|none~2|"
    nothing = bare.replace("skip_connect", "none")
    features = nasbench201.cell_features(SPACE, [bare, nothing])
    assert features[0, 64:].tolist() == [1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]
    assert (features[1, :74] == 0).all()
    assert features[1, 75] == 0


def test_cells_with_equal_paths_have_equal_features() -> None:
    with_zero = [
        f"|{op}~0|+|none~0|none~1|+|nor_conv_3x3~0|none~1|none~2|" for op in ("none", "avg_pool_3x3")
    ]
    features = nasbench201.cell_features(SPACE, with_zero)
    np.testing.assert_array_equal(features[0], features[1])


def test_features_of_a_nasbench101_cell_that_is_known_by_heart() -> None:
    # 0 -> 1 (3x3) -> 3; 0 -> 2 (pool) -> 3; 1 -> 2; 0 -> 3.
    cell = "input,conv3x3-bn-relu,maxpool3x3,output/0111001100010000"
    features = nasbench101.cell_features(load_space("nasbench101"), [cell])[0]
    assert features[:4].tolist() == [1, 0, 1, 4]
    assert features[4:8].tolist() == [2, 1, 0, 1]
    assert features[8:12].tolist() == [0, 0, 0, 0]
    assert features[12:16].tolist() == [1, 0.5, 0, 0.5]
    assert features[16:].tolist() == [3, 3, 1]
    counts = nasbench101.sequence_counts(load_space("nasbench101"), [cell])[0]
    assert {code: count for code, count in enumerate(counts) if count} == {0: 1, 1: 1, 3: 1, 7: 1}


def test_choices_are_one_hot_where_no_features_are_written_by_hand() -> None:
    space = load_space("compact_cnn")
    architectures = space.sample(np.random.default_rng(1), 6)
    features = choice_features(space, architectures)
    assert features.shape == (6, sum(len(choice.options) for choice in space.choices))
    assert (features.sum(axis=1) == len(space.choices)).all()


def test_normal_quantiles_keep_order_and_ties() -> None:
    quantiles = normal_quantiles(np.array([3.0, 1.0, 2.0, 2.0]))
    assert quantiles[2] == quantiles[3]
    assert quantiles[0] > quantiles[2] > quantiles[1]
    np.testing.assert_allclose(
        normal_quantiles(np.arange(5.0)) + normal_quantiles(-np.arange(5.0)), 0, atol=1e-12
    )


def test_costs_rank_without_labels(store: GraphStore) -> None:
    ranker = create_ranker("macs")
    ranker.fit(store, np.zeros(0, np.int64), np.zeros(0), seed=0)
    rows = np.arange(50)
    macs = costs.graph_multiply_accumulates(store.batch(rows))
    scores = ranker.scores(rows)
    larger, smaller = np.nonzero(macs[:, None] > macs[None, :])
    assert (scores[larger] > scores[smaller]).all()


@pytest.mark.parametrize("name", ["trees", "statistics_trees_and_process"])
def test_methods_learn_what_their_features_show_and_repeat(store: GraphStore, name: str) -> None:
    labels = (
        hand_made(SPACE)(store, np.arange(len(store)))[:, 67]
        + 0.01 * graph_statistics(store, np.arange(120))[:, 0]
    )
    labelled, rest = np.arange(60), np.arange(60, 120)
    found = []
    for _ in range(2):
        ranker = make(name)
        ranker.fit(store, labelled, labels[labelled], seed=3)
        found.append(ranker.scores(rest))
    np.testing.assert_array_equal(found[0], found[1])
    assert np.corrcoef(found[0], labels[rest])[0, 1] > 0.9


@pytest.mark.slow
@pytest.mark.parametrize(
    ("space_name", "target", "labels", "published"),
    [
        ("nasbench201", "cifar10_test_accuracy", 156, 0.812),
        ("nasbench201", "cifar10_test_accuracy", 469, 0.861),
        ("nasbench101", "cifar10_valid_accuracy", 100, 0.649),
        ("nasbench101", "cifar10_valid_accuracy", 423, 0.691),
    ],
)
def test_trees_reach_their_known_ranking_quality(
    data_folder: Path, tmp_path: Path, space_name: str, target: str, labels: int, published: float
) -> None:
    from contrastive_nas.ranking.quality import labelled_rows, ranking_quality
    from contrastive_nas.tables.reading import read_table

    space = load_space(space_name)
    table = read_table(data_folder / f"{space_name}.parquet", space=space_name).frame
    truth = table[target].to_numpy()
    convert(tmp_path / "graphs.arrow", [(space, table.architecture.tolist())], spectrum_size=0)
    graphs = open_store(tmp_path / "graphs.arrow")
    found = []
    for seed in range(3):
        labelled = labelled_rows(len(graphs), labels, seed)
        ranker = create_ranker("trees", space=space)
        found.append(ranking_quality(ranker, graphs, labelled, truth[labelled], truth, seed).kendall_tau)
    assert np.mean(found) > published - 0.01
