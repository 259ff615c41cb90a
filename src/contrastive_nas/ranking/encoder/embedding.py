"""Running a model over many graphs, once per distinct function."""

from collections.abc import Callable

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor

from contrastive_nas.graphs.schema import IntArray
from contrastive_nas.progress import progress
from contrastive_nas.ranking.base import GraphSource
from contrastive_nas.ranking.comparator.comparator import Comparator
from contrastive_nas.ranking.encoder.encoder import Encoder, EncoderInput

_GRAPHS_AT_ONCE = 512


def run_model(
    model: Encoder | Comparator, source: GraphSource, indices: IntArray | None = None
) -> NDArray[np.float32]:
    """What ``model`` gives for the graphs at ``indices`` (all by default), one row each.

    Graphs of one function are computed once and get the same bits.
    """
    return _run(model, model, source, indices)


def describe(encoder: Encoder, source: GraphSource, indices: IntArray | None = None) -> NDArray[np.float32]:
    """What graphs at ``indices`` (all by default) are compared by: see :meth:`Encoder.describe`.

    Graphs of one function are computed once and get the same bits.
    """
    return _run(encoder, encoder.describe, source, indices)


def _run(
    model: Encoder | Comparator,
    compute: Callable[[EncoderInput], Tensor],
    source: GraphSource,
    indices: IntArray | None,
) -> NDArray[np.float32]:
    first, rows = one_per_function(source, np.arange(len(source)) if indices is None else indices)
    model.eval()
    with torch.inference_mode():
        parts = [
            compute(prepare(model, source, first[start : start + _GRAPHS_AT_ONCE])).cpu().numpy()
            for start in progress(range(0, len(first), _GRAPHS_AT_ONCE), f"encoding {len(first)} networks")
        ]
    empty = np.zeros((0,), np.float32)
    values: NDArray[np.float32] = np.concatenate(parts)[rows] if parts else empty
    return values


def one_per_function(source: GraphSource, indices: IntArray) -> tuple[IntArray, IntArray]:
    """What to compute, and how to hand it out: ``values[first]`` computed, ``computed[rows]`` given.

    Returns:
        ``first``, for each distinct function the graph among ``indices`` that comes first; ``rows``, for each
        of ``indices`` the place of its function in ``first``.
    """
    indices = np.asarray(indices, dtype=np.int64)
    rows, distinct = pd.factorize(np.asarray(source.function_ids)[indices])
    first = np.full(len(distinct), -1, dtype=np.int64)
    first[rows[::-1]] = indices[::-1]
    return first, rows


def prepare(model: Encoder | Comparator, source: GraphSource, indices: IntArray) -> EncoderInput:
    """The graphs at ``indices``, made ready for ``model``."""
    encoder = model.encoder if isinstance(model, Comparator) else model
    statistics = source.statistics_of(indices) if encoder.statistics else None
    return encoder.prepare(source.batch(indices), statistics)
