"""A long list of networks in a folder, in partitions of which each is computed once.

    manifest.json        what the partitions belong to
    networks.arrow       the names, one record batch a partition
    part-00012.parquet   what is known of the networks of a partition

Files appear whole or not at all, so a command that was killed goes on where it was: partitions whose file is
there are not computed again. Two commands never work in one folder at the same time.
"""

import fcntl
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import islice
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from contrastive_nas.errors import InputError
from contrastive_nas.files import atomic_path
from contrastive_nas.graphs.schema import IntArray
from contrastive_nas.progress import Progress

# Some four seconds of one processor: what a killed command loses.
NETWORKS_EACH = 5_000
FORMAT = 1
PARTS = "part-*.parquet"
_MANIFEST, _NETWORKS, _LOCK = "manifest.json", "networks.arrow", "lock"
_SCHEMA = pa.schema([("architecture", pa.string())])


class Partitions:
    """The networks of one ranking, and what is known of them by now; a context manager.

    Args:
        folder: is made where it is missing.
        identity: what the ranking depends on, as plain data.
        size: networks of a partition.

    Raises:
        InputError: the folder holds something else, or partitions of another ranking, or another command
            works in it.
    """

    def __init__(self, folder: Path, identity: Mapping[str, Any], size: int = NETWORKS_EACH) -> None:
        self.folder, self.size = folder, size
        manifest = {"format": FORMAT, "networks_each": size, **identity}
        self._manifest = json.loads(json.dumps(manifest))  # as it is read back
        self._networks: pa.ipc.RecordBatchFileReader | None = None

    def __enter__(self) -> Self:
        self.folder.mkdir(parents=True, exist_ok=True)
        self._lock = (self.folder / _LOCK).open("w")
        try:
            # Freed when the file is closed, however this process ends.
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            self._lock.close()
            raise InputError(f"{self.folder}: another command is working in this folder") from None
        try:
            self._check()
        except BaseException:
            self._lock.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._lock.close()

    def list_networks(self, names: Callable[[], Iterable[str]]) -> None:
        """Write the names that a function lists, each once, unless they are there from an earlier command.

        Memory does not grow with their number, but for some 100 bytes for each that tell whether it is new.
        """
        if self._path(_NETWORKS).exists():
            return
        seen: set[int] = set()
        with (
            Progress("list networks", unit="networks") as shown,
            atomic_path(self._path(_NETWORKS)) as path,
            pa.OSFile(str(path), "wb") as stream,
            pa.ipc.new_file(stream, _SCHEMA) as writer,
        ):
            distinct = _distinct(names(), seen, self.size)
            while part := list(islice(distinct, self.size)):
                writer.write_batch(pa.record_batch([pa.array(part, pa.string())], schema=_SCHEMA))
                shown.update(len(seen))

    @property
    def count(self) -> int:
        """Number of partitions."""
        return int(self._reader.num_record_batches)

    def names(self, number: int) -> pa.Array:
        """Return the names of a partition."""
        return self._reader.get_batch(number).column(0)

    @property
    def networks(self) -> int:
        """Number of networks."""
        return sum(len(self.names(number)) for number in range(self.count))

    def all_names(self) -> pd.Series:
        """Return the names of all networks."""
        names = pa.chunked_array([self.names(number) for number in range(self.count)], pa.string())
        found: pd.Series = names.to_pandas()
        return found

    def names_at(self, places: IntArray) -> list[str]:
        """Return the names at places of the whole list, which are ascending."""
        found: list[str] = []
        for number in range(self.count):
            low, high = np.searchsorted(places, [number * self.size, (number + 1) * self.size])
            found += self.names(number).take(pa.array(places[low:high] - number * self.size)).to_pylist()
        return found

    def missing(self) -> list[int]:
        """Return numbers of the partitions of which nothing is known yet."""
        return [number for number in range(self.count) if not self._part(number).exists()]

    def keep(self, number: int, table: pa.Table) -> None:
        """Write what is known of a partition's networks.

        Raises:
            ValueError: these are not its networks.
        """
        if table.column("architecture").combine_chunks() != self.names(number):
            raise ValueError(f"the table is not of the networks of partition {number}")
        with atomic_path(self._part(number)) as path:
            pq.write_table(table.combine_chunks(), path, compression="zstd")

    def agree(self, name: str, value: Any) -> None:
        """Note a further part of the identity that is known only now.

        Raises:
            InputError: the folder's partitions were made with another one.
        """
        known = self._manifest.setdefault(name, value)
        if known != value:
            raise InputError(
                f"{self.folder} holds partitions of another ranking: its {name} was another one, as of "
                "another version of the program or ranker; name another folder with --work, or delete it"
            )
        self._write_manifest()

    def columns(self) -> pa.Table:
        """Return all that is known but the names, of all networks."""
        kept = [name for name in pq.read_schema(self._part(0)).names if name != "architecture"]
        return pa.concat_tables(
            pq.read_table(self._part(number), columns=kept) for number in range(self.count)
        )

    def places(self, names: Iterable[str]) -> IntArray:
        """Return places in the whole list of those of the names that are in it, ascending."""
        wanted = pa.array(list(names), pa.string())
        found = [pc.is_in(self.names(number), wanted) for number in range(self.count)]
        return np.flatnonzero(pa.chunked_array(found, pa.bool_()).to_numpy())

    @property
    def _reader(self) -> Any:
        if self._networks is None:
            self._networks = pa.ipc.open_file(pa.memory_map(str(self._path(_NETWORKS))))
        return self._networks

    def _check(self) -> None:
        """Reads the manifest, or writes it into a new folder."""
        path = self._path(_MANIFEST)
        if not path.exists():
            if any(entry.name != _LOCK for entry in self.folder.iterdir()):
                raise InputError(f"{self.folder} is not empty and holds no ranking: name another folder")
            self._write_manifest()
            return
        try:
            kept = json.loads(path.read_text(encoding="utf-8"))
        except ValueError:
            raise InputError(f"{path} is damaged: delete the folder, or name another one") from None
        differing = [name for name, value in self._manifest.items() if kept.get(name) != value]
        if differing:
            raise InputError(
                f"{self.folder} holds partitions of another ranking, with another {', '.join(differing)}: "
                "name another folder with --work, or delete it"
            )
        self._manifest = kept

    def _write_manifest(self) -> None:
        with atomic_path(self._path(_MANIFEST)) as path:
            path.write_text(json.dumps(self._manifest, indent=2, sort_keys=True) + "\n", encoding="utf-8")

    def _path(self, name: str) -> Path:
        return self.folder / name

    def _part(self, number: int) -> Path:
        return self._path(f"part-{number:05}.parquet")


def _distinct(names: Iterable[str], seen: set[int], at_once: int) -> Iterator[str]:
    """Each name once, told apart by a hash of 64 bits, which two of a million share with probability 3e-8."""
    left = iter(names)
    while part := list(islice(left, at_once)):
        hashes = pd.util.hash_array(np.array(part, dtype=object), categorize=False).tolist()
        for name, number in zip(part, hashes, strict=True):
            if number not in seen:
                seen.add(number)
                yield name
