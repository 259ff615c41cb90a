import numpy as np
import pytest

from contrastive_nas.errors import InputError
from contrastive_nas.ranking.encoder.pretrained import RELEASED_ENCODER
from contrastive_nas.ranking.transfer.predictor import TransferPredictor
from contrastive_nas.ranking.transfer.weights import load_transfer
from contrastive_nas.ranking.weights import load_encoder
from contrastive_nas.spaces import load_space
from contrastive_nas.spaces.wrapped.pool import Pool

WHOLE = load_space("nasbench201")
SPACE = Pool(WHOLE, list(dict.fromkeys(WHOLE.sample(np.random.default_rng(0), 400))))
NAMES = list(SPACE.enumerate())
# A zero on the first edge in, and one on the last out: nothing passes in either, so both are one function.
TWINS = [
    "|none~0|+|none~0|none~1|+|nor_conv_3x3~0|none~1|none~2|",
    "|none~0|+|none~0|nor_conv_3x3~1|+|nor_conv_3x3~0|none~1|none~2|",
]


@pytest.fixture(scope="module")
def predictor() -> TransferPredictor:
    model = load_transfer().without("nasbench201")
    return TransferPredictor(SPACE, model, load_encoder(RELEASED_ENCODER), seed=0)


def convolutions(names: list[str]) -> np.ndarray:
    return np.array([90.0 + name.count("nor_conv") + 0.1 * name.count("3x3") for name in names])


def test_before_the_first_label_other_spaces_answer(predictor: TransferPredictor) -> None:
    predictor.fit([], np.zeros(0))
    scores, deviations = predictor.distribution(NAMES)
    assert np.corrcoef(scores, convolutions(NAMES))[0, 1] > 0.5
    assert (deviations > 0).all()
    assert "nasbench201" not in predictor.relations


def test_labels_that_say_the_opposite_turn_the_order_round(predictor: TransferPredictor) -> None:
    truth = -convolutions(NAMES)
    predictor.fit(NAMES[:60], truth[:60])
    assert np.corrcoef(predictor.scores(NAMES[60:]), truth[60:])[0, 1] > 0.7
    predictor.fit([], np.zeros(0))
    assert np.corrcoef(predictor.scores(NAMES[60:]), truth[60:])[0, 1] < -0.5


def test_deviations_are_those_of_the_covariance_and_shrink_at_labels(predictor: TransferPredictor) -> None:
    predictor.fit(NAMES[:40], convolutions(NAMES[:40]))
    _, deviations = predictor.distribution(NAMES)
    covariance = predictor.covariance(NAMES)
    np.testing.assert_allclose(np.sqrt(covariance.diagonal()), deviations, rtol=1e-6)
    assert np.linalg.eigvalsh(covariance).min() > -1e-9
    assert deviations[:40].mean() < deviations[40:].mean()


def test_both_directions_add_up_to_one(predictor: TransferPredictor) -> None:
    predictor.fit(NAMES[:20], convolutions(NAMES[:20]))
    wins = predictor.probability(NAMES[:50], NAMES[:50])
    assert (wins + wins.T == 1).all()


def test_networks_of_one_function_are_one(predictor: TransferPredictor) -> None:
    space = Pool(WHOLE, [*NAMES, *(name for name in TWINS if name not in NAMES)])
    model = load_transfer().without("nasbench201")
    own = TransferPredictor(space, model, load_encoder(RELEASED_ENCODER), seed=0)
    own.fit(NAMES[:20], convolutions(NAMES[:20]))
    scores, deviations = own.distribution(TWINS)
    assert scores[0] == scores[1]
    assert deviations[0] == deviations[1]


def test_equal_labels_teach_nothing(predictor: TransferPredictor) -> None:
    with pytest.raises(InputError, match="two of them different"):
        predictor.fit(NAMES[:3], np.full(3, 90.0))


def test_a_model_of_the_searched_space_alone_is_refused() -> None:
    model = load_transfer()
    for name in model.spaces[1:]:
        model = model.without(name)
    with pytest.raises(InputError, match="no other space"):
        model.without(model.spaces[0])
