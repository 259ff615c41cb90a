"""The plan of a supernet's training, and the training in processes of its own."""

import logging
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from contrastive_nas.checkpoints import Checkpoints
from contrastive_nas.pipelines.experiment import Device, ExperimentSeed, SpaceParameters
from contrastive_nas.pipelines.supernet.parameters import SupernetParameters
from contrastive_nas.training.supernet.config import SupernetSettings

if TYPE_CHECKING:
    import pandas as pd

logger = logging.getLogger(__name__)


def plan_supernet(
    parameters: SupernetParameters, space: SpaceParameters, seed: ExperimentSeed, device: Device
) -> dict[str, Any]:
    """Return phases, schedule and expected GPU days; needs no images where their number is given."""
    from contrastive_nas.training.launch import count_processes
    from contrastive_nas.training.supernet.forecast import forecast_supernet

    settings = _settings(parameters, space, seed, device, Path("unused"))
    expected = forecast_supernet(settings, count_processes(parameters.processes, device))
    logger.info("%s", expected.describe())
    return expected.as_dict()


def train_shared_weights(
    parameters: SupernetParameters,
    space: SpaceParameters,
    seed: ExperimentSeed,
    device: Device,
    checkpoints: Checkpoints,
    kind: str,
    start: str,
) -> tuple[Callable[[Path], None], "pd.DataFrame"]:
    """Return the trained supernet, and its history per epoch.

    An empty file, and no history, where neither queries are answered with it (``kind`` of the evaluator) nor
    retraining starts from it (``start``): runners other than the project's own run this node in any case.
    """
    import shutil
    import tempfile
    from functools import partial

    import pandas as pd

    from contrastive_nas.training.launch import count_processes, launch
    from contrastive_nas.training.supernet.run import HISTORY, WEIGHTS

    if "supernet" not in (kind, start):
        logger.warning(
            "No supernet is trained, as nothing uses it: set evaluator.kind or retrain.start to supernet"
        )
        return Path.touch, pd.DataFrame()
    output = (checkpoints.folder or Path(tempfile.mkdtemp())) / "run"
    settings = _settings(parameters, space, seed, device, output)
    processes = count_processes(parameters.processes, device)
    launch(settings.model_copy(update={"checkpoint_seconds": checkpoints.seconds}), processes)
    return partial(shutil.copyfile, output / WEIGHTS), pd.read_parquet(output / HISTORY)


def _settings(
    parameters: SupernetParameters, space: SpaceParameters, seed: ExperimentSeed, device: Device, output: Path
) -> SupernetSettings:
    return SupernetSettings(
        space=space.name,
        space_options=space.options,
        output=output,
        seed=seed,
        device=device,
        **parameters.model_dump(exclude={"processes"}),
    )
