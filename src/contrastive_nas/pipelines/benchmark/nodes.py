"""A tabular benchmark, made by really training networks."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from contrastive_nas.checkpoints import Checkpoints
from contrastive_nas.evaluators.parameters import EvaluatorParameters, TabulateParameters
from contrastive_nas.pipelines.experiment import ExperimentSeed, SpaceParameters

if TYPE_CHECKING:
    import pandas as pd


def make_benchmark(
    parameters: TabulateParameters,
    evaluator: EvaluatorParameters,
    space: SpaceParameters,
    seed: ExperimentSeed,
    checkpoints: Checkpoints,
    labels: Path | None,
) -> tuple["pd.DataFrame", dict[str, Any]]:
    """Train networks for a table, and measure how well trainings repeat."""
    from contrastive_nas.evaluators.tabulating import draw_functions, measure_all, repeatability, tabulate
    from contrastive_nas.evaluators.training import TrainingEvaluator

    training = evaluator.training
    with TrainingEvaluator(space.name, training, space.options, labels=labels) as source:
        names = draw_functions(source.space, parameters.networks, seed)
        measured = measure_all(source, names, checkpoints.part("table"))
        again = names[: parameters.repeated_networks]
        repeated = measure_all(source, again, checkpoints.part("repeated"), parameters.extra_seeds)
    table = tabulate(source.space, training.data.name, measured)
    return table, repeatability(measured, repeated)
