"""Choosing hyper-parameters with Optuna, on validation seeds.

A trial is one setting, judged by the mean of an objective over seeds. The first trial is the setting in use.
A setting that does worse than the best one by a signed-rank test on the seeds so far is given up
(:class:`optuna.pruners.WilcoxonPruner`).
"""

import multiprocessing
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import optuna
import pandas as pd
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend, JournalFileOpenLock
from optuna.trial import Trial, TrialState

from contrastive_nas.errors import InputError
from contrastive_nas.search.tuning.parameters import Range, TuneParameters

FINISHED = (TrialState.COMPLETE, TrialState.PRUNED)
STUDY = "tune"


class Objective(Protocol):
    """What a setting is worth; workers get a pickled copy."""

    def __call__(self, values: Mapping[str, Any], seed: int) -> float:
        """The value of a setting under one seed, higher is better."""


def tune(
    objective: Objective, in_use: Mapping[str, Any], parameters: TuneParameters, seed: int, journal: Path
) -> pd.DataFrame:
    """Tries settings until as many as asked for are judged or given up; continues what lies in ``journal``.

    Args:
        objective: to be maximised.
        in_use: the present value of every hyper-parameter that is tuned, which is tried first.
        parameters: what to vary, seeds, number of trials, processes.
        seed: of the sampler.
        journal: file of the study; other processes and optuna-dashboard can open it too.

    Raises:
        InputError: a value in use is not among those to be tried.

    Returns:
        One row per trial: ``trial``, ``state``, ``value`` (mean over seeds; of the seeds so far where it was
        given up), ``seeds`` (how many were tried), and a column for each hyper-parameter.
    """
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = _open(journal, seed)
    if not study.trials:
        _check(in_use, parameters)
        study.enqueue_trial(dict(in_use))
    # A killed run has left them.
    for trial in study.get_trials(deepcopy=False, states=(TrialState.RUNNING,)):
        study.tell(trial.number, state=TrialState.FAIL)
        study.enqueue_trial(trial.params)
    begun = len(study.trials)
    jobs = [(objective, parameters, seed + begun + number, journal) for number in range(parameters.workers)]
    if parameters.workers == 1:
        _work(*jobs[0])
    else:
        with multiprocessing.get_context("spawn").Pool(parameters.workers) as pool:
            pool.starmap(_work, jobs, chunksize=1)
    return _trials(study)


def _check(in_use: Mapping[str, Any], parameters: TuneParameters) -> None:
    for name, choice in parameters.values.items():
        value = in_use[name]
        inside = choice.low <= value <= choice.high if isinstance(choice, Range) else value in choice
        if not inside:
            raise InputError(f"tune: {name} is {value!r} now, which {name!r} of tune.values leaves out")


def _open(journal: Path, seed: int) -> optuna.Study:
    journal.parent.mkdir(parents=True, exist_ok=True)
    lock = JournalFileOpenLock(str(journal))
    # The pruner is called experimental since 2024.
    warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
    return optuna.create_study(
        storage=JournalStorage(JournalFileBackend(str(journal), lock_obj=lock)),
        study_name=STUDY,
        sampler=optuna.samplers.TPESampler(seed=seed, constant_liar=True),
        pruner=optuna.pruners.WilcoxonPruner(p_threshold=0.1, n_startup_steps=3),
        direction="maximize",
        load_if_exists=True,
    )


def _work(objective: Objective, parameters: TuneParameters, seed: int, journal: Path) -> None:
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    distributions = {name: _distribution(choice) for name, choice in parameters.values.items()}

    study = _open(journal, seed)
    # Beside others, one trial more for each may be finished.
    while len(study.get_trials(deepcopy=False, states=FINISHED)) < parameters.trials:
        trial = study.ask(distributions)
        state = _judge(objective, trial, parameters.seeds)
        # A mean over some of the seeds does not compare with one over all.
        study.tell(trial, _mean(trial, study) if state == TrialState.COMPLETE else None, state=state)


def _judge(objective: Objective, trial: Trial, seeds: Sequence[int]) -> TrialState:
    for number, seed in enumerate(seeds, start=1):
        trial.report(objective(trial.params, seed), number)
        if number < len(seeds) and trial.should_prune():
            return TrialState.PRUNED
    return TrialState.COMPLETE


def _mean(trial: Trial, study: optuna.Study) -> float:
    reports = study.trials[trial.number].intermediate_values
    return sum(reports.values()) / len(reports)


def _distribution(choice: Range | tuple[Any, ...]) -> BaseDistribution:
    if not isinstance(choice, Range):
        return CategoricalDistribution(choice)
    if isinstance(choice.low, int) and isinstance(choice.high, int):
        return IntDistribution(choice.low, choice.high, log=choice.log)
    return FloatDistribution(choice.low, choice.high, log=choice.log)


def _trials(study: optuna.Study) -> pd.DataFrame:
    rows = []
    for trial in study.get_trials(deepcopy=False, states=FINISHED):
        reports = list(trial.intermediate_values.values())
        judged = {"value": sum(reports) / len(reports), "seeds": len(reports)}
        rows.append({"trial": trial.number, "state": trial.state.name.lower()} | judged | trial.params)
    return pd.DataFrame(rows)


def summarise_trials(trials: pd.DataFrame, in_use: Mapping[str, Any]) -> dict[str, Any]:
    """The setting with the highest value among those judged on all seeds, beside the one in use.

    Returns:
        ``trials``, ``given_up``, ``value_in_use``, ``best_value``, ``best`` (by hyper-parameter).
    """
    judged = trials[trials["state"] == "complete"].reset_index(drop=True)
    used = (trials[list(in_use)] == pd.Series(dict(in_use), dtype=object)).all(axis=1)
    values = judged["value"].tolist()
    best = values.index(max(values))
    return {
        "trials": len(trials),
        "given_up": int((trials["state"] == "pruned").sum()),
        "value_in_use": float(trials.loc[used, "value"].iloc[0]),
        "best_value": values[best],
        "best": {name: judged[name].tolist()[best] for name in in_use},
    }
