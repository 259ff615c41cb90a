"""NAS-Bench-201 and the topology space of NATS-Bench in every form that they were published in.

Dong and Yang, *NAS-Bench-201*, ICLR 2020; Dong et al., *NATS-Bench*, TPAMI 2021. Folders of one compressed
pickle an architecture (``NATS-tss-v1_0-3ffb9-simple`` and ``-full``), one compressed pickle of all
(``.pickle.pbz2``), and files by ``torch.save`` (``NAS-Bench-201-v1_0-e61699.pth``, ``-v1_1-096897.pth``).
Accuracies are the mean over the seeds at the end of training.
"""

import bz2
import re
import tarfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, BinaryIO, cast

import pandas as pd

from contrastive_nas.errors import InputError
from contrastive_nas.progress import progress
from contrastive_nas.tables.base import Problems, Row, TableFormat, frames, head, usable_records
from contrastive_nas.tables.parsing.data_pickle import DataPickle
from contrastive_nas.tables.parsing.nats_bench_results import columns
from contrastive_nas.tables.parsing.torch_file import is_torch_file, open_torch_file

ARCHITECTURES = 15_625
_ENTRIES = "arch2infos"
_PEEKED = 5
_MEMBER = re.compile(r"\d{1,6}\.pickle\.pbz2")
_Records = Iterator[tuple[Row, Any]]


def _source(
    name: str, title: str, detect: Callable[[Path], bool], records: Callable[[Path, Problems], _Records]
) -> TableFormat:
    def read(path: Path, problems: Problems) -> Iterator[pd.DataFrame]:
        yield from frames(usable_records(records(path, problems), columns, problems))

    return TableFormat(name=name, title=title, space="nasbench201", detect=detect, read=read)


def _in_folder(path: Path, problems: Problems) -> _Records:
    def attempt(name: str, stream: IO[bytes]) -> Any:
        try:
            with _decompressed(stream, name) as pickle:
                return pickle.load()
        except InputError as error:
            problems.add(name, str(error))
            return None

    members = _members_of_folder(path) if path.is_dir() else _members_of_archive(path)
    for name, stream in progress(members, f"reading {path.name}", ARCHITECTURES):
        results = attempt(name, stream)
        if results is not None:
            yield name, results


def _members_of_folder(path: Path) -> Iterator[tuple[str, IO[bytes]]]:
    for member in sorted(
        (member for member in path.iterdir() if _MEMBER.fullmatch(member.name)), key=_number
    ):
        with member.open("rb") as stream:
            yield member.name, stream


def _members_of_archive(path: Path) -> Iterator[tuple[str, IO[bytes]]]:
    try:
        with tarfile.open(path, "r|") as archive:
            while member := archive.next():
                # The list of members that tarfile keeps would grow with the archive.
                cast(Any, archive).members = []
                name = member.name.rpartition("/")[2]
                stream = archive.extractfile(member) if member.isfile() and _MEMBER.fullmatch(name) else None
                if stream:
                    yield name, stream
    except (tarfile.TarError, OSError, EOFError, ValueError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"{path}: the archive is damaged: {error}") from error


def _number(member: Path) -> int:
    return int(member.name.split(".")[0])


def _in_pickle(path: Path, problems: Problems) -> _Records:
    with path.open("rb") as stream, _decompressed(stream, str(path)) as pickle:
        yield from _entries(pickle, path)


def _in_torch_file(path: Path, problems: Problems) -> _Records:
    with open_torch_file(path) as pickle:
        yield from _entries(pickle, path)


def _entries(pickle: DataPickle, path: Path) -> _Records:
    """The results of all architectures of one file: each when it is complete, the others at the end."""
    for index, content in progress(pickle.entries(_ENTRIES), f"reading {path.name}", ARCHITECTURES):
        if index is not None:
            yield index, content
        elif not isinstance(content, dict) or not isinstance(content.get(_ENTRIES), dict):
            raise InputError(f"{path}: there is no {_ENTRIES!r} in it")
        else:
            yield from ((key, value) for key, value in content[_ENTRIES].items() if isinstance(value, dict))


@contextmanager
def _decompressed(stream: IO[bytes], name: str) -> Iterator[DataPickle]:
    try:
        with bz2.open(stream) as content:
            yield DataPickle(cast(BinaryIO, content), name)
    except (OSError, EOFError) as error:
        raise InputError(f"{name}: the bzip2 file is damaged: {error}") from error


def _is_folder(path: Path) -> bool:
    if path.is_dir():
        return any(_MEMBER.fullmatch(member.name) for member in path.iterdir())
    return head(path, 262)[257:] == b"ustar" and _archive_holds_members(path)


def _archive_holds_members(path: Path) -> bool:
    """Whether one of an archive's first members is that of an architecture."""
    try:
        with tarfile.open(path, "r:") as archive:
            first = (archive.next() for _ in range(_PEEKED))
            return any(_MEMBER.fullmatch(member.name.rpartition("/")[2]) for member in first if member)
    except (tarfile.TarError, OSError, EOFError, ValueError):
        return False


def _is_pickle(path: Path) -> bool:
    if head(path, 3) != b"BZh":
        return False
    try:
        with bz2.open(path) as stream:
            return stream.read(1) == b"\x80"
    except (OSError, EOFError):
        return False


NATS_FOLDER = _source(
    "nats_bench_folder",
    "NATS-Bench topology, folder or .tar of one .pickle.pbz2 an architecture (-simple or -full)",
    _is_folder,
    _in_folder,
)
NATS_PICKLE = _source(
    "nats_bench_pickle",
    "NATS-Bench topology, one .pickle.pbz2 of all architectures",
    _is_pickle,
    _in_pickle,
)
NASBENCH201_TORCH = _source(
    "nasbench201_torch", "NAS-Bench-201's own .pth files", is_torch_file, _in_torch_file
)
