"""Hyper-parameters of a stage, chosen on validation seeds."""

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from contrastive_nas.checkpoints import Checkpoints
from contrastive_nas.evaluators.parameters import EvaluatorParameters
from contrastive_nas.pipelines.compare.parameters import CompareStageParameters
from contrastive_nas.pipelines.experiment import ExperimentSeed, SpaceParameters, TargetParameters
from contrastive_nas.pipelines.search.parameters import SearchStageParameters
from contrastive_nas.search.tuning.parameters import TuneParameters

if TYPE_CHECKING:
    import pandas as pd

    from contrastive_nas.search.tuning.tuning import Objective


def tune_stage(
    table: "pd.DataFrame",
    graphs: Path,
    encoder: Path,
    parameters: TuneParameters,
    search: SearchStageParameters,
    compare: CompareStageParameters,
    evaluator: EvaluatorParameters,
    space: SpaceParameters,
    target: TargetParameters,
    seed: ExperimentSeed,
    checkpoints: Checkpoints,
) -> tuple["pd.DataFrame", dict[str, Any]]:
    """Tune a stage: a row per trial, and the best setting beside the one in use."""
    from contrastive_nas.search.tuning.objectives import CompareObjective, SearchObjective
    from contrastive_nas.search.tuning.parameters import values_of
    from contrastive_nas.search.tuning.tuning import summarise_trials, tune

    objective: Objective
    if parameters.stage == "search":
        tuned = search.of_search(compare.first_labels.count, seed)
        place = (space.name, space.options)
        objective = SearchObjective(tuned, search.ranker, evaluator, place, table, target.label)
        in_use = values_of(tuned, parameters.values)
    else:
        accuracies = table[target.label].to_numpy(dtype=float)
        count = compare.first_labels.count
        objective = CompareObjective(compare.training, encoder, graphs, accuracies, count)
        in_use = values_of(compare.training, parameters.values)
    with TemporaryDirectory() as unkept:
        folder = checkpoints.folder or Path(unkept)
        trials = tune(objective, in_use, parameters, seed, folder / "study.jsonl")
    return trials, {"stage": parameters.stage, **summarise_trials(trials, in_use)}
