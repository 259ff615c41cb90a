"""From architectures to a graph store, as a stream."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from contrastive_nas.errors import InputError
from contrastive_nas.graphs.canonical import canonical_batch
from contrastive_nas.graphs.hashing import function_hashes
from contrastive_nas.graphs.schema import GraphBatch
from contrastive_nas.graphs.spectrum import SPECTRUM_SIZE, spectrum
from contrastive_nas.graphs.statistics import STATISTICS, statistics
from contrastive_nas.graphs.store_writer import GraphStoreWriter
from contrastive_nas.progress import progress
from contrastive_nas.spaces.base import SearchSpace
from contrastive_nas.spaces.checks import InvalidArchitecturesError, parse_rows

ARCHITECTURES_AT_ONCE = 1000


def convert(
    path: str | Path,
    architectures: Iterable[tuple[SearchSpace, Iterable[str]]],
    *,
    spectrum_size: int = SPECTRUM_SIZE,
    canonical_form: bool = True,
) -> None:
    """Writes the graphs of architectures, with hashes, statistics and spectra, into a new graph store.

    Memory does not grow with the number of architectures, except for one spectrum per distinct function.

    Args:
        path: the store; appears whole or not at all.
        architectures: spaces with their architectures, which may be generators.
        spectrum_size: eigenvalues per graph; 0 leaves them out, which saves most of the time.
        canonical_form: store graphs in canonical form; else as they are described (hashes stay the same).

    Raises:
        InvalidArchitecturesError: architectures are not in their space; it names every such row of the space,
            and no store is written.
    """
    with GraphStoreWriter(path, STATISTICS, spectrum_size) as writer:
        for space, of_space in architectures:
            _Conversion(writer, space, spectrum_size, canonical_form).run(of_space)


@dataclass
class _Conversion:
    """The conversion of one space."""

    writer: GraphStoreWriter
    space: SearchSpace
    spectrum_size: int
    canonical_form: bool
    known_spectra: dict[int, NDArray[np.float32]] = field(default_factory=dict)

    def run(self, architectures: Iterable[str]) -> None:
        reasons: dict[int, str] = {}
        rows = 0
        total = (
            -(-len(architectures) // ARCHITECTURES_AT_ONCE) if isinstance(architectures, Sequence) else None
        )
        for chunk in progress(_chunks(architectures), f"convert {self.space.name}, thousands", total):
            try:
                batch = self.space.graphs(chunk)
            except InputError:
                found = _invalid_rows(self.space, chunk)
                if not found:
                    raise
                reasons |= {rows + row: reason for row, reason in found.items()}
            else:
                if not reasons:
                    self.append(batch, chunk)
            rows += len(chunk)
        if reasons:
            raise InvalidArchitecturesError(self.space.name, reasons, rows)

    def append(self, batch: GraphBatch, architectures: Sequence[str]) -> None:
        canonical = canonical_batch(batch)
        hashes = function_hashes(canonical, is_canonical=True)
        kept = canonical if self.canonical_form else batch
        spectra = self.spectra(kept, hashes)
        self.writer.append(kept, self.space.name, architectures, hashes, statistics(kept), spectra)

    def spectra(self, batch: GraphBatch, hashes: NDArray[np.uint64]) -> NDArray[np.float32]:
        """Spectra, each canonical graph's computed only when it is first seen."""
        if self.spectrum_size == 0 or not self.canonical_form:
            return spectrum(batch, self.spectrum_size)
        keys = hashes.tolist()
        new = {key: row for row, key in enumerate(keys) if key not in self.known_spectra}
        computed = spectrum(batch.take(np.array(list(new.values()), dtype=np.int64)), self.spectrum_size)
        self.known_spectra.update(zip(new, computed, strict=True))
        return np.stack([self.known_spectra[key] for key in keys])


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
