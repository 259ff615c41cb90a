"""Networks as computation graphs: arrays of nodes and edges, their canonical form and function hash."""

from contrastive_nas.graphs.builder import GraphBuilder
from contrastive_nas.graphs.canonical import canonical, canonical_batch
from contrastive_nas.graphs.hashing import function_hash, function_hashes
from contrastive_nas.graphs.operations import Operation
from contrastive_nas.graphs.schema import ComputationGraph, GraphBatch
from contrastive_nas.graphs.trace import trace

__all__ = [
    "ComputationGraph",
    "GraphBatch",
    "GraphBuilder",
    "Operation",
    "canonical",
    "canonical_batch",
    "function_hash",
    "function_hashes",
    "trace",
]
