"""The evaluator that measures networks with the weights of a supernet."""

import math
from pathlib import Path

import pandas as pd
import pytest
from tests.training.generated import GROUP_NORM_SPACE

from contrastive_nas.errors import InputError
from contrastive_nas.evaluators.parameters import EvaluatorParameters
from contrastive_nas.evaluators.registry import open_evaluator
from contrastive_nas.training.supernet.config import SupernetSettings
from contrastive_nas.training.supernet.inherited import InheritedNetworks
from contrastive_nas.training.supernet.run import train_supernet

TABLE = pd.DataFrame({"architecture": ["8"], "valid": [90.0], "test": [91.0]})
PARAMETERS = EvaluatorParameters(kind="supernet")


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A supernet of two networks."""
    output = tmp_path_factory.mktemp("supernet")
    train_supernet(
        SupernetSettings(
            space=GROUP_NORM_SPACE,
            data={"kind": "digits", "name": "digits", "workers": 0},
            overrides={"epochs": 2, "schedule": {"warmup_epochs": 0}},
            train_images=200,
            valid_images=100,
            output=output,
            device="cpu",
        )
    )
    return output / "supernet.safetensors"


def test_networks_are_measured_and_counted_as_predicted(weights: Path) -> None:
    with open_evaluator(PARAMETERS, GROUP_NORM_SPACE, {}, TABLE, "valid", "test", supernet=weights) as source:
        first, second, wrong = source.evaluate(["8", "16", "32"])
        networks = InheritedNetworks(weights, device="cpu")
        assert first.accuracy == networks.valid_accuracy("8")
        assert second.accuracy == networks.valid_accuracy("16")
        assert first.origin == "predicted"
        assert first.seconds > 0
        assert math.isnan(wrong.accuracy)
        assert "'32' is not one of" in wrong.error
        assert source.final_accuracy("8") == networks.test_accuracy("8")
        assert source.reference(TABLE, ["valid", "test"])[["valid", "test"]].isna().all(axis=None)
        known = source.identity
    parameters = EvaluatorParameters(
        kind="supernet", supernet={"weights": str(weights), "statistics_images": 50}
    )
    with open_evaluator(parameters, GROUP_NORM_SPACE, {}, TABLE, "valid") as source:
        assert source.identity != known
        assert source.identity["weights"] == known["weights"]


def test_what_cannot_be_measured_is_refused(weights: Path, tmp_path: Path) -> None:
    with (
        open_evaluator(PARAMETERS, GROUP_NORM_SPACE, {}, TABLE, "valid") as source,
        pytest.raises(InputError, match="has no supernet: train one"),
    ):
        source.evaluate(["8"])
    with (
        open_evaluator(PARAMETERS, "compact_cnn", {}, TABLE, "valid", supernet=weights) as source,
        pytest.raises(InputError, match=r"the experiment's space compact_cnn has options"),
    ):
        source.evaluate(["8"])
    with pytest.raises(InputError, match="there is no supernet"):
        open_evaluator(PARAMETERS, "compact_cnn", {}, TABLE, "valid", supernet=tmp_path / "none")
