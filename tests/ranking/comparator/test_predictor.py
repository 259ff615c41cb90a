import numpy as np
import pytest
import torch
from tests.ranking.gaussian_process.test_ranker import NAMES, SPACE, TRUTH

from contrastive_nas.graphs.statistics.network import STATISTICS
from contrastive_nas.ranking.comparator.predictor import ComparatorPredictor
from contrastive_nas.ranking.encoder.encoder import Encoder
from contrastive_nas.ranking.encoder.parameters import EncoderParameters
from contrastive_nas.ranking.metrics import kendall_tau
from contrastive_nas.ranking.parameters import AugmentParameters, CompareParameters
from contrastive_nas.search.acquisition import expected_improvement, gains
from contrastive_nas.search.predictor import UncertainPredictor

REFERENCE = CompareParameters(reference=64)


def fitted(encoder: Encoder, labels: int = 30, **options) -> ComparatorPredictor:
    predictor = ComparatorPredictor(SPACE, encoder, REFERENCE, seed=0, **options)
    predictor.fit(NAMES[:labels], TRUTH[:labels])
    return predictor


@pytest.fixture(scope="module")
def encoder() -> Encoder:
    return Encoder(EncoderParameters(width=16, rounds=2, embedding=16), len(STATISTICS))


@pytest.fixture(scope="module")
def predictor(encoder) -> ComparatorPredictor:
    return fitted(encoder)


def test_ranks_unseen_networks(predictor):
    assert kendall_tau(predictor.scores(NAMES[30:]), TRUTH[30:]) > 0.7


def test_deviations_are_those_of_a_gaussian_process(predictor):
    deviations = predictor.distribution(NAMES[:60])[1]
    model = predictor._labelled.double()
    rows = predictor.source.rows(NAMES[:60])
    points = model.standardise(torch.as_tensor(predictor._raw_features(rows), dtype=model.weights.dtype))
    support = model.support
    cross = model.kernel(points).numpy()
    among = model.kernel(support).numpy() + float(model.noise) * np.eye(len(support))
    # k(x, x) from the kernel itself, one point as its own support.
    own = np.empty(len(points))
    for number, point in enumerate(points):
        model.support = point[None]
        own[number] = float(model.kernel(point[None]))
    model.support = support
    expected = np.sqrt(own - np.einsum("ij,jk,ik->i", cross, np.linalg.inv(among), cross))
    np.testing.assert_allclose(deviations, expected / float(model.temperature), rtol=0.02)
    assert deviations[:30].mean() < deviations[30:].mean()
    model.float()


def test_what_there_is_to_gain_is_expected_improvement(predictor):
    assert isinstance(predictor, UncertainPredictor)
    means, deviations = predictor.distribution(NAMES[30:])
    improvement = expected_improvement(means, deviations, predictor.scores(NAMES[:30]).max())
    order = np.argsort(gains(predictor, NAMES[30:], NAMES[:30]))
    assert order[-1] == improvement.argmax()


def test_a_refit_gives_what_a_fresh_predictor_gives(encoder):
    again = fitted(encoder, labels=10)
    again.scores(NAMES)
    again.fit(NAMES[:30], TRUTH[:30])
    fresh = ComparatorPredictor(SPACE, encoder, REFERENCE, seed=0)
    fresh.source.rows(NAMES)  # features are standardised by what was looked at
    fresh.fit(NAMES[:30], TRUTH[:30])
    np.testing.assert_array_equal(again.scores(NAMES), fresh.scores(NAMES))


def test_pseudo_labels_change_scores_and_not_how_sure_they_are(encoder, predictor):
    parameters = AugmentParameters(candidates=30, rounds=1, least_confidence=0.6)
    augmented = fitted(encoder, pseudo_labels=parameters)
    means, deviations = augmented.distribution(NAMES)
    assert not np.allclose(means, predictor.scores(NAMES))
    np.testing.assert_allclose(deviations, predictor.distribution(NAMES)[1], rtol=1e-4)
    assert kendall_tau(means[30:], TRUTH[30:]) > 0.7


def test_bad_use(encoder):
    with pytest.raises(RuntimeError, match="before the predictor was fitted"):
        ComparatorPredictor(SPACE, encoder, REFERENCE, seed=0).scores(NAMES)
