"""From architectures to a graph store, as a stream."""

import logging
import pickle
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import dataclass, field
from itertools import islice
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from contrastive_nas.conversion.known_graphs import KnownGraphs, open_known
from contrastive_nas.conversion.measured import Measured
from contrastive_nas.errors import InputError
from contrastive_nas.graphs.canonical_form.canonical import canonical_batch, function_hashes
from contrastive_nas.graphs.schema import GraphBatch
from contrastive_nas.graphs.statistics.network import STATISTICS, statistics
from contrastive_nas.graphs.statistics.spectrum import SPECTRUM_SIZE, spectrum
from contrastive_nas.graphs.storage.writer import GraphStoreWriter
from contrastive_nas.progress import progress
from contrastive_nas.spaces.base import SearchSpace
from contrastive_nas.spaces.checks import InvalidArchitecturesError, parse_rows

_LOG = logging.getLogger(__name__)
ARCHITECTURES_AT_ONCE = 1000
# Chunks per worker that are being made or wait to be written; bounds memory.
_CHUNKS_AHEAD = 2


def convert(
    path: str | Path,
    architectures: Iterable[tuple[SearchSpace, Iterable[str]]],
    *,
    spectrum_size: int = SPECTRUM_SIZE,
    canonical_form: bool = True,
    workers: int = 1,
    known: str | Path | None = None,
) -> None:
    """Write the graphs of architectures, with hashes, statistics and spectra, into a new graph store.

    Memory does not grow with the number of architectures, except for one spectrum per distinct function.

    Args:
        path: the store; appears whole or not at all.
        architectures: spaces with their architectures, which may be generators.
        spectrum_size: eigenvalues per graph; 0 leaves them out, which saves most of the time.
        canonical_form: store graphs in canonical form; else as they are described (hashes stay the same).
        workers: processes; the store is the same for any number. A space that cannot be sent to another
            process, such as one from a file, is converted in this one.
        known: a store that was made in the same way; what is in it is taken over. The new store is the same
            as without it.

    Raises:
        InputError: ``known`` is no store or one of another form.
        InvalidArchitecturesError: architectures are not in their space; it names every such row of the space,
            and no store is written.
    """
    earlier = open_known(known, spectrum_size)
    with GraphStoreWriter(path, STATISTICS, spectrum_size) as writer:
        for space, of_space in architectures:
            converter = SpaceConverter(space, spectrum_size, canonical_form)
            _convert_space(writer, of_space, converter, workers, KnownGraphs(earlier, space.name))


@dataclass
class SpaceConverter:
    """How the graphs of a space are made and measured; keeps the spectra that it has seen."""

    space: SearchSpace
    spectrum_size: int
    canonical_form: bool
    known_spectra: dict[int, NDArray[np.float32]] = field(default_factory=dict)

    def of(self, architectures: Sequence[str]) -> Measured | dict[int, str]:
        """Return the graphs, or why architectures are not in the space, by row."""
        try:
            batch = self.space.graphs(architectures)
        except InputError:
            reasons = _invalid_rows(self.space, architectures)
            if not reasons:
                raise
            return reasons
        canonical = canonical_batch(batch)
        hashes = function_hashes(canonical, is_canonical=True)
        kept = canonical if self.canonical_form else batch
        return Measured(kept, hashes, statistics(kept), self._spectra(kept, hashes))

    def _spectra(self, batch: GraphBatch, hashes: NDArray[np.uint64]) -> NDArray[np.float32]:
        """Spectra, each canonical graph's computed only when it is first seen."""
        if self.spectrum_size == 0 or not self.canonical_form:
            return spectrum(batch, self.spectrum_size)
        keys = hashes.tolist()
        new = {key: row for row, key in enumerate(keys) if key not in self.known_spectra}
        computed = spectrum(batch.take(np.array(list(new.values()), dtype=np.int64)), self.spectrum_size)
        self.known_spectra.update(zip(new, computed, strict=True))
        return np.stack([self.known_spectra[key] for key in keys])


def _convert_space(
    writer: GraphStoreWriter,
    architectures: Iterable[str],
    converter: SpaceConverter,
    workers: int,
    known: KnownGraphs,
) -> None:
    name, reasons, rows, made = converter.space.name, dict[int, str](), 0, 0
    total = -(-len(architectures) // ARCHITECTURES_AT_ONCE) if isinstance(architectures, Sequence) else None
    chunks = _measured_chunks(_chunks(architectures), converter, workers, known)
    for chunk, found in progress(chunks, f"convert {name}, thousands", total):
        missing = known.missing(chunk)
        if isinstance(found, dict):
            reasons |= {rows + missing[row]: reason for row, reason in found.items()}
        elif not reasons:
            whole = known.completed(chunk, found)
            writer.append(whole.batch, name, chunk, whole.hashes, whole.statistics, whole.spectra)
        rows += len(chunk)
        made += len(missing)
    if reasons:
        raise InvalidArchitecturesError(name, reasons, rows)
    _LOG.info("%s: %d graphs made, %d taken from the earlier store", name, made, rows - made)


def _measured_chunks(
    chunks: Iterator[list[str]], converter: SpaceConverter, workers: int, known: KnownGraphs
) -> Iterator[tuple[list[str], Measured | dict[int, str] | None]]:
    """Every chunk in order, with the graphs of what is not known in it; None where all is known."""

    def missing(chunk: list[str]) -> list[str]:
        return [chunk[place] for place in known.missing(chunk)]

    if workers == 1 or not _can_be_sent(converter):
        for chunk in chunks:
            new = missing(chunk)
            yield chunk, converter.of(new) if new else None
        return
    waiting: deque[tuple[list[str], Future[Measured | dict[int, str]] | None]] = deque()
    # Forked processes would inherit the state of threads that they do not have.
    context = get_context("spawn")
    with ProcessPoolExecutor(workers, context, initializer=_start_worker, initargs=(converter,)) as pool:
        for chunk in chunks:
            new = missing(chunk)
            waiting.append((chunk, pool.submit(_convert_in_worker, new) if new else None))
            if len(waiting) == workers * _CHUNKS_AHEAD:
                yield _finished(*waiting.popleft())
        yield from (_finished(*some) for some in waiting)


def _finished(
    chunk: list[str], future: Future[Measured | dict[int, str]] | None
) -> tuple[list[str], Measured | dict[int, str] | None]:
    return chunk, None if future is None else future.result()


def _can_be_sent(converter: SpaceConverter) -> bool:
    try:
        pickle.dumps(converter)
    except (pickle.PicklingError, AttributeError, TypeError):
        return False
    return True


_worker_converter: SpaceConverter | None = None


def _start_worker(converter: SpaceConverter) -> None:
    global _worker_converter
    torch.set_num_threads(1)
    _worker_converter = converter


def _convert_in_worker(architectures: list[str]) -> Measured | dict[int, str]:
    assert _worker_converter is not None
    return _worker_converter.of(architectures)


def _invalid_rows(space: SearchSpace, architectures: Sequence[str]) -> dict[int, str]:
    """Why an architecture is not in the space, by row."""
    try:
        parse_rows(space.name, architectures, space.validate)
    except InvalidArchitecturesError as error:
        return error.reasons
    return {}


def _chunks(architectures: Iterable[str]) -> Iterator[list[str]]:
    iterator = iter(architectures)
    while chunk := list(islice(iterator, ARCHITECTURES_AT_ONCE)):
        yield chunk
