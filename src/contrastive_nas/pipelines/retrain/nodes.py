"""The plan of a training, the training in processes of its own, and its page."""

import logging
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from contrastive_nas.checkpoints import Checkpoints
from contrastive_nas.execution.needed import does_without
from contrastive_nas.pipelines.experiment import Device, ExperimentSeed, SpaceParameters
from contrastive_nas.pipelines.retrain.parameters import RetrainParameters
from contrastive_nas.training.config import RunSettings

if TYPE_CHECKING:
    import pandas as pd

logger = logging.getLogger(__name__)


def _architecture_is_given(parameters: RetrainParameters) -> bool:
    return parameters.architecture is not None


def _starts_from_scratch(parameters: RetrainParameters) -> bool:
    return parameters.start == "scratch"


@does_without("summary", when=_architecture_is_given)
def plan_retraining(
    parameters: RetrainParameters,
    space: SpaceParameters,
    seed: ExperimentSeed,
    device: Device,
    summary: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """Plan batch, schedule and expected GPU days; needs no images where their number is given."""
    from contrastive_nas.training.forecast import forecast
    from contrastive_nas.training.launch import count_processes

    settings = _settings(summary, parameters, space, seed, device, Path("unused"))
    expected = forecast(settings, count_processes(parameters.processes, device))
    logger.info("%s", expected.describe())
    return expected.as_dict()


@does_without("summary", when=_architecture_is_given)
@does_without("supernet", when=_starts_from_scratch)
def retrain_architecture(
    parameters: RetrainParameters,
    space: SpaceParameters,
    seed: ExperimentSeed,
    device: Device,
    plan: dict[str, Any],
    checkpoints: Checkpoints,
    summary: dict[str, Any] | None = None,
    supernet: Path | None = None,
) -> tuple[dict[str, Any], "pd.DataFrame", "pd.DataFrame", Callable[[Path], None]]:
    """Train the network in full; return metrics, history, confusion and the exported network."""
    import tempfile

    from contrastive_nas.training.launch import launch
    from contrastive_nas.training.results import copy_exports, read_results

    output = (checkpoints.folder or Path(tempfile.mkdtemp())) / "run"
    settings = _settings(summary, parameters, space, seed, device, output)
    own = {"checkpoint_seconds": checkpoints.seconds, "supernet": supernet}
    launch(settings.model_copy(update=own), plan["devices"])
    results = read_results(output)
    return results.metrics, results.history, results.confusion, copy_exports(output)


def write_retrain_report(
    metrics: dict[str, Any],
    history: "pd.DataFrame",
    confusion: "pd.DataFrame",
    settings: RetrainParameters,
    space: SpaceParameters,
    parameters: dict[str, Any],
    runs: Path | None,
) -> str:
    """Write the page of the training."""
    from contrastive_nas.reporting.making import read_making
    from contrastive_nas.reporting.retrain_page import retrain_page
    from contrastive_nas.spaces import load_space

    known = load_space(space.name, **space.options | settings.space_options)
    return retrain_page(metrics, history, confusion, known, read_making(parameters, runs, "retrain", ()))


def _settings(
    summary: dict[str, Any] | None,
    parameters: RetrainParameters,
    space: SpaceParameters,
    seed: ExperimentSeed,
    device: Device,
    output: Path,
) -> RunSettings:
    from contrastive_nas.spaces import load_space

    own = {"architecture", "start", "space_options", "processes"}
    architecture = parameters.architecture
    if architecture is None:
        assert summary is not None
        architecture = summary["best_architecture"]
    else:
        architecture = load_space(space.name, **space.options | parameters.space_options).read(architecture)
    return RunSettings(
        space=space.name,
        space_options=space.options | parameters.space_options,
        architecture=architecture,
        output=output,
        seed=seed,
        device=device,
        **parameters.model_dump(exclude=own),
    )
