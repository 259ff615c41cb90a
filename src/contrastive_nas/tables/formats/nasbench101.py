"""NAS-Bench-101's record files (``nasbench_only108.tfrecord``, ``nasbench_full.tfrecord``).

Ying et al., *NAS-Bench-101: Towards Reproducible Neural Architecture Search*, ICML 2019. A record is one
training: a JSON list of module hash, epochs, adjacency, operations and the base64 of a ``ModelMetrics``
message. Every cell was trained three times for each number of epochs.
"""

import base64
import binascii
import json
from array import array
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from contrastive_nas.tables.base import ROWS_PER_FRAME, Problems, RowError, TableFormat
from contrastive_nas.tables.formats.parquet_tables import metric_name
from contrastive_nas.tables.parsing import notation, tfrecord
from contrastive_nas.tables.parsing.nasbench101_metrics import final_evaluation

EPOCHS = (4, 12, 36, 108)
REPEATS = 3
SPLITS = ("train", "valid", "test")
_FIELDS = (str, int, str, str, str)


class _Trainings:
    """All trainings as columns, and the cells that they are of; of a record only its numbers are kept."""

    def __init__(self) -> None:
        self.cells: dict[str, int] = {}
        self.first_record = array("q")
        self.parameters = array("q")
        # A cell is one of few texts of operations and the bits of its matrix: a tenth of its spelling.
        self._texts: dict[str, int] = {}
        self._text = array("H")
        self._matrix = array("Q")
        self.cell = array("i")
        self.record = array("q")
        self.epochs = array("B")
        self.values = tuple(array("d") for _ in (*SPLITS, "seconds"))

    def add(self, record: int, payload: bytes) -> None:
        """Takes in one record.

        Raises:
            RowError: it is not what the format says.
        """
        module_hash, epochs, matrix, operations, encoded = _fields(payload)
        if epochs not in EPOCHS:
            raise RowError(f"trained for {epochs} epochs, not {', '.join(map(str, EPOCHS))}")
        try:
            message = base64.b64decode(encoded, validate=True)
        except (binascii.Error, ValueError) as error:
            raise RowError(f"the metrics are not base64: {error}") from None
        parameters, *values = final_evaluation(message)
        if not all(0 <= accuracy <= 1 for accuracy in values[:-1]):
            raise RowError(f"accuracies {values[:-1]} are not fractions")
        cell = self.cells.get(module_hash)
        if cell is None:
            text, bits = notation.nasbench101(operations.split(","), matrix).split("/")
            cell = self.cells[module_hash] = len(self.cells)
            self._text.append(self._texts.setdefault(text, len(self._texts)))
            self._matrix.append(int(bits, 2))
            self.first_record.append(record)
            self.parameters.append(parameters)
        self.cell.append(cell)
        self.record.append(record)
        self.epochs.append(epochs)
        for column, value in zip(self.values, values, strict=True):
            column.append(value)

    def architectures(self, part: slice) -> list[str]:
        """The spellings of some cells."""
        texts = [(text, (text.count(",") + 1) ** 2) for text in self._texts]
        spelled = zip(self._text[part], self._matrix[part], strict=True)
        return [f"{texts[number][0]}/{bits:0{texts[number][1]}b}" for number, bits in spelled]


def _fields(payload: bytes) -> list[Any]:
    try:
        fields = json.loads(payload)
    except (ValueError, RecursionError) as error:
        raise RowError(f"not valid JSON: {str(error)[:200]}") from None
    if not isinstance(fields, list) or tuple(map(type, fields)) != _FIELDS:
        raise RowError("not a list of module hash, epochs, adjacency, operations and metrics")
    return fields


def _read(path: Path, problems: Problems) -> Iterator[pd.DataFrame]:
    trainings = _Trainings()

    def attempt(number: int, payload: bytes) -> None:
        try:
            trainings.add(number, payload)
        except RowError as error:
            problems.add(number, str(error))

    for number, payload in tfrecord.records(path, problems):
        attempt(number, payload)
    hashes = list(trainings.cells)
    cell = np.asarray(trainings.cell)
    by_cell = np.argsort(cell, kind="stable")
    budgets = sorted(set(trainings.epochs), reverse=True)
    for start in range(0, len(hashes), ROWS_PER_FRAME):
        part = slice(start, start + ROWS_PER_FRAME)
        first, last = np.searchsorted(cell, (part.start, part.stop), sorter=by_cell)
        texts = {"architecture": trainings.architectures(part), "module_hash": hashes[part]}
        numbers = _columns(trainings, by_cell[first:last], part, budgets, problems)
        labels = pd.Index(trainings.first_record[part], dtype=np.int64)
        yield pd.DataFrame({**texts, **numbers}, index=labels)


def _columns(
    trainings: _Trainings, rows: np.ndarray, part: slice, budgets: list[int], problems: Problems
) -> dict[str, np.ndarray]:
    """Means and single repeats of every split and the training time of some cells, a column each.

    Args:
        trainings: of all cells.
        rows: those of the cells at ``part``, ordered by cell and then as they were recorded.
        part: which cells.
        budgets: the numbers of epochs that any cell was trained for.
        problems: where trainings beyond the third are noted.
    """
    cells = np.asarray(trainings.cell)[rows] - part.start
    epochs = np.asarray(trainings.epochs)[rows]
    parameters = np.asarray(trainings.parameters[part])
    columns: dict[str, np.ndarray] = {}
    for budget in budgets:
        chosen = np.flatnonzero(epochs == budget)
        repeat = _repeat_numbers(cells[chosen])
        for extra in np.asarray(trainings.record)[rows[chosen[repeat >= REPEATS]]].tolist():
            problems.add(extra, f"a training for {budget} epochs beyond the {REPEATS} of its cell")
        chosen, repeat = chosen[repeat < REPEATS], repeat[repeat < REPEATS]
        for name, values in zip((*SPLITS, "seconds"), trainings.values, strict=True):
            table = np.full((REPEATS, len(parameters)), np.nan)
            scale = 1.0 if name == "seconds" else 100.0
            table[repeat, cells[chosen]] = np.asarray(values)[rows[chosen]] * scale
            given = np.isfinite(table)
            mean = np.where(given, table, 0).sum(axis=0) / np.where(
                given.any(axis=0), given.sum(axis=0), np.nan
            )
            title = metric_name(name, budget) if name in SPLITS else f"training_seconds_{budget}_epochs"
            columns[title] = mean
            columns |= {f"{title}_repeat_{number + 1}": table[number] for number in range(REPEATS)}
    return columns | {"trainable_parameters": parameters}


def _repeat_numbers(cells: np.ndarray) -> np.ndarray:
    """For each training, how many trainings of its cell came before it; the cells ascend."""
    starts = np.flatnonzero(np.r_[True, cells[1:] != cells[:-1]]) if len(cells) else np.zeros(0, np.int64)
    return np.arange(len(cells)) - np.repeat(starts, np.diff(np.r_[starts, len(cells)]))


NASBENCH101 = TableFormat(
    name="nasbench101",
    title="NAS-Bench-101's own record files (nasbench_only108.tfrecord, nasbench_full.tfrecord)",
    space="nasbench101",
    detect=tfrecord.is_record_file,
    read=_read,
)
