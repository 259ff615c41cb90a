"""Contrastive pretraining of the graph encoder."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from contrastive_nas.checkpoints import Checkpoints
from contrastive_nas.ranking.parameters import PretrainParameters

if TYPE_CHECKING:
    import pandas as pd
    import plotly.graph_objects as go


def pretrain_encoder(
    graphs: Path, parameters: PretrainParameters, seed: int, device: str, checkpoints: Checkpoints
) -> tuple[Callable[[Path], Any], "pd.DataFrame"]:
    """The encoder's weights, and the loss of every step; no label is used."""
    import pandas as pd

    from contrastive_nas.devices import pick_device
    from contrastive_nas.graphs.storage.store import open_store
    from contrastive_nas.ranking.encoder.pretraining import pretrain
    from contrastive_nas.ranking.weights import save_weights

    encoder, losses = pretrain(
        open_store(graphs), parameters, seed=seed, device=pick_device(device), checkpoints=checkpoints
    )
    history = pd.DataFrame({"step": range(1, len(losses) + 1), "loss": losses})
    return partial(save_weights, encoder), history


def draw_pretraining(losses: "pd.DataFrame") -> "go.Figure":
    """The loss over the steps."""
    from contrastive_nas.reporting.figures import draw_losses

    return draw_losses(losses)
