"""Labelled spaces from benchmark files and lists of models: what models of several spaces learn from."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from contrastive_nas.conversion.convert import convert
from contrastive_nas.errors import InputError
from contrastive_nas.graphs.schema import IntArray
from contrastive_nas.graphs.storage.store import GraphStore, open_store
from contrastive_nas.model_zoo import LIBRARIES
from contrastive_nas.networks.listing import list_given
from contrastive_nas.networks.tracing import trace_networks
from contrastive_nas.ranking.graph_source import ListedSource
from contrastive_nas.ranking.transfer.model import LabelledSpace
from contrastive_nas.spaces import load_space
from contrastive_nas.spaces.base import SearchSpace
from contrastive_nas.tables.labels import named_rows
from contrastive_nas.tables.parsing.headers import ARCHITECTURE
from contrastive_nas.tables.reading import read_table

COLUMNS = ("space", "file", "column")
# Columns that a list of tables may have besides: names of columns of its tables.
_GROUPS, _FAMILIES = "groups", "families"


@dataclass(frozen=True, eq=False)
class LabelledTable:
    """Networks that belong together, with accuracies of one task or of several.

    Attributes:
        name: of their space, or of the library that they come from.
        space: theirs; None where they are a library's.
        columns: the tasks, named as in the file.
        graphs: one per row.
        labels: rows x tasks; NaN where there is none.
        groups: which rows were trained alike, by number: only these are compared; None for all.
        families: of each row, by name; None where the list says nothing of them.
    """

    name: str
    space: SearchSpace | None
    columns: tuple[str, ...]
    graphs: GraphStore | ListedSource
    labels: NDArray[np.float64]
    groups: IntArray | None = None
    families: NDArray[np.object_] | None = None

    def functions(self) -> LabelledSpace:
        """Return one network a function and group, in the order of first appearance, with its mean
        accuracies.
        """
        functions = np.asarray(self.graphs.function_ids)
        together = functions if self.groups is None else functions + len(functions) * self.groups
        members, _ = pd.factorize(together)
        first = np.unique(members, return_index=True)[1]
        means = pd.DataFrame(self.labels).groupby(members).mean().to_numpy()
        groups = None if self.groups is None else self.groups[first]
        return LabelledSpace(self.name, self.graphs.statistics_of(first), means, groups)

    def rows(self, chosen: IntArray) -> "LabelledTable":
        """Return some of its rows."""
        return replace(
            self,
            graphs=self.graphs.take(chosen),
            labels=self.labels[chosen],
            groups=None if self.groups is None else self.groups[chosen],
            families=None if self.families is None else self.families[chosen],
        )

    def part(self, rows: int | None) -> "LabelledTable":
        """Return so many of its rows, always the same ones at random; all by default."""
        if rows is None or rows >= len(self.labels):
            return self
        return self.rows(np.random.default_rng(0).permutation(len(self.labels))[:rows])


def open_tables(listing: Path, folder: Path) -> list[LabelledTable]:
    """Return the tables of a CSV with the columns space, file (relative to the CSV) and column (an accuracy).

    A space is named as :func:`contrastive_nas.spaces.load_space` takes it, ``file.py:Class`` too. ``timm``
    or ``torchvision`` stands for a table of that library's networks: one of its columns has their names, as
    in :func:`contrastive_nas.tables.labels.file_labels`. A space with several rows of the same file has as
    many tasks. The list may have the columns ``groups`` and ``families``, with names of columns of a table:
    who was trained alike (a recipe explains points of accuracy), and who is of one family.

    Graphs are made once and kept in ``folder``, one store a space.

    Raises:
        InputError: the list lacks a column, or has two files of one space; a table cannot be read, or lacks
            a column that the list names; no network of a library can be traced.
    """
    listed = pd.read_csv(listing, dtype=str)
    missing = set(COLUMNS) - set(listed.columns)
    if missing:
        raise InputError(f"{listing} has no column {', '.join(sorted(missing))}")
    found: dict[str, LabelledTable] = {}
    for given, rows in listed.groupby("space", sort=False):
        table = _open(str(given), rows, listing, folder)
        if table.name in found:
            raise InputError(f"{listing} names the space {table.name} twice")
        found[table.name] = table
    return list(found.values())


def _open(given: str, listed: pd.DataFrame, listing: Path, folder: Path) -> LabelledTable:
    files = listed["file"].unique()
    if len(files) > 1:
        raise InputError(f"{listing} has several files of the space {given}: {' and '.join(files)}")
    file, columns = listing.parent / files[0], tuple(listed["column"])
    space = None if given in LIBRARIES else load_space(given)
    if space is None:
        frame = named_rows(file)
    else:
        named = space.name if space.name == given else None
        frame = read_table(file, space=named, validate=space.read).frame
    extra = {kind: _named_column(listed, kind) for kind in (_GROUPS, _FAMILIES)}
    absent = [name for name in (*columns, *filter(None, extra.values())) if name not in frame]
    if absent:
        raise InputError(f"{file} has no column {absent[0]}")
    frame = frame.dropna(subset=list(columns), how="all")
    names = frame[ARCHITECTURE].tolist()
    graphs = _library_graphs(given, names, folder) if space is None else _space_graphs(space, names, folder)
    groups = pd.factorize(frame[extra[_GROUPS]])[0] if extra[_GROUPS] else None
    families = frame[extra[_FAMILIES]].to_numpy(dtype=object) if extra[_FAMILIES] else None
    name = given if space is None else space.name
    labels = frame[list(columns)].to_numpy(dtype=float)
    return LabelledTable(name, space, columns, graphs, labels, groups, families)


def _named_column(listed: pd.DataFrame, kind: str) -> str | None:
    named = listed[kind].dropna().tolist() if kind in listed else []
    return named[0] if named else None


def _space_graphs(space: SearchSpace, names: Sequence[str], folder: Path) -> GraphStore:
    path = folder / f"{space.name}.arrow"
    if not path.exists():
        convert(path, [(space, names)], spectrum_size=0)
    store = open_store(path)
    return store.take(store.rows(names))


def _library_graphs(library: str, names: Sequence[str], folder: Path) -> ListedSource:
    given = list_given([f"{library}:{name}" for name in dict.fromkeys(names)])
    traced = trace_networks(given.networks, kept=folder / library)
    if traced.refused:
        name, reason = next(iter(traced.refused.items()))
        raise InputError(f"{len(traced.refused)} networks cannot be traced; {name}: {reason}")
    place = {name.partition(":")[2]: row for row, name in enumerate(traced.graphs)}
    return ListedSource.of(list(traced.graphs.values())).take(np.array([place[name] for name in names]))
