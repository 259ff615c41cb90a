"""Contrastive pretraining of the encoder on unlabelled graphs."""

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from contrastive_nas.checkpoints import Checkpoints
from contrastive_nas.errors import InputError
from contrastive_nas.graphs.schema import IntArray
from contrastive_nas.ranking.encoder.contrastive import contrastive_loss
from contrastive_nas.ranking.encoder.embedding import prepare
from contrastive_nas.ranking.encoder.encoder import Encoder
from contrastive_nas.ranking.encoder.loop import fit
from contrastive_nas.ranking.graph_source import GraphSource
from contrastive_nas.ranking.parameters import PretrainParameters


class _Projected(nn.Module):
    """The encoder with the head g that only pretraining uses: z = g(f(G))."""

    def __init__(self, encoder: Encoder) -> None:
        super().__init__()
        width = encoder.parameters_.embedding
        self.encoder = encoder
        self.head = nn.Sequential(nn.Linear(width, width), nn.ReLU(), nn.Linear(width, width))


def pretrain(
    source: GraphSource,
    parameters: PretrainParameters,
    *,
    seed: int,
    device: torch.device | str = "cpu",
    checkpoints: Checkpoints | None = None,
) -> tuple[Encoder, list[float]]:
    """Return an encoder that maps spectrally similar networks to similar vectors, and the loss of each step.

    Args:
        source: graphs of one or several spaces with statistics and spectra; no label is read.
        parameters: encoder, optimisation, loss.
        seed: of the weights, the order of graphs and dropout.
        device: where to train.
        checkpoints: where unfinished training is kept.

    Raises:
        InputError: fewer than two distinct functions, or the dropout variant without dropout.
    """
    if parameters.variant == "dropout" and parameters.encoder.dropout == 0:
        raise InputError(
            "pretrain: variant 'dropout' needs encoder.dropout > 0, else both views are the same"
        )
    chosen = _distinct_functions(source, parameters.graphs, seed)
    if len(chosen) < 2:
        raise InputError(f"pretrain: needs at least two networks of different function, got {len(chosen)}")
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        statistics = source.statistics_of(chosen)
        encoder = Encoder(parameters.encoder, statistics.shape[1])
        encoder.fit_statistics(statistics)
        model = _Projected(encoder).to(device)
    families = torch.as_tensor(pd.factorize(np.asarray(source.spaces))[0], device=device)
    spectra = torch.as_tensor(np.asarray(source.spectrum)[:, : parameters.eigenvalues], device=device)

    def loss(step: int) -> Tensor:
        rng = np.random.default_rng([seed, step])
        indices = rng.choice(chosen, size=min(parameters.batch, len(chosen)), replace=False)
        return _loss(model, source, indices, families[indices], spectra[indices], parameters)

    losses = fit(
        model,
        loss,
        parameters.optimisation,
        seed=seed,
        description="contrastive pretraining",
        checkpoints=checkpoints,
    )
    return encoder.eval(), losses


def _loss(
    model: _Projected,
    source: GraphSource,
    indices: IntArray,
    families: Tensor,
    spectra: Tensor,
    parameters: PretrainParameters,
) -> Tensor:
    graphs = prepare(model.encoder, source, indices)
    embeddings = model.head(model.encoder(graphs))
    same = families[:, None] == families[None, :]
    if parameters.variant == "dropout":
        embeddings = torch.cat([embeddings, model.head(model.encoder(graphs))])
        spectra = torch.cat([spectra, spectra])
        same = torch.ones(2 * len(graphs), 2 * len(graphs), dtype=torch.bool, device=spectra.device)
    return contrastive_loss(
        embeddings,
        spectra,
        same,
        temperature=parameters.temperature,
        spectral_temperature=parameters.spectral_temperature,
    )


def _distinct_functions(source: GraphSource, limit: int, seed: int) -> NDArray[np.int64]:
    """Numbers of at most ``limit`` graphs, one a function, as evenly from the spaces as they allow."""
    table = pd.DataFrame({"space": np.asarray(source.spaces), "function": np.asarray(source.function_ids)})
    table = table.drop_duplicates("function").sample(frac=1, random_state=seed)
    turn = table.groupby("space", sort=True).cumcount()
    return np.sort(table.index.to_numpy()[np.argsort(turn.to_numpy(), kind="stable")][:limit])
