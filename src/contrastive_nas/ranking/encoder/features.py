"""What an encoder says of the networks of a graph source, said once for each function."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from contrastive_nas.graphs.schema import IntArray
from contrastive_nas.ranking.encoder.embedding import describe
from contrastive_nas.ranking.encoder.encoder import Encoder
from contrastive_nas.ranking.encoder.pretraining import pretrain
from contrastive_nas.ranking.encoder.weights import load_encoder
from contrastive_nas.ranking.graph_source import GraphSource, PerFunction
from contrastive_nas.ranking.parameters import PretrainParameters

RELEASED_ENCODER = Path(__file__).parents[2] / "pretrained" / "encoder.safetensors"
# Of pretraining on a source's own graphs, so that rankers that differ in their seed share an encoder.
_SEED = 0


class EncoderFeatures:
    """Features of the graphs of one source at a time; several rankers may share them.

    Args:
        encoder: describes graphs; parameters of a pretraining, which reads the graphs of every new source and
            no label; by default the encoder that comes with the package.
    """

    def __init__(self, encoder: Encoder | PretrainParameters | None = None) -> None:
        self._given = encoder
        self._source: GraphSource | None = None

    def see(self, source: GraphSource) -> None:
        """Turn to a source; what is known of it stays as long as no other one is seen."""
        if source is self._source:
            return
        self._source = source
        self.shown = len(source)
        self.encoder = self._encoder(source)
        self._features = PerFunction(source, lambda rows: describe(self.encoder, source, rows))

    def __call__(self, rows: IntArray) -> NDArray[np.float64]:
        """Graphs at ``rows`` of the source that was seen last x columns, see :meth:`Encoder.describe`."""
        found: NDArray[np.float64] = self._features(rows).astype(np.float64)
        return found

    def reference(self, count: int, seed: int) -> IntArray:
        """Return at most so many random rows of those that the source had when it was seen first."""
        rng = np.random.default_rng(seed)
        return rng.choice(self.shown, size=min(count, self.shown), replace=False)

    def _encoder(self, source: GraphSource) -> Encoder:
        if isinstance(self._given, PretrainParameters):
            return pretrain(source, self._given, seed=_SEED)[0]
        return load_encoder(RELEASED_ENCODER) if self._given is None else self._given
