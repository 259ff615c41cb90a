import pandas as pd
import pytest

from contrastive_nas.evaluators.simulated import SimulatedTrainings

TABLE = pd.DataFrame(
    {"architecture": list("abcde"), "accuracy": [1.0, 2, 3, 4, 5], "seconds": [5.0, 1, 1, 2, 3]}
)


def test_a_round_begins_with_the_largest_and_lasts_as_long_as_its_last_training() -> None:
    evaluator = SimulatedTrainings(TABLE, "accuracy", workers=2, choosing=10)
    found = list(evaluator.stream(list("abcde")))
    assert [one.accuracy for one in found] == [1, 2, 3, 4, 5]
    assert [one.seconds for one in found] == [5, 1, 1, 2, 3]
    # a on one worker, e, d and b or c on the other, which is free first.
    assert evaluator.spans == [(10, 15, "a"), (10, 13, "e"), (13, 15, "d"), (15, 16, "b"), (15, 16, "c")]
    assert (evaluator.clock, evaluator.busy) == (16, 12)
    list(evaluator.stream(["b"]))
    assert evaluator.clock == 27


def test_answers_come_as_trainings_end() -> None:
    evaluator = SimulatedTrainings(TABLE, "accuracy", workers=2)
    pending = evaluator.pending()
    for name in "ab":
        pending.begin(name)
    order = []
    for name in ("c", "d", "e", None, None):
        (answer,) = pending.finished()
        order.append((evaluator.clock, answer.architecture))
        if name is not None:
            pending.begin(name)
    assert order == [(1, "b"), (2, "c"), (4, "d"), (5, "a"), (7, "e")]


@pytest.mark.parametrize("lost", [0.0, 0.2])
def test_lost_workers_cost_their_share(lost: float) -> None:
    names = [str(number) for number in range(4000)]
    table = pd.DataFrame({"architecture": names, "accuracy": 1.0, "seconds": 1.0})
    evaluator = SimulatedTrainings(table, "accuracy", workers=3, lost=lost, seed=1)
    list(evaluator.stream(names))
    # A training is lost so often, each time in its middle on average.
    assert evaluator.busy / 4000 == pytest.approx(1 + 0.5 * lost / (1 - lost), abs=0.02)
    if not lost:
        assert evaluator.clock == pytest.approx(4000 / 3, abs=1)
