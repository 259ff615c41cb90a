"""Running an encoder over many graphs, once per distinct function."""

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from contrastive_nas.graphs.schema import IntArray
from contrastive_nas.progress import progress
from contrastive_nas.ranking.encoder.encoder import Encoder, EncoderInput
from contrastive_nas.ranking.graph_source import GraphSource, one_per_function

_GRAPHS_AT_ONCE = 512


def embed(encoder: Encoder, source: GraphSource, rows: IntArray | None = None) -> NDArray[np.float32]:
    """Return embeddings of the graphs at ``rows`` (all by default), one row each.

    Graphs of one function are computed once and get the same bits.
    """
    return _run(encoder, encoder, encoder.parameters_.embedding, source, rows)


def describe(encoder: Encoder, source: GraphSource, rows: IntArray | None = None) -> NDArray[np.float32]:
    """Return what graphs at ``rows`` (all by default) are compared by: see :meth:`Encoder.describe`.

    Graphs of one function are computed once and get the same bits.
    """
    return _run(encoder, encoder.describe, encoder.described, source, rows)


def prepare(encoder: Encoder, source: GraphSource, rows: IntArray) -> EncoderInput:
    """Return the graphs at ``rows``, made ready for ``encoder``."""
    statistics = source.statistics_of(rows) if encoder.statistics else None
    return encoder.prepare(source.batch(rows), statistics)


def _run(
    encoder: Encoder,
    compute: Callable[[EncoderInput], Tensor],
    columns: int,
    source: GraphSource,
    rows: IntArray | None,
) -> NDArray[np.float32]:
    first, places = one_per_function(source, np.arange(len(source)) if rows is None else rows)
    encoder.eval()
    with torch.inference_mode():
        parts = [
            compute(prepare(encoder, source, first[start : start + _GRAPHS_AT_ONCE])).cpu().numpy()
            for start in progress(range(0, len(first), _GRAPHS_AT_ONCE), f"encoding {len(first)} networks")
        ]
    values: NDArray[np.float32] = np.concatenate([np.zeros((0, columns), np.float32), *parts])[places]
    return values
