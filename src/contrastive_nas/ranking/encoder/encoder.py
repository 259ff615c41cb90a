"""The graph encoder: computation graphs to vectors."""

from dataclasses import dataclass
from functools import cached_property
from itertools import cycle

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.sparse import csr_matrix
from torch import Tensor, nn

from contrastive_nas.errors import InputError
from contrastive_nas.graphs.layers import find_layers
from contrastive_nas.graphs.operations import Operation
from contrastive_nas.graphs.schema import FEATURE_COUNT, GraphBatch
from contrastive_nas.ranking.encoder.message_passing import SparseProduct, sparse_rows
from contrastive_nas.ranking.encoder.neighbourhoods import find_neighbourhoods, sketch
from contrastive_nas.ranking.parameters import EncoderParameters

# Radii 0 and 1.
SKETCHES = 2
SKETCH_WIDTH = 256
_OPERATIONS = 128
_SIZES = FEATURE_COUNT - 1
# Logarithms of sizes reach about 8; divided by this they are of order one.
_LOG_SCALE = 4.0


@dataclass(frozen=True)
class EncoderInput:
    """A batch of graphs made ready for an encoder: done once, used in every training step.

    Attributes:
        batch: the graphs.
        operations: int64, types: operation of each distinct node type.
        sizes: types x sizes: logarithms of all other node features.
        degrees: layers x 2: logarithms of in-degree and out-degree.
        composition: layers x types: how many nodes of each type a layer has.
        along: layers x layers: each layer plus the mean over those that feed it.
        against: layers x layers: each layer plus the mean over those that it feeds.
        members: graphs x layers: the mean over the layers of each graph.
        statistics: graphs x statistics, unscaled.
    """

    batch: GraphBatch
    operations: Tensor
    sizes: Tensor
    degrees: Tensor
    composition: SparseProduct
    along: SparseProduct
    against: SparseProduct
    members: SparseProduct
    statistics: Tensor

    def __len__(self) -> int:
        return len(self.statistics)

    @cached_property
    def sketches(self) -> Tensor:
        """graphs x columns: which nodes, and which neighbourhoods of radius 1, a graph has, and how many.

        ``SKETCH_WIDTH`` columns for each radius.
        """
        found = find_neighbourhoods(self.batch, SKETCHES - 1)
        pairs = zip(found.members, found.names, strict=True)
        values = np.concatenate([sketch(*pair, SKETCH_WIDTH) for pair in pairs], axis=1)
        return torch.as_tensor(values, device=self.statistics.device)


class Encoder(nn.Module):
    """h = f(G): layers are embedded, messages go along and against the data flow in turn, layers are pooled.

    A layer v (:mod:`contrastive_nas.graphs.layers`) starts as x_v = sum of embed(op, log sizes) over its
    nodes + degrees. Each round does x_v <- relu(W (x_v + mean(x_u))) over the layers u that feed v, in every
    other round over those that v feeds. A graph is the mean of its layers before and after all rounds, with
    its statistics, through a two-layer perceptron.

    Args:
        parameters: size and engine.
        statistics: number of global features per graph, 0 for none.
    """

    statistics_mean: Tensor
    statistics_scale: Tensor

    def __init__(self, parameters: EncoderParameters, statistics: int = 0) -> None:
        super().__init__()
        self.parameters_ = parameters
        width = parameters.width
        self.operation = nn.Embedding(_OPERATIONS, width)
        self.size = nn.Sequential(nn.Linear(_SIZES, width), nn.ReLU(), nn.Linear(width, width))
        self.degree = nn.Linear(2, width)
        self.messages = nn.ModuleList(_message(width) for _ in range(parameters.rounds))
        self.register_buffer("statistics_mean", torch.zeros(statistics))
        self.register_buffer("statistics_scale", torch.ones(statistics))
        self.readout = nn.Sequential(
            nn.Linear(2 * width + statistics, 2 * parameters.embedding),
            nn.ReLU(),
            nn.Dropout(parameters.dropout),
            nn.Linear(2 * parameters.embedding, parameters.embedding),
        )

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        return self.statistics_mean.device

    @property
    def statistics(self) -> int:
        """Number of global features per graph that the encoder reads."""
        return len(self.statistics_mean)

    def fit_statistics(self, statistics: NDArray[np.floating]) -> None:
        """Take mean and spread of the global features (graphs x statistics) of unlabelled graphs."""
        values = torch.as_tensor(statistics, dtype=torch.float32, device=self.device)
        self.statistics_mean = values.mean(0)
        spread = values.std(0, correction=0)
        self.statistics_scale = torch.where(spread > 1e-6, spread, torch.ones_like(spread))

    def prepare(self, batch: GraphBatch, statistics: NDArray[np.floating] | None = None) -> EncoderInput:
        """Make a batch ready for :meth:`forward`.

        Args:
            batch: graphs.
            statistics: graphs x statistics; may be left out by an encoder that reads none.

        Raises:
            InputError: the number of statistics is not the encoder's.
        """
        values = (
            np.zeros((len(batch), 0), np.float32)
            if statistics is None
            else np.asarray(statistics, np.float32)
        )
        if values.shape != (len(batch), self.statistics):
            raise InputError(
                f"{values.shape} statistics for {len(batch)} graphs: the encoder reads {self.statistics} each"
            )
        layers = find_layers(batch)
        used = np.bincount(batch.type_ids, minlength=len(batch.node_types)) > 0
        types, features = (np.cumsum(used) - 1)[batch.type_ids], batch.node_types[used, :FEATURE_COUNT]
        operations = np.where(features[:, 0] < _OPERATIONS, features[:, 0], int(Operation.UNKNOWN))
        degrees = np.stack([np.bincount(ends, minlength=len(layers)) for ends in layers.edges[::-1]], axis=1)
        composition = sparse_rows(layers.of_nodes, types, np.ones(len(types)), (len(layers), len(features)))
        return EncoderInput(
            batch=batch,
            operations=torch.as_tensor(operations, dtype=torch.int64, device=self.device),
            sizes=_logarithms(features[:, 1:], self.device),
            degrees=_logarithms(degrees, self.device),
            composition=self._product(composition),
            along=self._product(_with_neighbours(layers.edges, degrees[:, 0])),
            against=self._product(_with_neighbours(layers.edges[::-1], degrees[:, 1])),
            members=self._product(_mean_of_members(layers.graph_ids, len(batch))),
            statistics=torch.as_tensor(values, device=self.device),
        )

    def _product(self, matrix: csr_matrix) -> SparseProduct:
        return SparseProduct(matrix, self.parameters_.engine, self.device)

    @property
    def described(self) -> int:
        """Number of columns that :meth:`describe` gives."""
        return self.statistics + SKETCHES * SKETCH_WIDTH + self.parameters_.embedding

    def describe(self, graphs: EncoderInput) -> Tensor:
        """Return all that is known of graphs, side by side: statistics (unscaled), sketches, embedding."""
        return torch.cat([graphs.statistics, graphs.sketches, self(graphs)], 1)

    def forward(self, graphs: EncoderInput) -> Tensor:
        """Return embeddings, graphs x ``embedding``."""
        types = self.operation(graphs.operations) + self.size(graphs.sizes)
        layers = graphs.composition @ types + self.degree(graphs.degrees)
        pooled = [graphs.members @ layers]
        for message, neighbours in zip(self.messages, cycle((graphs.along, graphs.against)), strict=False):
            layers = message(neighbours @ layers).relu_()
        pooled.append(graphs.members @ layers)
        statistics = (graphs.statistics - self.statistics_mean) / self.statistics_scale
        # Beyond a few deviations a statistic of an unseen space would drown everything else.
        embeddings: Tensor = self.readout(torch.cat([*pooled, statistics.clamp(-5, 5)], 1))
        return embeddings


def _message(width: int) -> nn.Linear:
    layer = nn.Linear(width, width)
    # torch's own start would shrink what passes through many rounds to nothing.
    nn.init.kaiming_uniform_(layer.weight, nonlinearity="relu")
    return layer


def _logarithms(values: NDArray[np.integer], device: torch.device) -> Tensor:
    return torch.as_tensor(np.log1p(values.astype(np.float32)) / _LOG_SCALE, device=device)


def _with_neighbours(edges: NDArray[np.int64], degrees: NDArray[np.int64]) -> csr_matrix:
    """Every layer plus the mean over its senders, of which it has ``degrees``; ``edges`` lead from them."""
    senders, receivers = edges
    itself = np.arange(len(degrees))
    return sparse_rows(
        np.concatenate([itself, receivers]),
        np.concatenate([itself, senders]),
        np.concatenate([np.ones(len(itself)), 1 / degrees[receivers]]),
        (len(degrees), len(degrees)),
    )


def _mean_of_members(graph_ids: NDArray[np.int64], graphs: int) -> csr_matrix:
    """Per graph the mean over its layers."""
    shares = 1 / np.bincount(graph_ids, minlength=graphs)[graph_ids]
    return sparse_rows(graph_ids, np.arange(len(graph_ids)), shares, (graphs, len(graph_ids)))
