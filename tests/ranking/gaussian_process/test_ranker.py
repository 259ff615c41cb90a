import numpy as np
import pytest

from contrastive_nas.graphs.costs import graph_multiply_accumulates
from contrastive_nas.ranking.gaussian_process.ranker import GaussianProcessRanker
from contrastive_nas.ranking.metrics import kendall_tau
from contrastive_nas.ranking.space_ranker import SpaceRanker
from contrastive_nas.spaces import load_space

SPACE = load_space("compact_cnn")
NAMES = list(dict.fromkeys(SPACE.sample(np.random.default_rng(1), 120)))
TRUTH = np.log(graph_multiply_accumulates(SPACE.graphs(NAMES)).astype(float))


@pytest.fixture(scope="module")
def ranker() -> SpaceRanker:
    found = SpaceRanker(GaussianProcessRanker(SPACE), SPACE)
    found.fit(NAMES[:40], TRUTH[:40])
    return found


def test_ranks_unseen_networks(ranker: SpaceRanker) -> None:
    assert kendall_tau(ranker.scores(NAMES[40:]), TRUTH[40:]) > 0.7


def test_it_knows_less_of_what_is_not_labelled(ranker: SpaceRanker) -> None:
    deviation = ranker.posterior(NAMES).deviation
    assert deviation[:40].mean() < deviation[40:].mean()


def test_choices_tell_apart_what_statistics_do_not() -> None:
    space = load_space("nasbench201")
    # An edge that leads nowhere differs: one function, two architectures.
    twins = [
        f"|none~0|+|none~0|{dead}~1|+|nor_conv_3x3~0|none~1|none~2|" for dead in ("none", "nor_conv_3x3")
    ]
    names = list(dict.fromkeys(space.sample(np.random.default_rng(0), 30)))
    labels = np.arange(30.0)
    for known, apart in ((space, True), (None, False)):
        ranker = SpaceRanker(GaussianProcessRanker(known), space)
        ranker.fit(names, labels)
        scores = ranker.scores(twins)
        assert (scores[0] != scores[1]) == apart
