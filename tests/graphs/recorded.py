"""Tracing modules while noting what their digests were made of and which parameters their nodes hold.

A digest is a hash, so nobody reads settings from it. What went into every digest is kept here as it was
hashed, nothing beside it; so whoever looks a digest up knows what the digest tells and no more.
"""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any
from unittest import mock

import numpy as np
from torch import Tensor, nn

from contrastive_nas.graphs import ComputationGraph, GraphBatch, trace
from contrastive_nas.graphs import attributes as graph_attributes
from contrastive_nas.graphs.canonical_form.mixing import argument_weights
from contrastive_nas.graphs.canonical_form.order import _distinct_colours, _sort_keys, _Sweep
from contrastive_nas.graphs.canonical_form.rewrites import simplify
from contrastive_nas.graphs.operations import Operation
from contrastive_nas.graphs.schema import FEATURES
from contrastive_nas.graphs.tracing import attributes as traced_attributes
from contrastive_nas.graphs.tracing import settings, tracer
from contrastive_nas.graphs.tracing.claims import ParameterPart
from contrastive_nas.graphs.tracing.record import Recorder

_TAG = FEATURES["in_shape"].start
# What went into each digest, of all networks that were recorded.
DIGESTS: dict[int, Any] = {}


@dataclass(frozen=True)
class Recorded:
    """A traced module.

    Attributes:
        graph: of the module.
        names: of the parameters that each node holds: those of its weights, then those of its bias.
    """

    graph: ComputationGraph
    names: dict[int, list[str]]

    def weights(self, module: nn.Module, places: Sequence[int] | None = None) -> dict[int, list[Tensor]]:
        """The parameters by node, taken from the module or from one of equal parameters.

        Args:
            module: has them.
            places: for each node of another form of the graph, which one of the graph it is.
        """
        own = dict(module.named_parameters())
        places = range(len(self.graph)) if places is None else places
        return {
            node: [own[name] for name in self.names[place]]
            for node, place in enumerate(places)
            if place in self.names
        }


def record(module: nn.Module, shape: Sequence[int]) -> Recorded:
    """Traces a module; digests go to ``DIGESTS``.

    Raises:
        AssertionError: two different settings have one digest.
    """
    parts: dict[int, list[ParameterPart]] = {}
    found: dict[str, Any] = {}
    with _watched(parts, found):
        graph = trace(module, shape)
    parameters = found["program"].graph_signature.inputs_to_parameters
    number = {old: new for new, old in enumerate(found["kept"])}
    names = {
        number[node]: list(dict.fromkeys(parameters[part.name] for part in held))
        for node, held in parts.items()
        if node in number and held
    }
    return Recorded(graph, names)


def canonical_places(graph: ComputationGraph) -> list[int]:
    """For each node of the canonical form, which node of ``graph`` it is; of zeros any."""
    tagged = graph.features.copy()
    tagged[:, _TAG] = np.arange(len(graph)) + 1
    # Rewrites do not look at shapes of inputs, so that nodes can be known again by them.
    kept = simplify(GraphBatch.from_graphs([ComputationGraph(tagged, graph.edges, graph.attributes)]))
    plain = simplify(GraphBatch.from_graphs([graph]))
    weights = argument_weights(plain)
    depth = _Sweep.along(plain, weights).depths()
    order = np.argsort(_sort_keys(plain, depth, _distinct_colours(plain, weights)))
    places = kept.features[order, _TAG] - 1
    return np.where(kept.features[order, 0] == Operation.ZERO, -1, places).tolist()


@contextmanager
def _watched(parts: dict[int, list[ParameterPart]], found: dict[str, Any]) -> Iterator[None]:
    """Notes digests, parameters of nodes as they are numbered at first, the program and the kept nodes."""
    digest, add, constant, write, export = (
        graph_attributes.digest,
        Recorder.add,
        Recorder.constant,
        Recorder.graph,
        tracer.export,
    )

    def noted_digest(*given: Any) -> int:
        number, plain = digest(*given), graph_attributes._plain(given)
        if repr(DIGESTS.setdefault(number, plain)) != repr(plain):
            raise AssertionError(f"{plain} and {DIGESTS[number]} have one digest")
        return number

    def noted_add(self: Recorder, *given: Any, **options: Any) -> Any:
        value = add(self, *given, **options)
        keys = [options.get("weight_key"), options.get("bias_key") if options.get("bias") else None]
        held = [
            part for key in keys if isinstance(key, tuple) for part in key if isinstance(part, ParameterPart)
        ]
        parts.setdefault(value.node, []).extend(held)
        return value

    def noted_constant(self: Recorder, given: Any, *options: Any) -> Any:
        value = constant(self, given, *options)
        parts[value.node] = list(given.parameters)
        return value

    def noted_graph(self: Recorder, *given: Any) -> ComputationGraph:
        graph = write(self, *given)
        found["kept"] = self._kept()
        return graph

    def noted_export(*given: Any) -> Any:
        found["program"] = export(*given)
        return found["program"]

    with ExitStack() as stack:
        for holder in (graph_attributes, traced_attributes, settings):
            stack.enter_context(mock.patch.object(holder, "digest", noted_digest))
        stack.enter_context(mock.patch.object(Recorder, "add", noted_add))
        stack.enter_context(mock.patch.object(Recorder, "constant", noted_constant))
        stack.enter_context(mock.patch.object(Recorder, "graph", noted_graph))
        stack.enter_context(mock.patch.object(tracer, "export", noted_export))
        yield
