"""Many computation graphs in one file, read without loading it.

The format is that of :mod:`contrastive_nas.graphs.storage.writer`.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from contrastive_nas.errors import InputError
from contrastive_nas.graphs.schema import ROW_WIDTH, GraphBatch, IntArray, ranges
from contrastive_nas.graphs.storage.writer import METADATA_KEY, SCHEMA_VERSION, store_schema

_LIST_COLUMNS = ("nodes", "sources", "targets")
_FIXED_COLUMNS = ("statistics", "spectrum")


@dataclass(frozen=True, eq=False)
class GraphStore:
    """Rows of a store file. Graphs, statistics and spectra stay on the disk until they are asked for.

    Attributes:
        architectures: one string per row.
        function_hashes: uint64, rows.
        complete: rows: whether the graph holds everything that makes the network what it is.
        spaces: names of search spaces, one per row, dictionary-encoded.
        statistic_names: columns of ``statistics``.
        node_types: int32, types x ``ROW_WIDTH``: the vocabulary of the whole file.
        node_counts, edge_counts: int64, rows.
    """

    architectures: pa.Array
    function_hashes: NDArray[np.uint64]
    complete: NDArray[np.bool_]
    spaces: pa.DictionaryArray
    statistic_names: tuple[str, ...]
    node_types: IntArray
    node_counts: IntArray
    edge_counts: IntArray
    _file: "_File"
    _starts: dict[str, IntArray]

    def __len__(self) -> int:
        return len(self.node_counts)

    def __getitem__(self, rows: slice) -> "GraphStore":
        return self.take(np.arange(len(self))[rows])

    def take(self, rows: IntArray) -> "GraphStore":
        """Return the rows at ``rows``, in that order, as a store of their own; no graph is read."""
        rows = np.asarray(rows, dtype=np.int64)
        chosen = pa.array(rows)
        return replace(
            self,
            architectures=self.architectures.take(chosen),
            function_hashes=self.function_hashes[rows],
            complete=self.complete[rows],
            spaces=self.spaces.take(chosen),
            node_counts=self.node_counts[rows],
            edge_counts=self.edge_counts[rows],
            _starts={name: starts[rows] for name, starts in self._starts.items()},
        )

    def select(self, *, space: str | None = None, hashes: NDArray[np.uint64] | None = None) -> "GraphStore":
        """Return the rows of one space, of some functions, or both, in the order of this store."""
        chosen = np.ones(len(self), dtype=bool)
        if space is not None:
            chosen &= pc.equal(self.spaces.dictionary_decode(), space).to_numpy(zero_copy_only=False)
        if hashes is not None:
            chosen &= np.isin(self.function_hashes, hashes)
        return self.take(np.flatnonzero(chosen))

    def rows(self, architectures: Sequence[str]) -> IntArray:
        """Return row of each architecture, the first where there are several; select one space before.

        Raises:
            InputError: an architecture is not in the store.
        """
        found = self.find(architectures)
        missing = np.flatnonzero(found < 0)
        if len(missing):
            raise InputError(
                f"{len(missing)} architectures are not in the graph store, the first is "
                f"{architectures[int(missing[0])]}"
            )
        return found

    def find(self, architectures: Sequence[str]) -> IntArray:
        """Return the rows as :meth:`rows` does, with -1 for what is not in the store."""
        found = pc.index_in(pa.array(architectures, pa.large_string()), self.architectures)
        return found.fill_null(-1).to_numpy(zero_copy_only=False).astype(np.int64)

    @cached_property
    def function_ids(self) -> IntArray:
        """int64, rows: equal exactly where function hashes of complete graphs are; counted from 0."""
        own = np.flatnonzero(~self.complete)
        functions: IntArray = np.unique(self.function_hashes, return_inverse=True)[1]
        functions[own] = len(self) + own
        return np.unique(functions, return_inverse=True)[1] if len(own) else functions

    def architectures_of(self, rows: IntArray) -> list[str]:
        """Return the architecture strings at ``rows``."""
        found: list[str] = self.architectures.take(pa.array(np.asarray(rows, dtype=np.int64))).to_pylist()
        return found

    @property
    def statistics(self) -> NDArray[np.float32]:
        """float32, rows x ``statistic_names``: a copy of the whole table, made now."""
        return self._file.rows(self._starts["statistics"], len(self.statistic_names))

    def statistics_of(self, rows: IntArray) -> NDArray[np.float32]:
        """Return ``statistics[rows]``, of which nothing else is read."""
        return self._file.rows(self._starts["statistics"][rows], len(self.statistic_names))

    @property
    def spectrum_size(self) -> int:
        """Number of eigenvalues that are kept of a graph."""
        return self._file.spectrum_size

    @property
    def spectrum(self) -> NDArray[np.float32]:
        """float32, rows x eigenvalues: a copy of the whole table, made now."""
        return self._file.rows(self._starts["spectrum"], self.spectrum_size)

    def batch(self, rows: IntArray | None = None) -> GraphBatch:
        """Return the graphs at ``rows`` (all by default, repeats allowed), read without a loop over
        graphs.
        """
        chosen = np.arange(len(self)) if rows is None else np.asarray(rows, dtype=np.int64)
        nodes, edges = self.node_counts[chosen], self.edge_counts[chosen]
        node_offsets = np.concatenate([[0], np.cumsum(nodes)])
        edge_offsets = np.concatenate([[0], np.cumsum(edges)])
        type_ids = self._file.read(np.uint32)[ranges(self._starts["nodes"][chosen], nodes)]
        ends = self._file.read(np.uint16)
        local = [ends[ranges(self._starts[name][chosen], edges)] for name in ("sources", "targets")]
        shifted = np.stack(local).astype(np.int64) + np.repeat(node_offsets[:-1], edges)
        return GraphBatch(self.node_types, type_ids.astype(np.int32), shifted, node_offsets, edge_offsets)


def open_store(path: str | Path) -> GraphStore:
    """Open a store file; only offsets and names are read.

    Raises:
        InputError: the file is absent, damaged, cut off, no graph store, or of another version.
    """
    try:
        whole = pa.memory_map(str(path)).read_buffer()
        reader = pa.ipc.open_file(whole)
        header = json.loads((reader.schema.metadata or {})[METADATA_KEY])
        version = header["schema"]
        if version == SCHEMA_VERSION:
            expected = store_schema(header["statistics"], header["spectrum_size"])
    except FileNotFoundError as error:
        raise InputError(f"{path}: there is no such graph store") from error
    except (OSError, pa.ArrowInvalid, KeyError, ValueError, TypeError) as error:
        raise InputError(f"{path} is not a graph store, or is incomplete: {error}") from error
    if version != SCHEMA_VERSION:
        raise InputError(
            f"{path} is a graph store of version {version}, this program reads {SCHEMA_VERSION}: remove "
            "it, and convert the networks again"
        )
    if reader.schema != expected:
        raise InputError(f"{path}: columns are not those of a graph store of version {version}")
    pieces = [reader.get_batch(number) for number in range(reader.num_record_batches)]
    table = pa.Table.from_batches(pieces, schema=reader.schema)
    return GraphStore(
        architectures=_one_array(table["architecture"]),
        function_hashes=_one_array(table["function_hash"]).to_numpy(),
        complete=_one_array(table["complete"]).to_numpy(zero_copy_only=False),
        spaces=_one_array(table["space"]).dictionary_encode(),
        statistic_names=tuple(header["statistics"]),
        node_types=_vocabulary(pieces),
        node_counts=_counts(pieces, "nodes"),
        edge_counts=_counts(pieces, "sources"),
        _file=_File(whole, header["spectrum_size"]),
        _starts={name: _starts(pieces, name, whole) for name in (*_LIST_COLUMNS, *_FIXED_COLUMNS)},
    )


@dataclass(frozen=True, eq=False)
class _File:
    """The mapped bytes of a store file, which any column's elements are picked from by position.

    Positions count elements from the start of the file. So rows that lie in different record batches are
    gathered in one step.
    """

    bytes: pa.Buffer
    spectrum_size: int

    def read(self, kind: type[np.generic]) -> NDArray[Any]:
        """The file as an array of ``kind``; nothing is copied."""
        width = np.dtype(kind).itemsize
        return np.frombuffer(self.bytes, dtype=kind, count=self.bytes.size // width)

    def rows(self, starts: IntArray, width: int) -> NDArray[np.float32]:
        """Copies of the ``width`` numbers from each of ``starts`` on; float32, starts x width."""
        if width == 0:
            return np.zeros((len(starts), 0), dtype=np.float32)
        # A view of the file in which every position begins a row, so that only the asked rows are touched.
        windows = sliding_window_view(self.read(np.float32), width)
        return windows[starts]


def _starts(pieces: list[pa.RecordBatch], name: str, whole: pa.Buffer) -> IntArray:
    """Position of the first element of every row of a list column, in elements from the start of the file."""
    found = [np.zeros(0, dtype=np.int64)]
    for piece in pieces:
        column = piece.column(name)
        values = column.values
        first = (values.buffers()[1].address - whole.address) // (values.type.bit_width // 8)
        if name in _LIST_COLUMNS:
            found.append(first + column.offsets.to_numpy()[:-1])
        else:
            found.append(first + np.arange(len(column), dtype=np.int64) * column.type.list_size)
    return np.concatenate(found)


def _counts(pieces: list[pa.RecordBatch], name: str) -> IntArray:
    """Lengths of the rows of a list column."""
    return np.concatenate(
        [np.zeros(0, np.int64), *(np.diff(piece.column(name).offsets.to_numpy()) for piece in pieces)]
    )


def _vocabulary(pieces: list[pa.RecordBatch]) -> IntArray:
    rows = [piece.column("new_types").values.values.to_numpy() for piece in pieces]
    return np.concatenate([np.zeros(0, np.int32), *rows]).reshape(-1, ROW_WIDTH)


def _one_array(column: pa.ChunkedArray) -> pa.Array:
    return column.combine_chunks() if column.num_chunks != 1 else column.chunk(0)
