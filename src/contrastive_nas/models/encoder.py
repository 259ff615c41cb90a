"""The graph encoder: computation graphs to vectors."""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from contrastive_nas.errors import InputError
from contrastive_nas.graphs.operations import Operation
from contrastive_nas.graphs.schema import FEATURE_COUNT, GraphBatch
from contrastive_nas.models.message_passing import SparseProduct, scaled_rows
from contrastive_nas.models.neighbourhoods import find_neighbourhoods, sketch
from contrastive_nas.models.parameters import EncoderParameters

# Radii 0 and 1.
SKETCHES = 2
SKETCH_WIDTH = 256
_OPERATIONS = 128
_SIZES = FEATURE_COUNT - 1
# Logarithms of sizes reach about 8; divided by this they are of order one.
_LOG_SCALE = 4.0


@dataclass(frozen=True)
class _Round:
    own: Tensor
    sources: SparseProduct
    targets: SparseProduct


@dataclass(frozen=True)
class EncoderInput:
    """A batch of graphs made ready for an encoder: done once, used in every training step.

    Attributes:
        operations: int64, types: operation of each distinct node type.
        sizes: types x sizes: logarithms of all other node features.
        types: int64, radius-0 neighbourhoods: node type of each.
        degrees: radius-0 neighbourhoods x 2: logarithms of in-degree and out-degree.
        rounds: messages of each round over distinct neighbourhoods.
        pools: per radius, mean over the nodes of each graph.
        statistics: graphs x statistics, unscaled.
        sketches: graphs x columns: which nodes, and which neighbourhoods of radius 1, a graph has, and how
            many; ``SKETCH_WIDTH`` columns for each radius.
    """

    operations: Tensor
    sizes: Tensor
    types: Tensor
    degrees: Tensor
    rounds: list[_Round]
    pools: list[SparseProduct]
    statistics: Tensor
    sketches: Tensor

    def __len__(self) -> int:
        return len(self.statistics)


class Encoder(nn.Module):
    """h = f(G): node types are embedded, messages go along and against the data flow, nodes are pooled.

    With mean(.) over neighbours, x_v = embed(op, log sizes) + degrees, each round does
    x_v <- norm(x_v + relu(W x_v + U mean(x_u, u feeds v) + V mean(x_u, v feeds u))).
    A graph is the mean and the standard deviation of its nodes after every round, with its statistics,
    through a two-layer perceptron.

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
        self.messages = nn.ModuleList(nn.Linear(3 * width, width) for _ in range(parameters.rounds))
        self.norms = nn.ModuleList(nn.LayerNorm(width) for _ in range(parameters.rounds))
        self.register_buffer("statistics_mean", torch.zeros(statistics))
        self.register_buffer("statistics_scale", torch.ones(statistics))
        pooled = 2 * width * (parameters.rounds + 1)
        self.readout = nn.Sequential(
            nn.Linear(pooled + statistics, 2 * parameters.embedding),
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
        """Takes mean and spread of the global features (graphs x statistics) of unlabelled graphs."""
        values = torch.as_tensor(statistics, dtype=torch.float32, device=self.device)
        self.statistics_mean = values.mean(0)
        spread = values.std(0, correction=0)
        self.statistics_scale = torch.where(spread > 1e-6, spread, torch.ones_like(spread))

    def prepare(self, batch: GraphBatch, statistics: NDArray[np.floating] | None = None) -> EncoderInput:
        """Makes a batch ready for :meth:`forward`.

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
        engine, device = self.parameters_.engine, self.device
        rounds = self.parameters_.rounds
        found = find_neighbourhoods(batch, max(rounds, SKETCHES - 1))
        sketches = [
            sketch(members, names, SKETCH_WIDTH)
            for members, names in zip(found.members[:SKETCHES], found.names, strict=False)
        ]
        kinds, types = np.unique(found.types, return_inverse=True)
        features = batch.node_types[kinds]
        operations = np.where(features[:, 0] < _OPERATIONS, features[:, 0], int(Operation.UNKNOWN))
        return EncoderInput(
            operations=torch.as_tensor(operations, dtype=torch.int64, device=device),
            sizes=_logarithms(features[:, 1:], device),
            types=torch.as_tensor(types, device=device),
            degrees=_logarithms(found.degrees, device),
            rounds=[
                _Round(
                    torch.as_tensor(step.own, device=device),
                    SparseProduct(step.sources, engine, device),
                    SparseProduct(step.targets, engine, device),
                )
                for step in found.rounds[:rounds]
            ],
            pools=[
                SparseProduct(scaled_rows(members), engine, device) for members in found.members[: rounds + 1]
            ],
            statistics=torch.as_tensor(values, device=device),
            sketches=torch.as_tensor(np.concatenate(sketches, axis=1), device=device),
        )

    @property
    def described(self) -> int:
        """Number of columns that :meth:`describe` gives."""
        return self.statistics + SKETCHES * SKETCH_WIDTH + self.parameters_.embedding

    def describe(self, graphs: EncoderInput) -> Tensor:
        """All that is known of graphs, side by side: statistics (unscaled), sketches, embedding."""
        return torch.cat([graphs.statistics, graphs.sketches, self(graphs)], 1)

    def forward(self, graphs: EncoderInput) -> Tensor:
        """Embeddings, graphs x ``embedding``."""
        types = self.operation(graphs.operations) + self.size(graphs.sizes)
        nodes = types[graphs.types] + self.degree(graphs.degrees)
        pooled = [_mean_and_spread(graphs.pools[0], nodes)]
        for step, message, norm, pool in zip(
            graphs.rounds, self.messages, self.norms, graphs.pools[1:], strict=True
        ):
            own = nodes[step.own]
            inputs = torch.cat([own, step.sources @ nodes, step.targets @ nodes], 1)
            nodes = norm(own + torch.relu(message(inputs)))
            pooled.append(_mean_and_spread(pool, nodes))
        statistics = (graphs.statistics - self.statistics_mean) / self.statistics_scale
        # Beyond a few deviations a statistic of an unseen space would drown everything else.
        embeddings: Tensor = self.readout(torch.cat([*pooled, statistics.clamp(-5, 5)], 1))
        return embeddings


def _logarithms(values: NDArray[np.integer], device: torch.device) -> Tensor:
    return torch.as_tensor(np.log1p(values.astype(np.float32)) / _LOG_SCALE, device=device)


def _mean_and_spread(pool: SparseProduct, nodes: Tensor) -> Tensor:
    width = nodes.shape[1]
    moments = pool @ torch.cat([nodes, nodes.square()], 1)
    mean = moments[:, :width]
    # The floor keeps the derivative of the root finite for graphs whose nodes are all alike.
    spread = (moments[:, width:] - mean.square()).clamp_min(1e-6).sqrt()
    return torch.cat([mean, spread], 1)
