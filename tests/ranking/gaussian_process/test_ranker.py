import numpy as np
import pytest

from contrastive_nas.errors import InputError
from contrastive_nas.graphs.costs import graph_multiply_accumulates
from contrastive_nas.ranking.gaussian_process.ranker import GaussianPredictor
from contrastive_nas.ranking.metrics import kendall_tau
from contrastive_nas.search.predictor import UncertainPredictor
from contrastive_nas.spaces import load_space

SPACE = load_space("compact_cnn")
NAMES = list(dict.fromkeys(SPACE.sample(np.random.default_rng(1), 120)))
TRUTH = np.log(graph_multiply_accumulates(SPACE.graphs(NAMES)).astype(float))


@pytest.fixture(scope="module")
def predictor() -> GaussianPredictor:
    found = GaussianPredictor(SPACE, seed=0)
    found.fit(NAMES[:40], TRUTH[:40])
    return found


def test_ranks_unseen_networks(predictor):
    assert isinstance(predictor, UncertainPredictor)
    assert kendall_tau(predictor.scores(NAMES[40:]), TRUTH[40:]) > 0.7


def test_probabilities_are_antisymmetric_and_follow_scores(predictor):
    forward = predictor.probability(NAMES[:30], NAMES[30:60])
    backward = predictor.probability(NAMES[30:60], NAMES[:30])
    assert np.array_equal(forward + backward.T, np.ones_like(forward))
    lead = predictor.scores(NAMES[:30])[:, None] - predictor.scores(NAMES[30:60])[None]
    assert ((forward > 0.5) == (lead > 0)).all()


def test_only_the_order_of_labels_counts(predictor):
    other = GaussianPredictor(SPACE, seed=0)
    other.fit(NAMES[:40], np.exp(TRUTH[:40]))
    np.testing.assert_array_equal(other.scores(NAMES), predictor.scores(NAMES))


def test_bad_use():
    predictor = GaussianPredictor(SPACE, seed=0)
    with pytest.raises(RuntimeError, match="before the predictor was fitted"):
        predictor.scores(NAMES)
    for labels in ([1.0, 1.0], [1.0, np.nan]):
        with pytest.raises(InputError, match="finite labels, two of them different"):
            predictor.fit(NAMES[:2], np.array(labels))
