"""What a reader of one format is, and how it reports rows that cannot be used."""

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import pandas as pd

from contrastive_nas.errors import InputError

if TYPE_CHECKING:
    from contrastive_nas.graphs import ComputationGraph

OnError = Literal["stop", "skip"]
Row = int | str
# Gives a network's graph, or raises InputError.
GraphMaker = Callable[[], "ComputationGraph"]
# Height and width of an image.
ImageSize = tuple[int, int]
# Row label, columns of the row, and what makes the network's graph.
GivenGraph = tuple[Row, dict[str, Any], GraphMaker]
ROWS_PER_FRAME = 20_000
_ACCURACY = re.compile(r"(?i).+_accuracy(_.+)?$")


def is_accuracy(column: str) -> bool:
    """Return whether a column holds an accuracy in percent: ``<dataset>_<split>_accuracy``, maybe with a
    suffix.
    """
    return _ACCURACY.match(column) is not None


@dataclass(frozen=True)
class Problem:
    """One thing in a file that cannot be used.

    ``row`` is the 1-based number of the data row or record, or the name of the member file; None where the
    problem is the whole file's.
    """

    file: str
    row: Row | None
    reason: str

    def __str__(self) -> str:
        place = self.file if self.row is None else f"{self.file}, row {self.row}"
        return f"{place}: {self.reason}"


@dataclass
class Problems:
    """Collects the problems of one file, at most ``limit`` of them; all are counted.

    With ``on_error="stop"`` the first one is raised as InputError.
    """

    file: str
    on_error: OnError = "stop"
    limit: int = 100
    kept: list[Problem] = field(default_factory=list)
    count: int = 0

    def add(self, row: Row | None, reason: str) -> None:
        """Note one problem.

        Raises:
            InputError: the first problem, where the caller wants to stop at it.
        """
        problem = Problem(self.file, row, reason)
        if self.on_error == "stop":
            raise InputError(str(problem))
        self.count += 1
        if len(self.kept) < self.limit:
            self.kept.append(problem)


class RowError(ValueError):
    """One row, record or member file cannot be used; the file as a whole can."""


@dataclass(frozen=True)
class TableFormat:
    """A file format.

    Attributes:
        name: what users type.
        title: one line for people.
        space: the search space that its architectures belong to; None where the file or the caller says it.
        detect: whether a path looks like this format; looks at little of it, never raises for odd content.
        read: yields frames of rows with ``architecture`` and accuracy columns in percent; the index holds
            the row labels. Unusable rows go to the Problems; damage of the whole file raises InputError.
        repeats: whether several rows of one architecture are repeated measurements, to be averaged.
        runs_code: whether reading executes what the file contains; such a format is never chosen by itself.
        graphs: yields row labels, columns and makers of graphs, where the file holds networks and not
            descriptions in a space; the size of an image, where networks leave it free, is given. Columns are
            ``architecture`` and, where reading runs code, all others.
        leaves_size: whether its networks may leave the size of an image free.
    """

    name: str
    title: str
    space: str | None
    detect: Callable[[Path], bool]
    read: Callable[[Path, Problems], Iterator[pd.DataFrame]]
    repeats: bool = False
    runs_code: bool = False
    graphs: Callable[[Path, Problems, ImageSize | None], Iterator[GivenGraph]] | None = None
    leaves_size: bool = False


def frames(records: Iterator[tuple[Row, dict[str, Any]]]) -> Iterator[pd.DataFrame]:
    """Gather (row label, columns) pairs into frames of bounded size."""
    labels: list[Row] = []
    rows: list[dict[str, Any]] = []
    for label, row in records:
        labels.append(label)
        rows.append(row)
        if len(rows) == ROWS_PER_FRAME:
            yield pd.DataFrame(rows, index=pd.Index(labels, dtype=object))
            labels, rows = [], []
    if rows:
        yield pd.DataFrame(rows, index=pd.Index(labels, dtype=object))


def usable_records(
    records: Iterable[tuple[Row, Any]], row: Callable[[Any], dict[str, Any]], problems: Problems
) -> Iterator[tuple[Row, dict[str, Any]]]:
    """Yield labels and columns of the records that ``row`` takes; those it raises RowError for are
    problems.
    """

    def attempt(label: Row, content: Any) -> dict[str, Any] | None:
        try:
            return row(content)
        except RowError as error:
            problems.add(label, str(error))
            return None

    for label, content in records:
        columns = attempt(label, content)
        if columns is not None:
            yield label, columns


def head(path: Path, size: int) -> bytes:
    """Return the first ``size`` bytes of a file; empty for a folder or a file that cannot be read."""
    try:
        with path.open("rb") as stream:
            return stream.read(size)
    except OSError:
        return b""
