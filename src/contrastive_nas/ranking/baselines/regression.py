"""Regression on the encoder: what is left of the method without comparisons and without a kernel."""

import copy
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor, nn

from contrastive_nas.graphs.schema import IntArray
from contrastive_nas.ranking.base import FloatArray, PointRanker
from contrastive_nas.ranking.encoder.embedding import embed, prepare
from contrastive_nas.ranking.encoder.encoder import Encoder, EncoderInput
from contrastive_nas.ranking.encoder.features import EncoderFeatures
from contrastive_nas.ranking.encoder.loop import fit
from contrastive_nas.ranking.graph_source import GraphSource
from contrastive_nas.ranking.parameters import Optimisation

# On development seeds of MnasNet 150 steps are .003 of tau behind with 100 labels, and level with 50.
STEPS = 400
# The luck of one fit moves tau by .01 with 78 labels of NAS-Bench-201; each further one costs as much again.
FITS = 2


class RegressionRanker(PointRanker):
    """The pretrained encoder with a linear layer, both trained by squared error on normal quantiles.

    The score is the mean of two fits, which begin with linear layers of different seeds.

    Args:
        features: has the encoder, copies of which are trained on.
        optimisation: Steps and learning rate of the fit. Every step takes all labels.
    """

    def __init__(
        self, features: EncoderFeatures | None = None, optimisation: Optimisation | None = None
    ) -> None:
        self._features = features or EncoderFeatures()
        self._optimisation = optimisation or Optimisation(steps=STEPS)

    def _train(
        self, graphs: GraphSource, labelled: IntArray, targets: FloatArray, seed: int
    ) -> Callable[[IntArray], FloatArray]:
        self._features.see(graphs)
        known = prepare(self._features.encoder, graphs, labelled)
        wanted = torch.tensor(targets, dtype=torch.float32)
        seeds = np.random.SeedSequence(seed).generate_state(FITS)
        fits = [self._fit(known, wanted, int(one)) for one in seeds]

        def predict(rows: IntArray) -> FloatArray:
            parts = [
                embed(encoder, graphs, rows).astype(np.float64) @ weights + bias
                for encoder, weights, bias in fits
            ]
            return np.asarray(np.mean(parts, axis=0))

        return predict

    def _fit(self, known: EncoderInput, wanted: Tensor, seed: int) -> tuple[Encoder, FloatArray, float]:
        """An encoder, and the weights and the bias of a linear layer on it."""
        encoder = copy.deepcopy(self._features.encoder)
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            output = nn.Linear(encoder.parameters_.embedding, 1)

        def loss(step: int) -> Tensor:
            return nn.functional.mse_loss(output(encoder(known))[:, 0], wanted)

        model = nn.ModuleList([encoder, output])
        fit(model, loss, self._optimisation, seed=seed, description="regression")
        return encoder, output.weight[0].detach().double().numpy(), float(output.bias.detach())
