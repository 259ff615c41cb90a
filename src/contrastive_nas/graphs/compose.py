"""Networks as chains of fragments: sub-graphs that are written once and concatenated by index arithmetic.

A network of a template space is a chain of blocks of which there are few kinds. Each kind is written once
with a :class:`FragmentBuilder`; a batch of networks is then a gather over the fragments' arrays, without a
loop over nodes or graphs and without a module.
"""

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import NamedTuple

import numpy as np

from contrastive_nas.graphs.builder import GraphBuilder, Shape
from contrastive_nas.graphs.operations import Operation
from contrastive_nas.graphs.schema import ROW_WIDTH, GraphBatch, IntArray, ranges, used_types

Row = tuple[int, ...]
# About 100 MB; a space of few blocks never gets there, one of many cells starts again.
_FRAGMENTS_KEPT = 100_000


@dataclass(frozen=True)
class Fragment:
    """A sub-graph with open inputs.

    Attributes:
        rows: features and attributes of its nodes.
        sources: one per edge: a node of the fragment, or -k for what the k-th fragment before it gives.
        targets: one per edge, in ascending order.
        output: the node that gives the fragment's result.
        shape: (C, H, W) of the result.
    """

    rows: tuple[Row, ...]
    sources: tuple[int, ...]
    targets: tuple[int, ...]
    output: int
    shape: Shape


class FragmentBuilder(GraphBuilder):
    """Writes a fragment with the methods of :class:`GraphBuilder`.

    Attributes:
        ports: numbers of the inputs; ``ports[0]`` is what the fragment before gives, ``ports[1]`` what the
            one before that gives.
    """

    def __init__(self, *port_shapes: Shape) -> None:
        super().__init__(port_shapes[0])
        others = [self._node(Operation.INPUT, (), shape, in_shape=shape) for shape in port_shapes[1:]]
        self.ports = (self.input, *others)

    def fragment(self, output: int) -> Fragment:
        """Return what was written, with ``output`` as its result.

        Raises:
            ValueError: ``output`` is a port; a fragment has to compute something.
        """
        skipped = len(self.ports)
        if output < skipped:
            raise ValueError("a fragment cannot return its input unchanged")
        sources = (x - skipped if x >= skipped else -1 - x for x in self._sources)
        targets = (x - skipped for x in self._targets)
        rows = tuple(self._rows[skipped:])
        return Fragment(rows, tuple(sources), tuple(targets), output - skipped, self.shape(output))


def head_fragment(builder: GraphBuilder, output: int) -> Fragment:
    """Return the first fragment of a network, which begins with its input node instead of a port."""
    return Fragment(
        tuple(builder._rows), tuple(builder._sources), tuple(builder._targets), output, builder.shape(output)
    )


def classifier_fragment(shape: Shape, classes: int) -> Fragment:
    """Return the last fragment of a network that ends in the mean over an image and a linear layer.

    Args:
        shape: of what the fragment before gives.
        classes: outputs of the layer.
    """
    builder = FragmentBuilder(shape)
    pooled = builder.global_avg_pool(builder.input)
    return builder.fragment(builder.output(builder.linear(pooled, classes)))


@dataclass(frozen=True, eq=False)
class FragmentTable:
    """Many fragments, concatenated.

    Attributes:
        node_types: int32, types x ``ROW_WIDTH``.
        type_ids: int32, nodes: row of ``node_types``.
        edges: int64, 2 x edges, as in :class:`Fragment`.
        node_offsets: int64, fragments + 1.
        edge_offsets: int64, fragments + 1.
        outputs: int64, fragments: the node, counted within its fragment, that gives the result.
    """

    node_types: IntArray
    type_ids: IntArray
    edges: IntArray
    node_offsets: IntArray
    edge_offsets: IntArray
    outputs: IntArray

    def chain(self, fragments: IntArray, lengths: IntArray) -> GraphBatch:
        """Return networks as chains of fragments.

        Args:
            fragments: the fragments of all networks, one network after the other.
            lengths: number of fragments of each network.
        """
        node_counts = np.diff(self.node_offsets)[fragments]
        edge_counts = np.diff(self.edge_offsets)[fragments]
        starts = np.concatenate([[0], np.cumsum(node_counts)])
        type_ids = self.type_ids[ranges(self.node_offsets[fragments], node_counts)]
        sources, targets = self.edges[:, ranges(self.edge_offsets[fragments], edge_counts)]
        owner = np.repeat(np.arange(len(fragments)), edge_counts)
        # A wrapped index of a port is never read: np.where picks the local source there.
        given = (starts[:-1] + self.outputs[fragments])[owner + np.minimum(sources, -1)]
        start = starts[owner]
        edges = np.stack([np.where(sources < 0, given, start + sources), start + targets])
        bounds = np.concatenate([[0], np.cumsum(lengths)])
        edge_starts = np.concatenate([[0], np.cumsum(edge_counts)])
        node_types, type_ids = used_types(self.node_types, type_ids)
        return GraphBatch(node_types, type_ids, edges, starts[bounds], edge_starts[bounds])


class _Entry(NamedTuple):
    """A fragment whose rows are numbers of types."""

    kinds: list[int]
    sources: tuple[int, ...]
    targets: tuple[int, ...]
    output: int


class FragmentLibrary:
    """Fragments by key, each written when it is first asked for."""

    def __init__(self) -> None:
        self._types: dict[Row, int] = {}
        self._known_types = np.zeros((0, ROW_WIDTH), dtype=np.int32)
        self._numbers: dict[Hashable, int] = {}
        self._fragments: list[_Entry] = []

    def number(self, key: Hashable, write: Callable[[], Fragment]) -> int:
        """Return the number, up to the next :meth:`chain`, of the fragment with this key; ``write`` makes
        it.
        """
        number = self._numbers.get(key)
        if number is None:
            fragment = write()
            types = self._types
            kinds = [types.setdefault(row, len(types)) for row in fragment.rows]
            self._fragments.append(_Entry(kinds, fragment.sources, fragment.targets, fragment.output))
            number = self._numbers[key] = len(self._fragments) - 1
        return number

    def chain(self, networks: Sequence[Sequence[int]]) -> GraphBatch:
        """Return one graph per sequence of fragment numbers."""
        lengths = np.array([len(network) for network in networks], dtype=np.int64)
        numbers = np.array([number for network in networks for number in network], dtype=np.int64)
        used, positions = np.unique(numbers, return_inverse=True)
        batch = self._table(used).chain(positions, lengths)
        if len(self._fragments) > _FRAGMENTS_KEPT:
            self._numbers.clear()
            self._fragments.clear()
        return batch

    def _table(self, numbers: IntArray) -> FragmentTable:
        entries = [self._fragments[number] for number in numbers]
        type_ids = [kind for entry in entries for kind in entry.kinds]
        sources = [x for entry in entries for x in entry.sources]
        targets = [x for entry in entries for x in entry.targets]
        return FragmentTable(
            self._type_rows(),
            np.array(type_ids, dtype=np.int32),
            np.array([sources, targets], dtype=np.int64).reshape(2, -1),
            np.cumsum([0, *(len(entry.kinds) for entry in entries)], dtype=np.int64),
            np.cumsum([0, *(len(entry.sources) for entry in entries)], dtype=np.int64),
            np.array([entry.output for entry in entries], dtype=np.int64),
        )

    def _type_rows(self) -> IntArray:
        """All types met so far; only new ones are written, since one network is often asked for alone."""
        known = len(self._known_types)
        if known < len(self._types):
            new = np.array(list(islice(self._types, known, None)), dtype=np.int32)
            self._known_types = np.concatenate([self._known_types, new.reshape(-1, ROW_WIDTH)])
        return self._known_types
