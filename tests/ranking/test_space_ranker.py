from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from contrastive_nas.errors import InputError
from contrastive_nas.ranking.base import Posterior, Ranker
from contrastive_nas.ranking.registry import create_ranker
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
    with pytest.raises(RuntimeError, match="has not been fitted"):
        create_space_ranker("gaussian_process", SPACE, seed=0).scores(NAMES)


class Given(Ranker):
    """Answers what it was given, functions of the rows."""

    answers_without_labels = True

    def __init__(self, **answers: Callable[..., object]) -> None:
        self._answers = {"posterior": lambda rows: Posterior(1.0 * rows, np.ones(len(rows)))} | answers

    def _learn(self, *_: object) -> None:
        pass

    def posterior(self, rows):
        return self._answers["posterior"](rows)

    def covariance(self, rows):
        return self._answers["covariance"](rows) if "covariance" in self._answers else None

    def probability(self, first, second):
        ask = self._answers.get("probability", super().probability)
        return ask(first, second)


def ones(*shape: int) -> np.ndarray:
    return np.ones(shape)


WRONG = {
    "nothing": ({"posterior": lambda rows: None}, "Given gave NoneType instead of Posterior"),
    "means alone": ({"posterior": lambda rows: 1.0 * rows}, "Given gave ndarray instead of Posterior"),
    "columns": (
        {"posterior": lambda rows: (ones(len(rows), 1), ones(len(rows)))},
        r"of shape \(8, 1\), not \(8,\)",
    ),
    "one deviation": ({"posterior": lambda rows: (ones(len(rows)), 1.0)}, r"of shape \(\), not \(8,\)"),
    "texts": ({"posterior": lambda rows: (["a"] * len(rows), ones(len(rows)))}, "which are not real numbers"),
    "complex": ({"posterior": lambda rows: (1j * rows, ones(len(rows)))}, "which are not real numbers"),
    "unsure of all": ({"posterior": lambda rows: (1.0 * rows, np.nan * rows)}, "Given returned nan for "),
    "below 0": (
        {"posterior": lambda rows: (1.0 * rows, -ones(len(rows)))},
        "deviations below 0, the least -1",
    ),
    "covariance": ({"covariance": lambda rows: ones(2, 2)}, r"of shape \(2, 2\), not \(8, 8\)"),
    "covariance unknown": ({"covariance": lambda rows: np.nan * ones(8, 8)}, "nan for two networks"),
    "row of wins": ({"probability": lambda a, b: ones(len(a))}, r"of shape \(8,\), not \(8, 8\)"),
    "win of 7": ({"probability": lambda a, b: 7 * ones(8, 8)}, "7.0 for two networks: .* from 0 to 1"),
    "win unknown": ({"probability": lambda a, b: np.nan * ones(8, 8)}, "nan for two networks"),
}


@pytest.mark.parametrize("kind", WRONG)
def test_answers_that_are_none_are_named(kind: str) -> None:
    answers, message = WRONG[kind]
    ranker = SpaceRanker(Given(**answers), SPACE, seed=0)
    ranker.fit([], np.zeros(0))

    def ask_all() -> None:
        for ask in (ranker.posterior, ranker.scores, ranker.covariance):
            ask(NAMES[:8])
        ranker.probability(NAMES[:8], NAMES[:8])

    with pytest.raises(InputError, match=message):
        ask_all()


def test_answers_in_other_forms_of_numbers_are_taken() -> None:
    for form in (list, torch.tensor, lambda values: np.array(values, dtype=np.int64)):
        ranker = SpaceRanker(
            Given(posterior=lambda rows, form=form: (form([3] * len(rows)), form([1] * len(rows)))),
            SPACE,
            seed=0,
        )
        ranker.fit([], np.zeros(0))
        assert ranker.scores(NAMES[:3]).tolist() == [3.0, 3.0, 3.0]
        assert ranker.posterior(NAMES[:3]).deviation.tolist() == [1.0, 1.0, 1.0]


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("class Mine(Ranker):\n    pass", "cannot be made: TypeError: Can't instantiate abstract class"),
        ("def Mine():\n    raise ValueError('no weights')", "cannot be made: ValueError: no weights"),
    ],
)
def test_a_ranker_that_cannot_be_made_says_why(tmp_path: Path, code: str, message: str) -> None:
    (tmp_path / "mine.py").write_text(f"from contrastive_nas.ranking.base import Ranker\n{code}\n")
    with pytest.raises(InputError, match=message):
        create_ranker(f"{tmp_path / 'mine.py'}:Mine")
