"""Contrastive pretraining of the graph encoder."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from contrastive_nas.checkpoints import Checkpoints
from contrastive_nas.execution.needed import does_without
from contrastive_nas.pipelines.experiment import Device, ExperimentSeed
from contrastive_nas.pipelines.pretrain.parameters import PretrainStageParameters

if TYPE_CHECKING:
    import pandas as pd
    import plotly.graph_objects as go


def _is_released(parameters: PretrainStageParameters) -> bool:
    return parameters.start == "released"


@does_without("graphs", when=_is_released)
def pretrain_encoder(
    parameters: PretrainStageParameters,
    seed: ExperimentSeed,
    device: Device,
    checkpoints: Checkpoints,
    graphs: Path | None = None,
) -> tuple[Callable[[Path], Any], "pd.DataFrame"]:
    """Pretrain the graph encoder without labels, or take the released one; return the losses too."""
    import pandas as pd

    from contrastive_nas.devices import pick_device
    from contrastive_nas.graphs.storage.store import open_store
    from contrastive_nas.ranking.encoder.features import RELEASED_ENCODER
    from contrastive_nas.ranking.encoder.pretraining import pretrain
    from contrastive_nas.ranking.encoder.weights import load_encoder, save_encoder

    losses: list[float] = []
    if _is_released(parameters):
        encoder = load_encoder(RELEASED_ENCODER)
    else:
        assert graphs is not None
        encoder, losses = pretrain(
            open_store(graphs), parameters, seed=seed, device=pick_device(device), checkpoints=checkpoints
        )
    history = pd.DataFrame({"step": range(1, len(losses) + 1), "loss": losses})
    return partial(save_encoder, encoder), history


def draw_pretraining(losses: "pd.DataFrame") -> "go.Figure":
    """Draw the contrastive loss over the steps."""
    from contrastive_nas.reporting.training_figures import draw_losses

    return draw_losses(losses)
