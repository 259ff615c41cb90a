"""Accuracies that were really trained, kept for whoever asks again.

A label is data: it is paid for once, whatever is changed afterwards in rankers, strategies or plots. The
store lies outside every cache of results, and nothing is ever removed from it but by hand.
"""

import math
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from contrastive_nas.kept_records import KeptRecords
from contrastive_nas.spaces.base import Architecture
from contrastive_nas.training.short import ShortScore


class LabelStore(KeptRecords):
    """The trainings of one space under one way of training, in a file that only ever grows.

    A record is a training: architecture, seed, accuracies in percent, processor seconds. Of two trainings of
    one architecture and seed the first one counts, but for one without a test accuracy, which the next
    replaces.

    Args:
        folder: of all stores.
        name: begins the file's name.
        identity: what decides an accuracy besides architecture and seed, as plain data; each has a file of
            its own.

    Raises:
        InputError: the file is no label store, or that of another identity.
    """

    def __init__(self, folder: Path, name: str, identity: Mapping[str, Any]) -> None:
        self._scores: dict[tuple[Architecture, int], ShortScore] = {}
        super().__init__(folder, name, identity)

    def __len__(self) -> int:
        self._refresh()
        return len(self._scores)

    def find(self, architecture: Architecture, seed: int, *, tested: bool = True) -> ShortScore | None:
        """Return a training that this process or another has finished; with ``tested``, one with a test
        accuracy.
        """
        for _ in range(2):
            found = self._scores.get((architecture, seed))
            if found is not None and (found.test_accuracy is not None or not tested):
                return found
            self._refresh()
        return None

    def add(self, architecture: Architecture, seed: int, score: ShortScore) -> None:
        """Keep a training.

        Raises:
            OSError: the disk is full or must not be written.
        """
        self._append({"architecture": architecture, "seed": seed, **asdict(score)})

    def _take(self, record: Any) -> None:
        test = record["test_accuracy"]
        test = None if test is None else float(test)
        score = ShortScore(float(record["valid_accuracy"]), test, float(record["seconds"]))
        if not (math.isfinite(score.valid_accuracy) and math.isfinite(test or 0)):
            raise ValueError("an accuracy is not a finite number")
        key = str(record["architecture"]), int(record["seed"])
        known = self._scores.get(key)
        if known is None or known.test_accuracy is None:
            self._scores[key] = score
