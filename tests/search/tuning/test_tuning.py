import pandas as pd
import pytest

from contrastive_nas.errors import InputError
from contrastive_nas.search.parameters import SearchParameters
from contrastive_nas.search.tuning.parameters import TuneParameters, values_of, with_values
from contrastive_nas.search.tuning.tuning import summarise_trials, tune

PARAMETERS = TuneParameters(
    values={"batch": (1, 5, 10), "curriculum.learning_rate": {"low": 1e-3, "high": 1.0, "log": True}},
    trials=25,
    seeds=(0, 1, 2, 3, 4, 5),
)
IN_USE = {"batch": 1, "curriculum.learning_rate": 1e-3}


class Bowl:
    """Best at a batch of 5 and a rate of 0.1; seeds shift all settings alike."""

    def __init__(self, calls_left: int = 10**9) -> None:
        self.calls: list[tuple[dict, int]] = []
        self.calls_left = calls_left

    def __call__(self, values, seed):
        if len(self.calls) == self.calls_left:
            raise KeyboardInterrupt
        self.calls.append((dict(values), seed))
        return seed - abs(values["batch"] - 5) - 10 * abs(values["curriculum.learning_rate"] - 0.1)


def test_finds_the_best_setting_and_gives_up_bad_ones(tmp_path):
    objective = Bowl()
    trials = tune(objective, IN_USE, PARAMETERS, 0, tmp_path / "study.jsonl")
    assert len(trials) == 25
    assert trials.loc[0, ["batch", "curriculum.learning_rate"]].to_dict() == IN_USE
    summary = summarise_trials(trials, IN_USE)
    assert summary["best"]["batch"] == 5
    assert 0.02 < summary["best"]["curriculum.learning_rate"] < 0.3
    assert summary["best_value"] > summary["value_in_use"] + 4
    assert summary["in_use"] == IN_USE
    assert summary["seeds"] == 6
    # Seeds shift all settings alike, so that differences do not spread.
    assert summary["difference_error"] == pytest.approx(0, abs=1e-9)
    values = trials[[f"seed_{seed}" for seed in PARAMETERS.seeds]]
    assert (values.notna().sum(axis=1) == trials["seeds"]).all()
    assert values.mean(axis=1).to_numpy() == pytest.approx(trials["value"].to_numpy())
    assert summary["given_up"] > 0
    assert len(objective.calls) == trials["seeds"].sum() < 25 * 6


def test_a_killed_tuning_goes_on(tmp_path):
    journal = tmp_path / "study.jsonl"
    with pytest.raises(KeyboardInterrupt):
        tune(Bowl(calls_left=40), IN_USE, PARAMETERS, 0, journal)
    rest = Bowl()
    trials = tune(rest, IN_USE, PARAMETERS, 0, journal)
    assert len(trials) == 25
    # Of what was judged, only the setting that the kill interrupted is judged again.
    assert len(rest.calls) <= trials["seeds"].sum() - 40 + 6
    again = Bowl()
    pd.testing.assert_frame_equal(tune(again, IN_USE, PARAMETERS, 0, journal), trials)
    assert again.calls == []


def test_a_value_in_use_must_be_among_those_tried(tmp_path):
    with pytest.raises(InputError, match="batch is 3 now"):
        tune(Bowl(), IN_USE | {"batch": 3}, PARAMETERS, 0, tmp_path / "study.jsonl")


@pytest.mark.slow
def test_several_processes_share_a_study(tmp_path):
    parameters = PARAMETERS.model_copy(update={"workers": 2})
    trials = tune(Bowl(), IN_USE, parameters, 0, tmp_path / "study.jsonl")
    assert 25 <= len(trials) <= 26
    assert trials["trial"].is_unique


def test_hyper_parameters_by_name():
    parameters = SearchParameters()
    changed = with_values(parameters, {"batch": 7, "curriculum.learning_rate": 0.5})
    assert changed["batch"] == 7
    assert changed["curriculum"]["learning_rate"] == 0.5
    assert changed["curriculum"]["steps"] == parameters.curriculum.steps
    assert values_of(parameters, ["evolution.population"]) == {"evolution.population": 100}
    for name in ("bach", "curriculum.stepz", "batch.size"):
        with pytest.raises(InputError, match=name):
            with_values(parameters, {name: 1})


@pytest.mark.parametrize(
    "values", [{}, {"batch": {"low": 3, "high": 3}}, {"rate": {"low": 0.0, "high": 1.0, "log": True}}]
)
def test_bad_parameters(values):
    with pytest.raises(ValueError, match="values"):
        TuneParameters(values=values)
