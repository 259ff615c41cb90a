"""How fast networks are encoded, compared and ranked.

    python benchmarks/encoding.py --graphs 15625 --threads 2 --output results.csv

Times the encoder at the size of GENNAPE's released predictor (six rounds, width 32) beside that network in
PyTorch Geometric, where it is installed, on the same full NAS-Bench-201 graphs, batching included; then the
encoder at its default size over all networks, a fit with 156 labels, and the ranking of 423,624 encoded
networks.
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
from contrastive_nas.graphs.schema import GraphBatch, IntArray
from contrastive_nas.learning.comparison import train_comparator
from contrastive_nas.learning.embedding import run_model
from contrastive_nas.learning.parameters import CompareParameters
from contrastive_nas.learning.space_source import SpaceSource
from contrastive_nas.models.encoder import Encoder
from contrastive_nas.models.parameters import EncoderParameters
from contrastive_nas.spaces import load_space

SMALL = {"width": 32, "rounds": 6, "embedding": 32}
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

    models: dict[str, Callable[[GraphBatch], Tensor]] = {}
    for engine in ("torch", "dgl"):
        encoder = Encoder(EncoderParameters(**SMALL, engine=engine))
        models[f"ours ({engine})"] = Encoding(encoder)
    if (peer := peer_network()) is not None:
        models["PyTorch Geometric"] = peer
    rows = [
        {"what": f"{mode}, batch {size}", "model": name, "value": speed, "unit": "graphs per second"}
        for mode, size in (("training", 32), ("inference", 256))
        for name, speed in compare(models, graphs, order, size, training=mode == "training").items()
    ]

    source = SpaceSource(space)
    everything = source.rows(names)
    encoder = Encoder(EncoderParameters(), source.statistics.shape[1])
    encoder.fit_statistics(source.statistics)
    seconds, _ = timed(lambda: run_model(encoder, source, everything))
    rows.append({"what": f"encode {len(names)}", "model": "ours", "value": seconds, "unit": "s"})
    labelled = np.sort(order[:LABELS])
    labels = source.statistics[labelled, 0] + np.random.default_rng(0).normal(size=len(labelled))
    seconds, comparator = timed(
        lambda: train_comparator(encoder, source, labelled, labels, CompareParameters(), seed=0)
    )
    rows.append({"what": f"fit {LABELS} labels", "model": "ours", "value": seconds, "unit": "s"})
    encoded = torch.randn(RANKED, encoder.statistics + encoder.parameters_.embedding)
    with torch.inference_mode():
        seconds, _ = timed(lambda: torch.argsort(comparator.score(encoded)))
    rows.append({"what": f"rank {RANKED} encoded", "model": "ours", "value": seconds, "unit": "s"})
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
    """The encoder with what it does to a batch before."""

    def __init__(self, encoder: Encoder) -> None:
        super().__init__()
        self.encoder = encoder

    def forward(self, batch: GraphBatch) -> Tensor:
        embeddings: Tensor = self.encoder(self.encoder.prepare(batch))
        return embeddings


def peer_network() -> nn.Module | None:
    """Six GraphConv layers of width 32 with mean pooling, as in GENNAPE's released predictor."""
    try:
        from torch_geometric.data import Batch, Data
        from torch_geometric.nn import GraphConv, global_mean_pool
    except ImportError:
        return None

    class Peer(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inputs = nn.Linear(20, 32)
            self.layers = nn.ModuleList(GraphConv(32, 32) for _ in range(6))
            self.output = nn.Linear(32, 32)

        def forward(self, batch: GraphBatch) -> Tensor:
            items = [
                Data(
                    x=torch.from_numpy(np.log1p(graph.features.astype(np.float32))),
                    edge_index=torch.from_numpy(graph.edges.astype(np.int64)),
                )
                for graph in batch
            ]
            joined = Batch.from_data_list(items)
            nodes = self.inputs(joined.x)
            for layer in self.layers:
                nodes = torch.relu(layer(nodes, joined.edge_index))
            result: Tensor = self.output(global_mean_pool(nodes, joined.batch))
            return result

    return Peer()


def compare(
    models: dict[str, Any], graphs: GraphBatch, order: IntArray, size: int, *, training: bool
) -> dict[str, float]:
    """Graphs per second; models take turns, so that other load hits all alike."""
    seconds = dict.fromkeys(models, 0.0)
    for number, rows in enumerate(batches(order, size)):
        batch = graphs.take(rows)
        for name, model in models.items():
            model.train(training)
            taken, _ = timed(lambda model=model, batch=batch: one_step(model, batch, training))
            # The first batch warms up.
            seconds[name] += taken if number else 0.0
    done = len(order) - min(size, len(order))
    return {name: done / taken for name, taken in seconds.items()}


def batches(order: IntArray, size: int) -> Iterator[IntArray]:
    for start in range(0, len(order), size):
        yield order[start : start + size]


def one_step(model: nn.Module, batch: GraphBatch, training: bool) -> None:
    with torch.set_grad_enabled(training):
        result = model(batch)
    if training:
        result.square().mean().backward()


def timed(work: Callable[[], Any]) -> tuple[float, Any]:
    start = time.perf_counter()
    result = work()
    return time.perf_counter() - start, result


def report(rows: list[dict[str, Any]], output: Path | None) -> None:
    for row in rows:
        print(f"{row['what']:24} {row['model']:20} {row['value']:12,.2f} {row['unit']}")
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
