"""The DARTS space, which is also that of NAS-Bench-301: a normal and a reduction cell of four nodes each.

Sources: Liu et al., DARTS: Differentiable Architecture Search, ICLR 2019, section 3.1 and appendix A; Zela et
al., Surrogate NAS Benchmarks, ICLR 2022.

An architecture is two cells joined by ``//``, normal first; a cell is four nodes joined by ``|``; a node is
the sum of two operations, ``sep_conv_3x3~0,skip_connect~1``, with what they read: 0 and 1 are the two cells
before, 2 to 4 the nodes before. The two read different inputs and stand in the order of these.
"""

import itertools
from collections.abc import Sequence
from functools import partial

from torch import nn

from contrastive_nas.errors import InputError
from contrastive_nas.graphs.compose import FragmentLibrary
from contrastive_nas.graphs.schema import ComputationGraph, GraphBatch
from contrastive_nas.spaces.base import Architecture, Choice, SearchSpace
from contrastive_nas.spaces.checks import check_input_shape, check_positive, parse_rows
from contrastive_nas.spaces.darts_network import (
    CELL_INPUTS,
    OPERATIONS,
    Cell,
    Genotype,
    Network,
    Node,
    Stem,
    cell_plans,
    write_cell,
    write_head,
    write_stem,
)

_NODES = 4
# The first node can only read both cells before.
_PAIRS = tuple(tuple(itertools.combinations(range(CELL_INPUTS + node), 2)) for node in range(_NODES))
_EDGES = {
    f"{operation}~{source}": (operation, source)
    for operation in OPERATIONS
    for source in range(CELL_INPUTS + _NODES - 1)
}
_SMALLEST_STEP = {"cifar": 4, "imagenet": 32}


class DARTS(SearchSpace):
    """Two cells, repeated in a network for small or for large images.

    Published networks: 36 channels and 20 layers for CIFAR, 16 and 8 while searching, 32 and 8 in
    NAS-Bench-301, 48 and 14 with ``stem="imagenet"`` and 224 pixels.

    Args:
        channels: of the first normal cell; even.
        layers: number of cells; those at a third and two thirds are reduction cells.
        classes: outputs of the linear layer.
        input_shape: (C, H, W) of an image.
        stem: ``cifar``: one convolution; ``imagenet``: three of stride 2.

    Raises:
        InputError: an option is out of its range.
    """

    name = "darts"
    choices = tuple(
        choice
        for cell in ("normal", "reduction")
        for node in range(_NODES)
        for choice in (
            *([Choice(f"{cell}{node}_inputs", tuple(f"{a},{b}" for a, b in _PAIRS[node]))] if node else []),
            Choice(f"{cell}{node}_first", OPERATIONS),
            Choice(f"{cell}{node}_second", OPERATIONS),
        )
    )

    def __init__(
        self,
        channels: int = 36,
        layers: int = 20,
        classes: int = 10,
        input_shape: Sequence[int] = (3, 32, 32),
        stem: Stem = "cifar",
    ) -> None:
        check_positive(self.name, channels=channels, layers=layers, classes=classes)
        if stem not in _SMALLEST_STEP:
            raise InputError(f"{self.name}: stem must be cifar or imagenet, got {stem!r}")
        if channels % 2 or layers < 3:
            raise InputError(
                f"{self.name}: channels must be even and layers at least 3, got {channels} and {layers}"
            )
        self.input_shape = check_input_shape(self.name, input_shape, multiple=_SMALLEST_STEP[stem])
        self._classes = classes
        self._stem = stem
        self._plans = cell_plans(channels, layers, self.input_shape, stem)
        self._library = FragmentLibrary()

    @property
    def size(self) -> int:
        cell = 1
        for pairs in _PAIRS:
            cell *= len(pairs) * len(OPERATIONS) ** 2
        return cell**2

    def decode(self, decisions: Sequence[int]) -> Architecture:
        left = iter(decisions)
        cells = []
        for _ in range(2):
            nodes = []
            for pairs in _PAIRS:
                first, second = pairs[next(left) if len(pairs) > 1 else 0]
                nodes.append(f"{OPERATIONS[next(left)]}~{first},{OPERATIONS[next(left)]}~{second}")
            cells.append("|".join(nodes))
        return "//".join(cells)

    def encode(self, architecture: Architecture) -> tuple[int, ...]:
        decisions = []
        for cell in parse(architecture):
            for pairs, ((first, source), (second, other)) in zip(_PAIRS, cell, strict=True):
                if len(pairs) > 1:
                    decisions.append(pairs.index((source, other)))
                decisions += [OPERATIONS.index(first), OPERATIONS.index(second)]
        return tuple(decisions)

    def build(self, architecture: Architecture) -> nn.Module:
        return Network(parse(architecture), self._plans, self._classes, self.input_shape[0], self._stem)

    def graph(self, architecture: Architecture) -> ComputationGraph:
        return self._compose([parse(architecture)])[0]

    def graphs(self, architectures: Sequence[Architecture]) -> GraphBatch:
        return self._compose(parse_rows(self.name, architectures, parse))

    def _compose(self, genotypes: Sequence[Genotype]) -> GraphBatch:
        number = self._library.number
        parts = write_stem(self._plans[0], self.input_shape, self._stem)
        stem = [number(("stem", place), partial(parts.__getitem__, place)) for place in range(len(parts))]
        head = number("head", partial(write_head, self._plans[-1], self._classes))
        networks = []
        for normal, reduction in genotypes:
            cells = []
            for plan in self._plans:
                cell = reduction if plan.is_reduction else normal
                cells.append(number((cell, plan), partial(write_cell, cell, plan)))
            networks.append([*stem, *cells, head])
        return self._library.chain(networks)


def parse(architecture: Architecture) -> Genotype:
    """Normal and reduction cell: per node the two operations with what they read.

    Raises:
        InputError: the string is no architecture of this space.
    """
    cells = architecture.split("//")
    if len(cells) != 2:
        raise InputError(f"darts: {architecture!r}: {len(cells)} cells instead of 2, which // separates")
    return _parse_cell(architecture, cells[0]), _parse_cell(architecture, cells[1])


def _parse_cell(architecture: Architecture, text: str) -> Cell:
    nodes = text.split("|")
    if len(nodes) != _NODES:
        raise InputError(f"darts: {architecture!r}: {len(nodes)} nodes instead of {_NODES}")
    return tuple(_parse_node(architecture, node, pairs) for node, pairs in zip(nodes, _PAIRS, strict=True))


def _parse_node(architecture: Architecture, text: str, pairs: Sequence[tuple[int, ...]]) -> Node:
    edges = text.split(",")
    if len(edges) != 2:
        raise InputError(f"darts: {architecture!r}: node {text!r} has {len(edges)} operations instead of 2")
    for edge in edges:
        if edge not in _EDGES:
            reason = f"{edge!r} is not <operation>~<input> with one of {', '.join(OPERATIONS)}"
            raise InputError(f"darts: {architecture!r}: {reason}")
    first, second = (_EDGES[edge] for edge in edges)
    if (first[1], second[1]) not in pairs:
        reason = f"node {text!r} must read two different earlier inputs in ascending order"
        raise InputError(f"darts: {architecture!r}: {reason}")
    return first, second
