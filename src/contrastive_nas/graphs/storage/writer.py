"""Writing many computation graphs into one file, as a stream.

A store is an uncompressed Arrow IPC file. One row is one architecture:

=================  =============================  ============================================================
space              string                         name of its search space
architecture       string                         as written in that space
function_hash      uint64                         hash of the canonical graph
complete           bool                           whether the graph holds all that makes the network
nodes              list of uint32                 type of every node: a row of the vocabulary
sources, targets   lists of uint16                edges, by the numbers of nodes within the graph
statistics         fixed list of float32          named in the file's metadata
spectrum           fixed list of float32          smallest Laplacian eigenvalues
new_types          list of lists of int32         rows of features and attributes, new with this graph
=================  =============================  ============================================================

The vocabulary of node types is the concatenation of ``new_types`` over all rows: so a stream can be written
without knowing it beforehand, and a node takes four bytes instead of 88.
"""

import json
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from contrastive_nas.errors import InputError
from contrastive_nas.files import atomic_path
from contrastive_nas.graphs.schema import ROW_WIDTH, GraphBatch, IntArray, used_types

# 2: graphs and function hashes hold the attributes of nodes.
SCHEMA_VERSION = 2
METADATA_KEY = b"contrastive_nas"
_MOST_NODES = 1 << 16
# Nodes in one record batch of the file, at least: few enough to hold, enough to make opening quick.
_NODES_IN_PIECE = 1 << 20


def store_schema(statistics: Sequence[str], spectrum_size: int) -> pa.Schema:
    """Return columns and metadata of a store with these statistics and this number of eigenvalues."""
    header = {"schema": SCHEMA_VERSION, "statistics": list(statistics), "spectrum_size": spectrum_size}
    return pa.schema(
        [
            ("space", pa.large_string()),
            ("architecture", pa.large_string()),
            ("function_hash", pa.uint64()),
            ("complete", pa.bool_()),
            ("nodes", pa.large_list(pa.uint32())),
            ("sources", pa.large_list(pa.uint16())),
            ("targets", pa.large_list(pa.uint16())),
            ("statistics", pa.list_(pa.float32(), len(statistics))),
            ("spectrum", pa.list_(pa.float32(), spectrum_size)),
            ("new_types", pa.large_list(pa.list_(pa.int32(), ROW_WIDTH))),
        ],
        metadata={METADATA_KEY: json.dumps(header).encode()},
    )


class GraphStoreWriter:
    """Writes a store piece by piece; the file appears, whole, when the ``with`` block ends without an error.

    Memory is bounded by a fixed amount and the largest piece appended.
    """

    def __init__(self, path: str | Path, statistics: Sequence[str], spectrum_size: int) -> None:
        """
        Args:
            path: the file to be written or replaced.
            statistics: names of the statistics that come with every graph.
            spectrum_size: number of eigenvalues that come with every graph.
        """
        self._path = Path(path)
        self._schema = store_schema(statistics, spectrum_size)
        self._widths = (len(statistics), spectrum_size)
        self._vocabulary: dict[bytes, int] = {}
        self._waiting: list[pa.RecordBatch] = []
        self._waiting_nodes = 0
        self._stack = ExitStack()

    def __enter__(self) -> "GraphStoreWriter":
        partial = self._stack.enter_context(atomic_path(self._path))
        self._file = self._stack.enter_context(pa.ipc.new_file(str(partial), self._schema))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self._flush()
        self._stack.__exit__(kind, error, trace)

    def append(
        self,
        batch: GraphBatch,
        space: str,
        architectures: Sequence[str],
        hashes: NDArray[np.uint64],
        statistics: NDArray[np.floating[Any]],
        spectrum: NDArray[np.floating[Any]],
    ) -> None:
        """Add graphs of one space, with what is known of each.

        Args:
            batch: the graphs.
            space: name of their search space.
            architectures: one string per graph.
            hashes: function hashes, one per graph.
            statistics: graphs x statistics.
            spectrum: graphs x eigenvalues.

        Raises:
            InputError: a graph has more than 65,536 nodes.
            ValueError: the parts do not fit each other or the store.
        """
        count, sizes = len(batch), np.diff(batch.node_offsets)
        expected = [(count, width) for width in self._widths]
        if [statistics.shape, spectrum.shape] != expected or {len(architectures), len(hashes)} != {count}:
            raise ValueError(f"{count} graphs come with other numbers of rows or columns than the store has")
        if count == 0:
            return
        if sizes.max() > _MOST_NODES:
            large = architectures[int(sizes.argmax())]
            raise InputError(
                f"{space} {large}: {sizes.max()} nodes; a graph store takes at most {_MOST_NODES}"
            )
        type_ids, new_types = self._in_vocabulary(batch)
        first_node = np.repeat(batch.node_offsets[:-1], np.diff(batch.edge_offsets))
        sources, targets = (batch.edges - first_node).astype(np.uint16)
        columns = [
            pa.array([space] * count, pa.large_string()),
            pa.array(architectures, pa.large_string()),
            pa.array(hashes, pa.uint64()),
            pa.array(batch.complete, pa.bool_()),
            _lists(batch.node_offsets, type_ids),
            _lists(batch.edge_offsets, sources),
            _lists(batch.edge_offsets, targets),
            _fixed_lists(statistics.astype(np.float32)),
            _fixed_lists(spectrum.astype(np.float32)),
            _lists(np.where(np.arange(count + 1) > 0, len(new_types), 0), _fixed_lists(new_types)),
        ]
        self._waiting.append(pa.record_batch(columns, schema=self._schema))
        self._waiting_nodes += len(type_ids)
        if self._waiting_nodes >= _NODES_IN_PIECE:
            self._flush()

    def _flush(self) -> None:
        if self._waiting:
            self._file.write_batch(pa.concat_batches(self._waiting))
        self._waiting, self._waiting_nodes = [], 0

    def _in_vocabulary(self, batch: GraphBatch) -> tuple[NDArray[np.uint32], IntArray]:
        """The type of every node by the store's vocabulary, and the rows that had to be added to it."""
        # Sorted, so that the file does not depend on how the batch was put together.
        used, number = used_types(batch.node_types, batch.type_ids)
        rows = np.ascontiguousarray(used, dtype=np.int32)
        known = len(self._vocabulary)
        ids = np.array(
            [self._vocabulary.setdefault(row.tobytes(), len(self._vocabulary)) for row in rows], np.uint32
        )
        return ids[number], rows[ids >= known]


def _lists(offsets: IntArray, values: NDArray[Any] | pa.Array) -> pa.LargeListArray:
    values = values if isinstance(values, pa.Array) else pa.array(values)
    return pa.LargeListArray.from_arrays(pa.array(offsets, pa.int64()), values)


def _fixed_lists(rows: NDArray[Any]) -> pa.FixedSizeListArray:
    flat = pa.array(rows.reshape(-1))
    kind = pa.list_(flat.type, rows.shape[1])
    return pa.FixedSizeListArray.from_buffers(kind, len(rows), [None], children=[flat])
