"""NAS-Bench-101: 423,624 cells of up to seven vertices and nine edges, in a fixed network for small images.

Source: Ying et al., NAS-Bench-101: Towards Reproducible Neural Architecture Search, ICML 2019.

An architecture is ``input,<operation>,...,output/<matrix>``, the matrix row by row, upper triangular, every
vertex on a path from input to output. Isomorphic cells are spelled in several ways and share
:func:`module_hash`; enumeration gives one spelling of each.

Counting rule: ``trainable_parameters`` of the benchmark are all parameters of the network, batch norm
included.
"""

import itertools
from collections.abc import Iterator, Sequence
from functools import cached_property, partial
from typing import TYPE_CHECKING

import numpy as np

from contrastive_nas.graphs.builder import GraphBuilder
from contrastive_nas.graphs.compose import Fragment, FragmentBuilder, classifier_fragment, head_fragment
from contrastive_nas.graphs.operations import Operation
from contrastive_nas.spaces.base import Architecture, Choice
from contrastive_nas.spaces.nasbench101_cells import (
    MAX_EDGES,
    MAX_VERTICES,
    OPERATIONS,
    Cell,
    every_cell,
    from_indices,
    parse,
    pruned,
)
from contrastive_nas.spaces.nasbench101_network import write_cell, write_convolution
from contrastive_nas.spaces.stacked_cells import STAGES, StackedCells

if TYPE_CHECKING:
    from torch import nn

_PAIRS = tuple(itertools.combinations(range(MAX_VERTICES), 2))
_LAST = MAX_VERTICES - 1
_MORE_EDGES = 5


class NASBench101(StackedCells[Cell]):
    """The cells of NAS-Bench-101: at most seven vertices and nine edges.

    Decisions: the operation of each of five inner vertices; one source of each vertex from the third on (the
    second can only read the first); five more edges, each absent or one of 21, of which those count that
    leave the pruned cell within nine edges. So every combination is a cell, and every cell has a combination.

    Args:
        channels: Channels of the stem and of the first stack of cells.
        cells: Cells per stack.
        classes: Number of classes, the outputs of the linear layer.
        input_shape: Channels, height and width of an image.

    Raises:
        InputError: a number is not positive, or height or width are no multiples of 4.
    """

    name = "nasbench101"
    size = 423_624
    choices = (
        *(Choice(f"operation_{vertex}", OPERATIONS) for vertex in range(1, _LAST)),
        *(Choice(f"source_{vertex}", tuple(map(str, range(vertex)))) for vertex in range(2, MAX_VERTICES)),
        *(
            Choice(f"edge_{number}", ("none", *(f"{source}-{target}" for source, target in _PAIRS)))
            for number in range(_MORE_EDGES)
        ),
    )

    def __init__(
        self,
        channels: int = 128,
        cells: int = 3,
        classes: int = 10,
        input_shape: Sequence[int] = (3, 32, 32),
    ) -> None:
        super().__init__(channels, cells, classes, input_shape)

    def enumerate(self) -> Iterator[Architecture]:
        """Return one spelling of every cell up to isomorphism, in a fixed order; all take about a second."""
        return every_cell()

    def decode(self, decisions: Sequence[int]) -> Architecture:
        inner = _LAST - 1
        sources = [[], [0], *([source] for source in decisions[inner : inner + _LAST - 1])]
        cell = pruned(decisions[:inner], sources)
        for number in decisions[inner + _LAST - 1 :]:
            source, target = _PAIRS[number - 1]
            if number == 0 or source in sources[target]:
                continue
            sources[target].append(source)
            grown = pruned(decisions[:inner], sources)
            assert grown is not None, "every vertex reads a lower one, so the output is connected"
            if grown.edge_count > MAX_EDGES:
                sources[target].remove(source)
            else:
                cell = grown
        return str(cell)

    def translate(self, given: object) -> Architecture | None:
        """Return a tuple as NASLib writes it: the matrix row by row, then the operations in its order."""
        return from_indices(given)

    def encode(self, architecture: Architecture) -> tuple[int, ...]:
        cell = parse(architecture)
        unused = MAX_VERTICES - len(cell)
        # The output keeps the last place; vertices that are not needed read the input and are read by nobody.
        sources = [*cell.sources[:-1], *[(0,)] * unused, cell.sources[-1]]
        more = [
            _PAIRS.index((source, target)) + 1 for target, read in enumerate(sources) for source in read[1:]
        ]
        return (
            *cell.labels,
            *[0] * unused,
            *(read[0] for read in sources[2:]),
            *sorted(more),
            *[0] * (_MORE_EDGES - len(more)),
        )

    def sample(self, rng: np.random.Generator, count: int) -> list[Architecture]:
        """Return ``count`` cells drawn uniformly from all; uniform decisions would favour small ones."""
        return [self._cells_listed[row] for row in rng.integers(0, self.size, size=count)]

    @cached_property
    def _cells_listed(self) -> list[Architecture]:
        return list(every_cell())

    def build(self, architecture: Architecture) -> "nn.Module":
        # Not above: checking the rows of a table needs no torch, which takes seconds and half a gigabyte.
        from contrastive_nas.spaces.nasbench101_module import NASBench101Network

        return NASBench101Network(
            parse(architecture), self._channels, self._cells, self._classes, self.input_shape[0]
        )

    def _parse(self, architecture: Architecture) -> Cell:
        return parse(architecture)

    def _cell_numbers(self, cell: Cell, stage: int) -> list[int]:
        number = self._library.number
        more = number((cell, stage), partial(self._write_other, cell, stage))
        if stage == 0:
            return [more] * self._cells
        return [
            number((cell, stage, "first"), partial(self._write_first, cell, stage)),
            *[more] * (self._cells - 1),
        ]

    def _write_stem(self) -> Fragment:
        graph = GraphBuilder(self.input_shape)
        return head_fragment(graph, write_convolution(graph, graph.input, self._channels, 3))

    def _write_join(self, stage: int) -> Fragment:
        graph = FragmentBuilder(self._shape(stage - 1))
        return graph.fragment(graph.pool(Operation.MAX_POOL, graph.ports[0], 2, stride=2))

    def _write_first(self, cell: Cell, stage: int) -> Fragment:
        channels, height, width = self._shape(stage)
        return write_cell(cell, (channels // 2, height, width), channels)

    def _write_other(self, cell: Cell, stage: int) -> Fragment:
        return write_cell(cell, self._shape(stage), self._channels << stage)

    def _write_head(self) -> Fragment:
        return classifier_fragment(self._shape(STAGES - 1), self._classes)


def module_hash(architecture: Architecture) -> str:
    """Return the benchmark's own name of a cell, equal for isomorphic ones.

    Raises:
        InputError: the string is no cell.
    """
    return parse(architecture).module_hash()
