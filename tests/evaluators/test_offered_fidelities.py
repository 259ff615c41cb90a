"""Fidelities that evaluators offer: what they cost, what they answer, and what is refused."""

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from contrastive_nas.errors import InputError
from contrastive_nas.evaluators.base import FULL
from contrastive_nas.evaluators.parameters import EvaluatorParameters, FidelityParameters, TrainingParameters
from contrastive_nas.evaluators.training import TrainingEvaluator

ARCHITECTURE = "s4|separable:k3d1w4|plain:k1d1w16|plain:k3d1w16"
SETTINGS: dict[str, Any] = {"seeds": (0,), "workers": 1, "train_images": 200}
TWO_EPOCHS = {"epochs": 2, "schedule": {"warmup_epochs": 0.25}}


def test_trainings_cost_their_share_of_passes_over_images():
    offered = {"half": FidelityParameters(epochs=1), "eighth": FidelityParameters(epochs=1, images=0.25)}
    with TrainingEvaluator(
        "compact_cnn", TrainingParameters(**SETTINGS, overrides=TWO_EPOCHS), fidelities=offered
    ) as source:
        assert [(one.name, one.cost) for one in source.fidelities] == [
            ("eighth", 0.125), ("half", 0.5), (FULL, 1.0),
        ]  # fmt: skip
        assert source.at(FULL) is source
        with pytest.raises(InputError, match="fidelity 'third' is unknown"):
            source.at("third")


def test_a_shorter_training_is_that_of_its_recipe_and_is_kept_apart(tmp_path: Path):
    short = TrainingParameters(**SETTINGS, overrides=TWO_EPOCHS | {"epochs": 1})
    with TrainingEvaluator("compact_cnn", short) as alone:
        (expected,) = alone.evaluate([ARCHITECTURE])
    offered = {"half": FidelityParameters(epochs=1)}
    whole = TrainingParameters(**SETTINGS, overrides=TWO_EPOCHS)
    with TrainingEvaluator("compact_cnn", whole, labels=tmp_path, fidelities=offered) as source:
        (found,) = source.at("half").evaluate([ARCHITECTURE])
        source.evaluate([ARCHITECTURE])
    assert found.accuracy == expected.accuracy
    assert len(list(tmp_path.glob("compact_cnn-*.jsonl"))) == 2


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ({"kind": "table", "fidelities": {"short": {"cost": 0.1}}}, "'short' needs column"),
        ({"kind": "table", "fidelities": {"short": {"cost": 0.1, "epochs": 3}}}, "not epochs"),
        ({"fidelities": {"short": {"cost": 0.1}}}, "takes epochs and images, not cost"),
        ({"fidelities": {"short": {"images": 0.5}}}, "needs evaluator.training.train_images"),
        ({"kind": "surrogate", "fidelities": {"short": {"cost": 0.1}}}, "'surrogate' has no fidelities"),
        ({"kind": "function", "function": "my.py:train", "fidelities": {"short": {}}}, "needs cost"),
    ],
)
def test_values_that_do_not_fit_the_kind_are_refused(given: dict[str, Any], reason: str):
    with pytest.raises(ValidationError, match=reason):
        EvaluatorParameters.model_validate(given)
