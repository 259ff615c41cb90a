"""Real trainings of which several are under way: the answers of a batch, in the order in which they end."""

from pathlib import Path

import numpy as np
import pytest
from tests.evaluators.short_searches import QUICK, search

from contrastive_nas.evaluators.parameters import TrainingParameters
from contrastive_nas.evaluators.training import TrainingEvaluator
from contrastive_nas.spaces import load_space

SPACE = """
from contrastive_nas.spaces.compact_cnn import CompactCNN

class Broken(CompactCNN):
    def __init__(self, broken: str = "") -> None:
        super().__init__()
        self.broken = broken

    def build(self, architecture: str):
        if architecture == self.broken:
            raise RuntimeError("no such layer")
        return super().build(architecture)
"""


def test_answers_are_those_of_a_batch(tmp_path: Path) -> None:
    names = load_space("compact_cnn").sample(np.random.default_rng(0), 3)
    file = tmp_path / "broken.py"
    file.write_text(SPACE)
    parameters = TrainingParameters(workers=2, **QUICK)
    with TrainingEvaluator(f"{file}:Broken", parameters, {"broken": names[1]}) as evaluator:
        found = {}
        with evaluator.pending() as pending:
            for name in names:
                pending.begin(name)
            while len(found) < 3:
                found |= {one.architecture: one for one in pending.finished()}
            assert pending.at_work() == []
            # What is known is answered at once.
            pending.begin(names[0])
            (again,) = pending.finished()
        assert (again.accuracy, again.origin) == (found[names[0]].accuracy, "cached")
    assert [found[name].error for name in names] == ["", "RuntimeError: no such layer", ""]
    with TrainingEvaluator("compact_cnn", parameters) as evaluator:
        expected = evaluator.evaluate([names[0], names[2]])
    assert [one.accuracy for one in expected] == [found[names[0]].accuracy, found[names[2]].accuracy]


@pytest.mark.slow
def test_a_search_trains_every_network_once_and_goes_on_from_its_record(tmp_path: Path) -> None:
    parameters = TrainingParameters(workers=2, **QUICK)
    with TrainingEvaluator("compact_cnn", parameters) as evaluator:
        history = search(evaluator, 0, tmp_path, parallel=2)
    assert len(history) == history["architecture"].nunique() == 6
    assert (history["error"] == "").all()
    with TrainingEvaluator("compact_cnn", parameters) as evaluator:
        assert search(evaluator, 0, tmp_path, parallel=2).equals(history)
        assert evaluator._pool is None  # nothing was trained again
