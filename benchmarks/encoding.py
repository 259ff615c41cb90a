"""How fast networks are encoded, compared and ranked.

    python benchmarks/encoding.py --graphs 15625 --threads 2 --output results.csv

Times the encoder at the size of GENNAPE's released predictor (six rounds, width 32) beside that network in
plain torch, and in PyTorch Geometric where it is installed, on the same full NAS-Bench-201 graphs, batching
included; then sketches and embeddings of the default size for the whole space (graphs and statistics being
there), a fit with 156 labels, the ranking of 423,624 encoded networks, and pretraining.
"""

import argparse
import csv
import os
import platform
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from contrastive_nas.files import atomic_path
from contrastive_nas.graphs.schema import FEATURE_COUNT, GraphBatch, IntArray
from contrastive_nas.ranking.comparator.training import train_comparator
from contrastive_nas.ranking.encoder.embedding import describe
from contrastive_nas.ranking.encoder.encoder import Encoder
from contrastive_nas.ranking.encoder.features import EncoderFeatures
from contrastive_nas.ranking.encoder.pretraining import pretrain
from contrastive_nas.ranking.graph_source import SpaceSource
from contrastive_nas.ranking.parameters import CompareParameters, EncoderParameters, PretrainParameters
from contrastive_nas.spaces import load_space

WIDTH, ROUNDS = 32, 6
RANKED = 423_624
LABELS = 156


def main() -> None:
    arguments = parse_arguments()
    torch.set_num_threads(arguments.threads)
    torch.manual_seed(0)
    space = load_space("nasbench201")
    names = [name for _, name in zip(range(arguments.graphs), space.enumerate(), strict=False)]
    graphs = space.graphs(names)
    order = np.random.default_rng(0).permutation(len(graphs))[: arguments.timed]
    print(f"{len(graphs)} networks, {len(graphs.type_ids) / len(graphs):.0f} nodes on average")

    models: dict[str, nn.Module] = {}
    for engine in ("torch", "dgl"):
        encoder = Encoder(EncoderParameters(width=WIDTH, rounds=ROUNDS, embedding=WIDTH, engine=engine))
        models[f"ours ({engine})"] = Encoding(encoder, graphs)
    models |= peers(graphs)
    rows = [
        {"what": f"{mode}, batch {size}", "model": name, "value": speed, "unit": "graphs per second"}
        for mode, size in (("training", 32), ("inference", 256))
        for name, speed in compare(models, order, size, training=mode == "training").items()
    ]

    source = SpaceSource(space)
    everything = source.rows(names)
    encoder = Encoder(EncoderParameters(), source.statistics.shape[1])
    encoder.fit_statistics(source.statistics)
    seconds, _ = timed(lambda: describe(encoder, source, everything))
    rows.append({"what": f"encode {len(names)}", "model": "ours", "value": seconds, "unit": "s"})
    labelled = np.sort(order[:LABELS])
    labels = source.statistics[labelled, 0] + np.random.default_rng(0).normal(size=len(labelled))
    seconds, comparator = timed(
        lambda: train_comparator(
            EncoderFeatures(encoder), source, labelled, labels, CompareParameters(), seed=0
        )
    )
    rows.append({"what": f"fit {LABELS} labels", "model": "ours", "value": seconds, "unit": "s"})
    encoded = torch.randn(RANKED, encoder.described)
    with torch.inference_mode():
        seconds, _ = timed(lambda: torch.argsort(comparator.score(encoded)))
    rows.append({"what": f"rank {RANKED} encoded", "model": "ours", "value": seconds, "unit": "s"})
    seconds, _ = timed(lambda: pretrain(source, PretrainParameters(), seed=0))
    rows.append({"what": "pretrain", "model": "ours", "value": seconds, "unit": "s"})
    report(rows, arguments.output)


def parse_arguments() -> argparse.Namespace:
    formatter = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=formatter)
    parser.add_argument("--graphs", type=int, default=15_625)
    parser.add_argument("--timed", type=int, default=2048, help="graphs per pass of the comparison")
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--output", type=Path)
    return parser.parse_args()


class Encoding(nn.Module):
    """The encoder with all that it does to put a batch together."""

    def __init__(self, encoder: Encoder, graphs: GraphBatch) -> None:
        super().__init__()
        self.encoder = encoder
        self.graphs = graphs

    def forward(self, rows: IntArray) -> Tensor:
        embeddings: Tensor = self.encoder(self.encoder.prepare(self.graphs.take(rows)))
        return embeddings


class GraphConvolution(nn.Module):
    """x_v <- W1 x_v + W2 sum of x_u over edges u to v, by gather and scatter as PyTorch Geometric does it."""

    def __init__(self) -> None:
        super().__init__()
        self.neighbours, self.root = nn.Linear(WIDTH, WIDTH), nn.Linear(WIDTH, WIDTH, bias=False)

    def forward(self, nodes: Tensor, edges: Tensor) -> Tensor:
        sums = torch.zeros_like(nodes).index_add(0, edges[1], nodes.index_select(0, edges[0]))
        result: Tensor = self.neighbours(sums) + self.root(nodes)
        return result


class Peer(nn.Module):
    """Six GraphConv layers of width 32 with mean pooling, as in GENNAPE's released predictor.

    Args:
        convolution: makes a layer that is called with nodes and edges.
        join: puts the graphs at some rows together: node features, edges and the graph of every node.
    """

    def __init__(
        self,
        convolution: Callable[[], nn.Module],
        join: Callable[[IntArray], tuple[Tensor, Tensor, Tensor]],
    ) -> None:
        super().__init__()
        self.join = join
        self.inputs = nn.Linear(FEATURE_COUNT, WIDTH)
        self.layers = nn.ModuleList(convolution() for _ in range(ROUNDS))
        self.output = nn.Linear(WIDTH, WIDTH)

    def forward(self, rows: IntArray) -> Tensor:
        features, edges, graph_ids = self.join(rows)
        nodes = self.inputs(features)
        for layer in self.layers:
            nodes = torch.relu(layer(nodes, edges))
        sums = torch.zeros(len(rows), WIDTH).index_add(0, graph_ids, nodes)
        counts = torch.bincount(graph_ids, minlength=len(rows)).unsqueeze(1)
        result: Tensor = self.output(sums / counts)
        return result


def peers(graphs: GraphBatch) -> dict[str, nn.Module]:
    """The peer in plain torch, and in PyTorch Geometric where it is installed.

    Node features are ready before; what is timed is putting a batch together and the network.
    """
    features = [torch.from_numpy(np.log1p(graph.features.astype(np.float32))) for graph in graphs]

    def joined(rows: IntArray) -> tuple[Tensor, Tensor, Tensor]:
        batch = graphs.take(rows)
        nodes = torch.cat([features[row] for row in rows])
        return nodes, torch.from_numpy(batch.edges), torch.from_numpy(batch.graph_ids)

    found: dict[str, nn.Module] = {"GraphConv (gather, scatter)": Peer(GraphConvolution, joined)}
    try:
        from torch_geometric.data import Batch, Data
        from torch_geometric.nn import GraphConv
    except ImportError:
        return found
    items = [
        Data(x=rows, edge_index=torch.from_numpy(graph.edges.astype(np.int64)))
        for rows, graph in zip(features, graphs, strict=True)
    ]

    def collated(rows: IntArray) -> tuple[Tensor, Tensor, Tensor]:
        together = Batch.from_data_list([items[row] for row in rows])
        return together.x, together.edge_index, together.batch

    return {**found, "PyTorch Geometric": Peer(lambda: GraphConv(WIDTH, WIDTH), collated)}


def compare(models: dict[str, nn.Module], order: IntArray, size: int, *, training: bool) -> dict[str, float]:
    """Graphs per second; models take turns, so that other load hits all alike."""
    seconds = dict.fromkeys(models, 0.0)
    for number, rows in enumerate(batches(order, size)):
        for name, model in models.items():
            model.train(training)
            taken, _ = timed(lambda model=model, rows=rows: one_step(model, rows, training))
            # The first batch warms up.
            seconds[name] += taken if number else 0.0
    done = len(order) - min(size, len(order))
    return {name: done / taken for name, taken in seconds.items()}


def batches(order: IntArray, size: int) -> Iterator[IntArray]:
    for start in range(0, len(order), size):
        yield order[start : start + size]


def one_step(model: nn.Module, rows: IntArray, training: bool) -> None:
    with torch.set_grad_enabled(training):
        result = model(rows)
    if training:
        result.square().mean().backward()


def timed(work: Callable[[], Any]) -> tuple[float, Any]:
    start = time.perf_counter()
    result = work()
    return time.perf_counter() - start, result


def report(rows: list[dict[str, Any]], output: Path | None) -> None:
    for row in rows:
        print(f"{row['what']:24} {row['model']:28} {row['value']:12,.2f} {row['unit']}")
    if output is None:
        return
    columns = ["what", "model", "value", "unit", "hardware", "versions"]
    hardware = f"{platform.machine()}, {torch.get_num_threads()} threads"
    versions = f"Python {platform.python_version()}, torch {torch.__version__}"
    with atomic_path(output) as partial, partial.open("w", newline="") as stream:
        writer = csv.DictWriter(stream, columns)
        writer.writeheader()
        writer.writerows({**row, "hardware": hardware, "versions": versions} for row in rows)


if __name__ == "__main__":
    main()
