"""Networks as computation graphs: arrays of nodes and edges, their canonical form and function hash."""

from typing import TYPE_CHECKING, Any

from contrastive_nas.graphs.builder import GraphBuilder
from contrastive_nas.graphs.canonical_form.canonical import (
    canonical,
    canonical_batch,
    function_hash,
    function_hashes,
    sharing_key,
    sharing_keys,
)
from contrastive_nas.graphs.operations import Operation
from contrastive_nas.graphs.schema import ComputationGraph, GraphBatch

if TYPE_CHECKING:
    from contrastive_nas.graphs.tracing.tracer import trace

__all__ = [
    "ComputationGraph",
    "GraphBatch",
    "GraphBuilder",
    "Operation",
    "canonical",
    "canonical_batch",
    "function_hash",
    "function_hashes",
    "sharing_key",
    "sharing_keys",
    "trace",
]


def __getattr__(name: str) -> Any:
    """Loads ``trace`` when it is first asked for: it needs PyTorch, which takes seconds to import."""
    if name != "trace":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from contrastive_nas.graphs.tracing.tracer import trace

    return trace
