"""Regression on the encoder: what is left of the method without comparisons and without a kernel."""

import copy
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor, nn

from contrastive_nas.graphs.schema import IntArray
from contrastive_nas.ranking.base import Floats, GraphSource
from contrastive_nas.ranking.encoder.embedding import prepare, run_model
from contrastive_nas.ranking.encoder.encoder import Encoder
from contrastive_nas.ranking.encoder.loop import fit
from contrastive_nas.ranking.encoder.pretrained import PretrainedEncoders
from contrastive_nas.ranking.parameters import Optimisation
from contrastive_nas.ranking.quantiles import normal_quantiles


@dataclass
class RegressionRanker:
    """The pretrained encoder with a linear layer, both trained by squared error on normal quantiles.

    Attributes:
        encoders: pretrained when a source is first seen; copies of them are trained on.
        optimisation: of the fit; every step takes all labels.
    """

    encoders: PretrainedEncoders
    optimisation: Optimisation = field(default_factory=lambda: Optimisation(steps=150))
    _encoder: Encoder | None = field(default=None, init=False)
    _weights: Floats = field(default_factory=lambda: np.zeros(0), init=False)

    def fit(self, source: GraphSource, labelled: IntArray, labels: Floats, seed: int) -> None:
        """Pretrains for a source not seen before, then learns from the labels."""
        encoder = copy.deepcopy(self.encoders.encoder(source))
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            output = nn.Linear(encoder.parameters_.embedding, 1)
        graphs = prepare(encoder, source, labelled)
        targets = torch.tensor(normal_quantiles(labels), dtype=torch.float32)

        def loss(step: int) -> Tensor:
            return nn.functional.mse_loss(output(encoder(graphs))[:, 0], targets)

        model = nn.ModuleList([encoder, output])
        fit(model, loss, self.optimisation, seed=seed, description="regression")
        self._encoder, self._weights = encoder, output.weight[0].detach().double().numpy()

    def scores(self, source: GraphSource, indices: IntArray) -> Floats:
        """Predicted normal quantiles, up to a constant."""
        assert self._encoder is not None, "fit comes first"
        return run_model(self._encoder, source, indices).astype(np.float64) @ self._weights
