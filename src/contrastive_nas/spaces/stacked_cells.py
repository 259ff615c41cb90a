"""Spaces whose networks repeat one cell in three stages, between a stem and a head for small images."""

from abc import abstractmethod
from collections.abc import Hashable, Sequence
from functools import partial
from typing import Generic, TypeVar

from contrastive_nas.graphs.builder import Shape
from contrastive_nas.graphs.compose import Fragment, FragmentLibrary
from contrastive_nas.graphs.schema import ComputationGraph, GraphBatch
from contrastive_nas.spaces.base import Architecture, SearchSpace
from contrastive_nas.spaces.checks import check_input_shape, check_positive, parse_rows

STAGES = 3

Cell = TypeVar("Cell", bound=Hashable)


class StackedCells(SearchSpace, Generic[Cell]):
    """A stem; three stages of equal cells, joined by something that halves the image; a head.

    Args:
        channels: of the first stage; they double from stage to stage.
        cells: cells per stage.
        classes: outputs of the linear layer.
        input_shape: (C, H, W) of an image.

    Raises:
        InputError: a number is not positive, or height or width are no multiples of 4.
    """

    def __init__(
        self,
        channels: int = 16,
        cells: int = 5,
        classes: int = 10,
        input_shape: Sequence[int] = (3, 32, 32),
    ) -> None:
        check_positive(self.name, channels=channels, cells=cells, classes=classes)
        self.input_shape = check_input_shape(self.name, input_shape, multiple=4)
        self._channels, self._cells, self._classes = channels, cells, classes
        self._library = FragmentLibrary()

    def graph(self, architecture: Architecture) -> ComputationGraph:
        return self._compose([self._parse(architecture)])[0]

    def graphs(self, architectures: Sequence[Architecture]) -> GraphBatch:
        return self._compose(parse_rows(self.name, architectures, self._parse))

    @abstractmethod
    def _parse(self, architecture: Architecture) -> Cell:
        """The cell that a string spells, or InputError."""

    @abstractmethod
    def _write_stem(self) -> Fragment: ...

    @abstractmethod
    def _write_join(self, stage: int) -> Fragment:
        """What leads into a stage from the one before."""

    @abstractmethod
    def _write_head(self) -> Fragment: ...

    @abstractmethod
    def _cell_numbers(self, cell: Cell, stage: int) -> list[int]:
        """Fragment numbers, in the library, of the cells of a stage."""

    def _shape(self, stage: int) -> Shape:
        """(C, H, W) of what a stage gives."""
        _, height, width = self.input_shape
        return (self._channels << stage, height >> stage, width >> stage)

    def _compose(self, cells: Sequence[Cell]) -> GraphBatch:
        number = self._library.number
        stem, head = number("stem", self._write_stem), number("head", self._write_head)
        joins = [number(("join", stage), partial(self._write_join, stage)) for stage in range(1, STAGES)]
        networks = []
        for cell in cells:
            network = [stem]
            for stage in range(STAGES):
                network += joins[stage - 1 : stage]
                network += self._cell_numbers(cell, stage)
            networks.append([*network, head])
        return self._library.chain(networks)
