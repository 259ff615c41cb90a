"""Labelled spaces from benchmark files: what models of several spaces learn from."""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from contrastive_nas.conversion.convert import convert
from contrastive_nas.errors import InputError
from contrastive_nas.graphs.storage.store import GraphStore, open_store
from contrastive_nas.ranking.transfer.model import LabelledSpace
from contrastive_nas.spaces import load_space
from contrastive_nas.spaces.base import SearchSpace
from contrastive_nas.tables.reading import read_table

COLUMNS = ("space", "file", "column")


@dataclass(frozen=True, eq=False)
class LabelledTable:
    """The rows of a benchmark file that have an accuracy.

    Attributes:
        space: theirs.
        column: the accuracy's name.
        store: their graphs.
        truth: their accuracies, percent.
    """

    space: SearchSpace
    column: str
    store: GraphStore
    truth: NDArray[np.float64]

    def functions(self) -> LabelledSpace:
        """One network a function, in the order of first appearance, with the mean accuracy of its rows."""
        functions = pd.factorize(self.store.function_ids)[0]
        first = np.unique(functions, return_index=True)[1]
        means = np.bincount(functions, self.truth) / np.bincount(functions)
        return LabelledSpace(self.space.name, self.store.statistics_of(first), means)

    def part(self, rows: int | None) -> "LabelledTable":
        """So many of its rows, always the same ones at random; all by default."""
        if rows is None or rows >= len(self.truth):
            return self
        chosen = np.random.default_rng(0).permutation(len(self.truth))[:rows]
        return replace(self, store=self.store.take(chosen), truth=self.truth[chosen])


def open_tables(listing: Path, folder: Path) -> list[LabelledTable]:
    """The tables of a CSV with the columns space, file (relative to the CSV) and column (an accuracy).

    A space is named as :func:`contrastive_nas.spaces.load_space` takes it, ``file.py:Class`` too.

    Graphs are made once and kept in ``folder``, one store a space.

    Raises:
        InputError: the list lacks a column or names a space twice; a table cannot be read or lacks its
            accuracy.
    """
    listed = pd.read_csv(listing)
    missing = set(COLUMNS) - set(listed.columns)
    if missing:
        raise InputError(f"{listing} has no column {', '.join(sorted(missing))}")
    rows = listed[list(COLUMNS)].astype(str).to_numpy().tolist()
    spaces = [load_space(given) for given, _, _ in rows]
    names = [space.name for space in spaces]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise InputError(f"{listing} names the space {twice} twice")
    return [
        _open(space, space.name == given, listing.parent / file, column, folder)
        for space, (given, file, column) in zip(spaces, rows, strict=True)
    ]


def _open(space: SearchSpace, registered: bool, file: Path, column: str, folder: Path) -> LabelledTable:
    frame = read_table(file, space=space.name if registered else None, validate=space.read).frame
    if column not in frame:
        raise InputError(f"{file} has no column {column}")
    frame = frame.dropna(subset=column)
    path = folder / f"{space.name}.arrow"
    names = frame["architecture"].tolist()
    if not path.exists():
        convert(path, [(space, names)], spectrum_size=0)
    store = open_store(path)
    return LabelledTable(space, column, store.take(store.rows(names)), frame[column].to_numpy(dtype=float))
