"""Choosing hyper-parameters with Optuna, on validation seeds.

A trial is one setting, judged by the mean of an objective over seeds. The first trial is the setting in use.
A setting that does worse than the best one by a signed-rank test on the seeds so far is given up
(:class:`optuna.pruners.WilcoxonPruner`).
"""

import math
import multiprocessing
import warnings
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import optuna
import pandas as pd
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend, JournalFileOpenLock
from optuna.trial import Trial, TrialState

from contrastive_nas.errors import InputError
from contrastive_nas.progress import Progress
from contrastive_nas.search.tuning.parameters import Range, TuneParameters

FINISHED = (TrialState.COMPLETE, TrialState.PRUNED)
STUDY = "tune"
# How often the processes' study is looked at for the progress that is shown.
_SECONDS_BETWEEN_LOOKS = 1.0


class Objective(Protocol):
    """What a setting is worth; workers get a pickled copy."""

    def __call__(self, values: Mapping[str, Any], seed: int) -> float:
        """The value of a setting under one seed, higher is better."""


def tune(
    objective: Objective, in_use: Mapping[str, Any], parameters: TuneParameters, seed: int, journal: Path
) -> pd.DataFrame:
    """Try settings until as many as asked for are judged or given up; continues what lies in ``journal``.

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
        given up), ``seeds`` (how many were tried), ``seed_<seed>`` (the value under that seed, NaN where it
        was not tried), and a column for each hyper-parameter.
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
    what = f"tuning {parameters.stage}"
    with Progress(what, parameters.trials, unit="settings", done=_count_finished(study)) as shown:
        if parameters.workers == 1:
            _work(*jobs[0], lambda: shown.update(_count_finished(study)))
        else:
            _work_in_processes(jobs, study, shown)
    return _trials(study, parameters.seeds)


def _check(in_use: Mapping[str, Any], parameters: TuneParameters) -> None:
    for name, choice in parameters.values.items():
        value = in_use[name]
        inside = choice.low <= value <= choice.high if isinstance(choice, Range) else value in choice
        if not inside:
            raise InputError(
                f"tune: {name} is {value!r} now, which is not among tune.values: add it to {name!r}"
            )


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


def _count_finished(study: optuna.Study) -> int:
    return len(study.get_trials(deepcopy=False, states=FINISHED))


def _work_in_processes(jobs: Sequence[tuple[Any, ...]], study: optuna.Study, shown: Progress) -> None:
    """One process for each job; shows what their study has by now."""
    before = _count_finished(study)
    with multiprocessing.get_context("spawn").Pool(len(jobs)) as pool:
        running = pool.starmap_async(_work, jobs, chunksize=1)
        while not running.ready():
            running.wait(_SECONDS_BETWEEN_LOOKS)
            finished = _count_finished(study)
            if finished != before:
                shown.update(finished)
                before = finished
        running.get()


def _work(
    objective: Objective,
    parameters: TuneParameters,
    seed: int,
    journal: Path,
    told: Callable[[], None] | None = None,
) -> None:
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    distributions = {name: _distribution(choice) for name, choice in parameters.values.items()}

    study = _open(journal, seed)
    # Beside others, one trial more for each may be finished.
    while _count_finished(study) < parameters.trials:
        trial = study.ask(distributions)
        state = _judge(objective, trial, parameters.seeds)
        # A mean over some of the seeds does not compare with one over all.
        study.tell(trial, _mean(trial, study) if state == TrialState.COMPLETE else None, state=state)
        if told is not None:
            told()


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


def _trials(study: optuna.Study, seeds: Sequence[int]) -> pd.DataFrame:
    rows = []
    for trial in study.get_trials(deepcopy=False, states=FINISHED):
        reports = list(trial.intermediate_values.values())
        judged = {"value": sum(reports) / len(reports), "seeds": len(reports)}
        tried = [*reports, *[math.nan] * (len(seeds) - len(reports))]
        of_seeds = {f"seed_{seed}": value for seed, value in zip(seeds, tried, strict=True)}
        row = {"trial": trial.number, "state": trial.state.name.lower()}
        rows.append(row | judged | of_seeds | trial.params)
    return pd.DataFrame(rows)


def summarise_trials(trials: pd.DataFrame, in_use: Mapping[str, Any]) -> dict[str, Any]:
    """Return the setting with the highest value among those judged on all seeds, beside the one in use.

    Returns:
        ``trials``, ``given_up``, ``seeds`` (how many each of the two was judged on), ``in_use`` and ``best``
        (by hyper-parameter), ``value_in_use``, ``best_value``, and ``difference_error``, the standard error
        of their difference over the seeds; None where there is one seed only.
    """
    judged = trials[trials["state"] == "complete"].reset_index(drop=True)
    used = int(np.flatnonzero((judged[list(in_use)] == pd.Series(dict(in_use), dtype=object)).all(axis=1))[0])
    values = judged["value"].tolist()
    best = values.index(max(values))
    of_seeds = judged.filter(regex=r"^seed_\d+$").to_numpy(dtype=float)
    differences = of_seeds[best] - of_seeds[used]
    seeds = len(differences)
    return {
        "trials": len(trials),
        "given_up": int((trials["state"] == "pruned").sum()),
        "seeds": seeds,
        "in_use": dict(in_use),
        "value_in_use": values[used],
        "best": {name: judged[name].tolist()[best] for name in in_use},
        "best_value": values[best],
        "difference_error": float(differences.std(ddof=1) / math.sqrt(seeds)) if seeds > 1 else None,
    }
