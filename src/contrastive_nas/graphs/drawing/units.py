"""A computation graph as a person would sketch it: a convolution with its norm and activation is one unit."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

from contrastive_nas.graphs.canonical_form.rewrites import simplify
from contrastive_nas.graphs.operations import JOINS, Operation
from contrastive_nas.graphs.schema import ComputationGraph, GraphBatch

Shape = tuple[int, int, int]

# Operations that a sketch leaves to the unit before or after them: they change neither what is connected nor
# what it costs.
_SILENT = frozenset(
    {
        *(op for op in Operation if Operation.BATCH_NORM <= op <= Operation.ELEMENTWISE),
        Operation.IDENTITY,
        Operation.RESHAPE,
        Operation.PERMUTE,
        Operation.PAD,
    }
)
_WEIGHTED = frozenset({Operation.CONV, Operation.CONV_TRANSPOSE, Operation.LINEAR})
# With a constant as their other argument these are silent, too: a shift, a scale, a token in front.
_WITH_CONSTANT = JOINS | {Operation.SUB, Operation.DIV}
_GLOBAL_POOLS = frozenset({Operation.GLOBAL_AVG_POOL, Operation.GLOBAL_MAX_POOL})
_WORDS = {
    Operation.INPUT: "image",
    Operation.OUTPUT: "output",
    Operation.UNKNOWN: "unknown operation",
    Operation.ZERO: "zero",
    Operation.CONV_TRANSPOSE: "transposed conv",
    Operation.LINEAR: "linear",
    Operation.MATMUL: "matrix product",
    Operation.EMBEDDING: "embedding",
    Operation.MAX_POOL: "max pool",
    Operation.AVG_POOL: "average pool",
    Operation.GLOBAL_AVG_POOL: "global average pool",
    Operation.GLOBAL_MAX_POOL: "global max pool",
    Operation.ADD: "+",
    Operation.MUL: "×",
    Operation.SUB: "−",
    Operation.DIV: "÷",
    Operation.CONCAT: "concat",
    Operation.MEAN: "mean",
    Operation.MAXIMUM: "max",
    Operation.ATTENTION: "attention",
    Operation.SLICE: "slice",
    Operation.INTERPOLATE: "resize",
    Operation.REDUCE: "reduce",
}
_KINDS = {
    "conv": {Operation.CONV, Operation.CONV_TRANSPOSE},
    "dense": {Operation.LINEAR, Operation.MATMUL, Operation.ATTENTION, Operation.EMBEDDING},
    "pool": {Operation.MAX_POOL, Operation.AVG_POOL, *_GLOBAL_POOLS},
    "join": set(_WITH_CONSTANT),
    "end": {Operation.INPUT, Operation.OUTPUT},
}


@dataclass(frozen=True)
class Unit:
    """One box of a sketch.

    Attributes:
        label: what it computes, e.g. ``conv 3×3``.
        kind: what it is coloured by: conv, depthwise, dense, pool, join, end or other.
        sources: numbers of the units that it reads, in the order of its arguments.
        shape: (C, H, W) of what it gives.
        operations: names of the operations that it stands for, in their order.
        repeats: how often the same unit stands here one after the other.
    """

    label: str
    kind: str
    sources: tuple[int, ...]
    shape: Shape
    operations: tuple[str, ...]
    repeats: int = 1

    @property
    def text(self) -> str:
        """The label, with the number of repeats."""
        return self.label if self.repeats == 1 else f"{self.label}, {self.repeats}×"


def sketch(graph: ComputationGraph) -> list[Unit]:
    """Return the units of a graph in the order of its nodes.

    Constants are left out, and so is what cannot influence the output.
    """
    units = _fused(_clean(graph))
    units = _without_gates(units)
    return _repeats_joined(units)


def _clean(graph: ComputationGraph) -> ComputationGraph:
    return simplify(GraphBatch.from_graphs([graph]))[0]


@dataclass
class _Draft:
    """A unit that may still grow; ``last`` is the node that gives its result."""

    unit: Unit
    last: int
    loose: bool = False


def _fused(graph: ComputationGraph) -> list[Unit]:
    """Norms and activations join the unit before them, or the weighted unit that alone reads them."""
    ops = [Operation(number) for number in graph.op.tolist()]
    sources: list[list[int]] = [[] for _ in ops]
    for source, target in graph.edges.T.tolist():
        if ops[source] is not Operation.CONSTANT:
            sources[target].append(source)
    readers = Counter(graph.edges[0].tolist())
    drafts: list[_Draft | None] = []
    place: dict[int, int] = {}  # draft that gives the result of each node
    for node, op in enumerate(ops):
        if op is Operation.CONSTANT:
            continue
        read = sources[node]
        silent = op in _SILENT or (op in _WITH_CONSTANT and len(read) == 1)
        shape: Shape = tuple(graph.out_shape[node].tolist())
        before = drafts[place[read[0]]] if len(read) == 1 else None
        alone = before is not None and before.last == read[0] and readers[read[0]] == 1
        # What changes the shape, as before a classifier, would make equal blocks differ.
        stays = before is not None and (before.loose or before.unit.shape == shape)
        if silent and alone and stays and before is not None and before.unit.kind != "end":
            names = (*before.unit.operations, op.name.lower())
            before.unit = replace(before.unit, operations=names, shape=shape)
            before.last = node
            place[node] = place[read[0]]
            continue
        unit = Unit(
            _label(graph, node, op),
            _kind(graph, node, op),
            tuple(place[source] for source in read),
            shape,
            (op.name.lower(),),
        )
        if alone and before is not None and before.loose and op in _WEIGHTED:
            # A norm or an activation before its convolution.
            unit = replace(
                unit,
                sources=before.unit.sources,
                operations=before.unit.operations + unit.operations,
            )
            drafts[place[read[0]]] = None
        elif alone and before is not None and _is_separable(before.unit, unit):
            unit = replace(
                unit,
                label=before.unit.label.replace("depthwise", "separable"),
                kind="depthwise",
                sources=before.unit.sources,
                operations=before.unit.operations + unit.operations,
            )
            drafts[place[read[0]]] = None
        place[node] = len(drafts)
        drafts.append(_Draft(unit, node, loose=silent and len(read) == 1))
    return _renumbered([None if draft is None else draft.unit for draft in drafts])


def _is_separable(before: Unit, unit: Unit) -> bool:
    """Whether a 1x1 convolution reads a depthwise one with nothing in between."""
    return before.operations[-1] == "conv" and before.kind == "depthwise" and unit.label == "conv 1×1"


def _renumbered(units: Sequence[Unit | None]) -> list[Unit]:
    """The units that are left, their sources counted anew."""
    numbers = {old: new for new, old in enumerate(n for n, unit in enumerate(units) if unit is not None)}
    return [
        replace(unit, sources=tuple(numbers[source] for source in unit.sources))
        for unit in units
        if unit is not None
    ]


def _kind(graph: ComputationGraph, node: int, op: Operation) -> str:
    if op is Operation.CONV and _is_depthwise(graph, node):
        return "depthwise"
    return next((kind for kind, members in _KINDS.items() if op in members), "other")


def _is_depthwise(graph: ComputationGraph, node: int) -> bool:
    groups = int(graph.groups[node])
    return groups > 1 and groups == int(graph.in_shape[node][0])


def _label(graph: ComputationGraph, node: int, op: Operation) -> str:
    words = _WORDS.get(op, op.name.lower().replace("_", " "))
    if op is Operation.CONV:
        grouped = "grouped conv" if graph.groups[node] > 1 else "conv"
        words = "depthwise" if _is_depthwise(graph, node) else grouped
    height, width = graph.kernel[node].tolist()
    if height and op is not Operation.ATTENTION:
        words += f" {height}×{width}"
    if max(graph.column("dilation")[node]) > 1:
        words += f" dilated {max(graph.column('dilation')[node])}"
    strides = graph.stride[node].tolist()
    if max(strides) > 1:
        words += f" /{max(strides)}"
    return words


def _without_gates(units: list[Unit]) -> list[Unit]:
    """A product of a unit with a gate computed from its global mean becomes one unit, squeeze-excite."""
    readers = Counter(source for unit in units for source in unit.sources)
    kept: list[Unit | None] = list(units)
    for number, unit in enumerate(units):
        if unit.label != "×" or len(unit.sources) != 2:
            continue
        for trunk, gate in (unit.sources, unit.sources[::-1]):
            chain = _chain_to(units, readers, gate, trunk)
            if chain and units[chain[-1]].label.startswith("global"):
                for inner in chain:
                    kept[inner] = None
                names = tuple(name for inner in reversed(chain) for name in units[inner].operations)
                label, operations = "squeeze-excite", names + unit.operations
                kept[number] = Unit(label, "other", (trunk,), unit.shape, operations)
                break
    return _renumbered(kept)


def _chain_to(units: Sequence[Unit], readers: Counter[int], start: int, end: int) -> list[int]:
    """The units from ``start`` back to the reader of ``end``, if these are a chain; else none."""
    chain: list[int] = []
    while start != end:
        if readers[start] != 1 or len(units[start].sources) != 1:
            return []
        chain.append(start)
        start = units[start].sources[0]
    return chain


def _repeats_joined(units: list[Unit]) -> list[Unit]:
    """Equal units that read nothing but each other become one with a number."""
    readers = Counter(source for unit in units for source in unit.sources)
    kept: list[Unit | None] = list(units)
    for number, unit in enumerate(units):
        if len(unit.sources) != 1 or unit.kind in ("join", "end", "other"):
            continue
        before = kept[unit.sources[0]]
        if (
            before is not None
            and readers[unit.sources[0]] == 1
            and len(before.sources) == 1
            and (before.label, before.shape) == (unit.label, unit.shape)
        ):
            kept[unit.sources[0]] = None
            operations = before.operations + unit.operations
            kept[number] = replace(
                unit, sources=before.sources, operations=operations, repeats=before.repeats + 1
            )
    return _renumbered(kept)
