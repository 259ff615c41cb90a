"""The DARTS space, which is also that of NAS-Bench-301: a normal and a reduction cell of four nodes each.

Sources: Liu et al., DARTS: Differentiable Architecture Search, ICLR 2019, section 3.1 and appendix A; Zela et
al., Surrogate NAS Benchmarks, ICLR 2022.

An architecture is two cells joined by ``//``, normal first; a cell is four nodes joined by ``|``; a node is
the sum of two operations, ``sep_conv_3x3~0,skip_connect~1``, with what they read: 0 and 1 are the two cells
before, 2 to 4 the nodes before.

The seven operations of the paper are those that its search derives, each on another input. Random cells of
the literature also hold the search's eighth, ``none``, which gives zeros, and read one input twice. Both are
architectures here: ``none`` is an option of every operation, the pairs of inputs include equal ones, and a
node whose two operations are ``none`` is zero. Any order of a node's operations is understood; the canonical
one, which ``decode`` and ``read`` give and which makes one network one string, is by inputs, and for equal
inputs by the order of ``OPERATIONS``. So a pair of different operations on one input has two vectors of
decisions. ``none_and_repeats=False`` is the space as it was published, of 1.1e18 pairs of cells.
"""

import itertools
import math
from collections.abc import Iterator, Sequence
from functools import partial

from torch import nn

from contrastive_nas.errors import InputError
from contrastive_nas.graphs.compose import FragmentLibrary, classifier_fragment
from contrastive_nas.graphs.schema import ComputationGraph, GraphBatch
from contrastive_nas.spaces.base import Architecture, Choice, SearchSpace
from contrastive_nas.spaces.checks import check_input_shape, check_positive, parse_rows
from contrastive_nas.spaces.darts_cells import NODES, from_genotype, in_order, parse, spell
from contrastive_nas.spaces.darts_network import (
    CELL_INPUTS,
    NONE,
    OPERATIONS,
    Cell,
    DARTSNetwork,
    Genotype,
    Stem,
    cell_plans,
    write_cell,
    write_stem,
)
from contrastive_nas.spaces.weight_sharing import WeightSharing

PUBLISHED_OPERATIONS = tuple(operation for operation in OPERATIONS if operation != NONE)
_SMALLEST_STEP = {"cifar": 4, "imagenet": 32}


class DARTS(SearchSpace):
    """Two cells, repeated in a network for small or for large images.

    Published networks: 36 channels and 20 layers for CIFAR, 16 and 8 while searching, 32 and 8 in
    NAS-Bench-301, 48 and 14 with ``stem="imagenet"`` and 224 pixels.

    Args:
        channels: Channels of the first normal cell; an even number.
        layers: Number of cells; those at a third and two thirds are reduction cells.
        classes: Number of classes, the outputs of the linear layer.
        input_shape: Channels, height and width of an image.
        stem: First layers. ``cifar``: one convolution; ``imagenet``: three of stride 2.
        none_and_repeats: Whether ``none`` and one input read twice belong to the space.

    Raises:
        InputError: an option is out of its range.
    """

    name = "darts"

    def __init__(
        self,
        channels: int = 36,
        layers: int = 20,
        classes: int = 10,
        input_shape: Sequence[int] = (3, 32, 32),
        stem: Stem = "cifar",
        none_and_repeats: bool = True,
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
        self._operations = OPERATIONS if none_and_repeats else PUBLISHED_OPERATIONS
        self._pairs = tuple(_input_pairs(node, none_and_repeats) for node in range(NODES))
        self._choices = tuple(
            choice
            for cell in ("normal", "reduction")
            for node, pairs in enumerate(self._pairs)
            for choice in (
                *([Choice(f"{cell}{node}_inputs", tuple(map(_listed, pairs)))] if len(pairs) > 1 else []),
                Choice(f"{cell}{node}_first", self._operations),
                Choice(f"{cell}{node}_second", self._operations),
            )
        )

    @property
    def choices(self) -> tuple[Choice, ...]:
        """Per node a pair of inputs, where there are several, and what is done to each of them."""
        return self._choices

    @property
    def size(self) -> int:
        count = len(self._operations)
        # On one input twice, two operations have no order.
        nodes = (
            sum(count * (count + 1) // 2 if first == second else count**2 for first, second in pairs)
            for pairs in self._pairs
        )
        return math.prod(nodes) ** 2

    def decode(self, decisions: Sequence[int]) -> Architecture:
        left = iter(decisions)
        return spell((self._decode_cell(left), self._decode_cell(left)))

    def encode(self, architecture: Architecture) -> tuple[int, ...]:
        decisions = []
        for cell in self._parse(architecture):
            for pairs, ((first, source), (second, other)) in zip(self._pairs, cell, strict=True):
                if len(pairs) > 1:
                    decisions.append(pairs.index((source, other)))
                decisions += [self._operations.index(first), self._operations.index(second)]
        return tuple(decisions)

    def read(self, given: object) -> Architecture:
        return spell(self._parse(super().read(given)))

    def translate(self, given: object) -> Architecture | None:
        """Return a ``Genotype(normal=[...], normal_concat=range(2, 6), reduce=[...], ...)`` or the text of
        one.
        """
        return from_genotype(given)

    def build(self, architecture: Architecture) -> nn.Module:
        return DARTSNetwork(
            self._parse(architecture), self._plans, self._classes, self.input_shape[0], self._stem
        )

    def weight_sharing(self) -> WeightSharing:
        """Declare every operation between every two nodes of every cell a path."""
        return WeightSharing(self._prefixes, covering=self._covering)

    def _prefixes(self, architecture: Architecture) -> dict[str, str]:
        genotype = self._parse(architecture)
        found = {}
        for number, plan in enumerate(self._plans):
            places = [
                (node, *edge) for node, edges in enumerate(genotype[plan.is_reduction]) for edge in edges
            ]
            for place, (node, operation, source) in enumerate(places):
                found[f"cells.{number}.operations.{place}"] = (
                    f"cells.{number}.node{node}.from{source}.{operation}"
                )
        return found

    def _covering(self) -> Iterator[Architecture]:
        """Every operation on every input of every node."""
        for operation, source in itertools.product(self._operations, range(0, CELL_INPUTS + NODES - 1, 2)):
            cell = []
            for node in range(NODES):
                first = min(source, CELL_INPUTS + node - 2)  # two inputs from here, as far as there are
                cell.append(in_order(((operation, first), (operation, first + 1))))
            yield spell((tuple(cell), tuple(cell)))

    def graph(self, architecture: Architecture) -> ComputationGraph:
        return self._compose([self._parse(architecture)])[0]

    def graphs(self, architectures: Sequence[Architecture]) -> GraphBatch:
        return self._compose(parse_rows(self.name, architectures, self._parse))

    def _decode_cell(self, left: Iterator[int]) -> Cell:
        nodes = []
        for pairs in self._pairs:
            first, second = pairs[next(left) if len(pairs) > 1 else 0]
            operations = [self._operations[next(left)] for _ in range(2)]
            nodes.append(in_order(((operations[0], first), (operations[1], second))))
        return tuple(nodes)

    def _parse(self, architecture: Architecture) -> Genotype:
        genotype = parse(architecture)
        for cell in genotype:
            for pairs, (first, second) in zip(self._pairs, cell, strict=True):
                if (first[1], second[1]) not in pairs or not {first[0], second[0]} <= {*self._operations}:
                    node = f"{first[0]}~{first[1]},{second[0]}~{second[1]}"
                    reason = f"node {node!r} needs the option none_and_repeats=True of the space"
                    raise InputError(f"{self.name}: {architecture!r}: {reason}")
        return genotype

    def _compose(self, genotypes: Sequence[Genotype]) -> GraphBatch:
        number = self._library.number
        parts = write_stem(self._plans[0], self.input_shape, self._stem)
        stem = [number(("stem", place), partial(parts.__getitem__, place)) for place in range(len(parts))]
        head = number("head", partial(classifier_fragment, self._plans[-1].shape, self._classes))
        networks = []
        for normal, reduction in genotypes:
            cells = []
            for plan in self._plans:
                cell = reduction if plan.is_reduction else normal
                cells.append(number((cell, plan), partial(write_cell, cell, plan)))
            networks.append([*stem, *cells, head])
        return self._library.chain(networks)


def _input_pairs(node: int, repeats: bool) -> tuple[tuple[int, int], ...]:
    """What the two operations of a node may read, ascending."""
    inputs = range(CELL_INPUTS + node)
    choose = itertools.combinations_with_replacement if repeats else itertools.combinations
    return tuple(choose(inputs, 2))


def _listed(pair: tuple[int, int]) -> str:
    return f"{pair[0]},{pair[1]}"
