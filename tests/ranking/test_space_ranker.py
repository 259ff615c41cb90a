import numpy as np
import pytest

from contrastive_nas.errors import InputError
from contrastive_nas.ranking.space_ranker import SpaceRanker, create_space_ranker
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
def ranker() -> SpaceRanker:
    return create_space_ranker("transfer", SPACE, seed=0)


def convolutions(names: list[str]) -> np.ndarray:
    return np.array([90.0 + name.count("nor_conv") + 0.1 * name.count("3x3") for name in names])


def test_before_the_first_label_other_spaces_answer(ranker: SpaceRanker) -> None:
    ranker.fit([], np.zeros(0))
    scores, deviations = ranker.posterior(NAMES)
    assert np.corrcoef(scores, convolutions(NAMES))[0, 1] > 0.5
    assert (deviations > 0).all()
    assert "nasbench201" not in ranker.basis["similarity"]


def test_labels_that_say_the_opposite_turn_the_order_round(ranker: SpaceRanker) -> None:
    truth = -convolutions(NAMES)
    ranker.fit(NAMES[:60], truth[:60])
    assert np.corrcoef(ranker.scores(NAMES[60:]), truth[60:])[0, 1] > 0.7
    ranker.fit([], np.zeros(0))
    assert np.corrcoef(ranker.scores(NAMES[60:]), truth[60:])[0, 1] < -0.5


def test_deviations_are_those_of_the_covariance_and_shrink_at_labels(ranker: SpaceRanker) -> None:
    ranker.fit(NAMES[:40], convolutions(NAMES[:40]))
    _, deviations = ranker.posterior(NAMES)
    covariance = ranker.covariance(NAMES)
    np.testing.assert_allclose(np.sqrt(covariance.diagonal()), deviations, rtol=1e-4)
    assert np.linalg.eigvalsh(covariance).min() > -1e-9
    assert deviations[:40].mean() < deviations[40:].mean()


def test_both_directions_add_up_to_one(ranker: SpaceRanker) -> None:
    ranker.fit(NAMES[:20], convolutions(NAMES[:20]))
    wins = ranker.probability(NAMES[:50], NAMES[:50])
    assert (wins + wins.T == 1).all()


def test_networks_of_one_function_are_one(ranker: SpaceRanker) -> None:
    space = Pool(WHOLE, [*NAMES, *(name for name in TWINS if name not in NAMES)])
    own = create_space_ranker("transfer", space, seed=0)
    own.fit(NAMES[:20], convolutions(NAMES[:20]))
    scores, deviations = own.posterior(TWINS)
    assert scores[0] == scores[1]
    assert deviations[0] == deviations[1]


def test_equal_labels_teach_nothing(ranker: SpaceRanker) -> None:
    with pytest.raises(InputError, match="two different labels"):
        ranker.fit(NAMES[:3], np.full(3, 90.0))


def test_a_question_before_the_fit_is_a_programming_error() -> None:
    with pytest.raises(RuntimeError, match="before it was fitted"):
        create_space_ranker("gaussian_process", SPACE, seed=0).scores(NAMES)
