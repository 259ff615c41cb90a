"""The pretrained encoder of a source of graphs, shared by everything that ranks by it."""

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from contrastive_nas.graphs.schema import IntArray
from contrastive_nas.ranking.base import GraphSource
from contrastive_nas.ranking.comparator.comparator import Comparator
from contrastive_nas.ranking.comparator.training import features
from contrastive_nas.ranking.encoder.embedding import one_per_function
from contrastive_nas.ranking.encoder.encoder import Encoder
from contrastive_nas.ranking.encoder.pretraining import pretrain
from contrastive_nas.ranking.parameters import PretrainParameters
from contrastive_nas.ranking.weights import load_encoder

RELEASED_ENCODER = Path(__file__).parents[2] / "pretrained" / "encoder.safetensors"
_SEED = 0


class PretrainedEncoders:
    """Pretrains when a source is first seen, whatever labels follow, and keeps what that gave.

    Only what belongs to the source that was asked for last is kept.

    Args:
        parameters: of the pretraining, which reads the graphs of the source and no label; without them every
            source gets the encoder that comes with the package, which was pretrained on several spaces.
    """

    def __init__(self, parameters: PretrainParameters | None = None) -> None:
        self._parameters = parameters
        self._source: GraphSource | None = None
        self._encoder: Encoder | None = None
        self._features: NDArray[np.float64] | None = None

    def encoder(self, source: GraphSource) -> Encoder:
        """The encoder pretrained on ``source``; not to be changed."""
        if self._encoder is None or source is not self._source:
            self._source, self._features = source, None
            self._encoder = (
                pretrain(source, self._parameters, seed=_SEED)[0]
                if self._parameters
                else load_encoder(RELEASED_ENCODER)
            )
        return self._encoder

    def features(self, source: GraphSource, rows: IntArray) -> NDArray[np.float64]:
        """What the graphs at ``rows`` are compared by, unscaled."""
        encoder = self.encoder(source)
        if self._features is None or len(self._features) != len(source):
            self._features = features(encoder, source, np.arange(len(source)))
        return self._features[rows]

    def scores(self, comparator: Comparator, source: GraphSource, rows: IntArray) -> NDArray[np.float64]:
        """Scores of the graphs at ``rows`` by a comparator on this encoder; the same for one function."""
        first, places = one_per_function(source, rows)
        values = torch.tensor(
            self.features(source, first), dtype=torch.float32, device=comparator.weights.device
        )
        with torch.inference_mode():
            found = comparator.score(values).cpu().numpy()
        scores: NDArray[np.float64] = found.astype(np.float64)[places]
        return scores
