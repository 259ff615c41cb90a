"""Zero-cost scores of many architectures, each function scored once and kept in a file."""

import json
import os
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from contrastive_nas.errors import InputError
from contrastive_nas.graphs.canonical_form.canonical import sharing_keys
from contrastive_nas.progress import progress
from contrastive_nas.ranking.zero_cost.proxies import BATCH, PROXIES, zero_cost_scores
from contrastive_nas.spaces.base import SearchSpace

_HASHED_AT_ONCE = 1000


class ProxyTable:
    """Scores by function hash, in memory and, line by line, in a file that survives an interruption.

    The first line of the file says what the scores depend on; each further line is one function.
    """

    def __init__(
        self,
        space: SearchSpace,
        path: str | Path | None = None,
        *,
        seed: int = 0,
        groups: Sequence[str] = tuple(PROXIES),
    ) -> None:
        """
        Args:
            space: builds the networks.
            path: where scores are kept and looked for; nowhere by default.
            seed: of weights and images, the same for every network.
            groups: those of ``PROXIES`` that are computed.

        Raises:
            InputError: the file is of another space, seed, groups or program version, or is damaged.
        """
        self._space, self._seed, self._groups = space, seed, tuple(groups)
        self._names = [name for group in groups for name in PROXIES[group]]
        self._path = None if path is None else Path(path)
        self._known: dict[int, dict[str, float]] = {}
        self._setting = {
            "space": space.name,
            "input_shape": [*space.input_shape],
            "seed": seed,
            "batch": BATCH,
        }
        self._setting["proxies"] = self._names
        if self._path is not None and self._path.exists():
            self._read(self._path)

    def scores(self, architectures: Sequence[str]) -> pd.DataFrame:
        """Return one row per architecture: its proxies and, as ``<group>_seconds``, the processor seconds of
        groups.

        What is not yet known is computed.

        Raises:
            InputError: an architecture is not in the space.
        """
        hashes = self._hashes(architectures)
        missing = {
            key: name for key, name in zip(hashes, architectures, strict=True) if key not in self._known
        }
        for key, architecture in progress(missing.items(), "zero-cost scores", len(missing)):
            found = zero_cost_scores(
                partial(self._space.build, architecture),
                self._space.image_shape(architecture),
                seed=self._seed,
                groups=self._groups,
            )
            row = found.values | {f"{group}_seconds": spent for group, spent in found.seconds.items()}
            self._known[key] = row
            self._write({"function": f"{key:016x}", **row})
        columns = [*self._names, *(f"{group}_seconds" for group in self._groups)]
        return pd.DataFrame([self._known[key] for key in hashes], columns=columns, dtype=np.float64)

    def _hashes(self, architectures: Sequence[str]) -> list[int]:
        starts = range(0, len(architectures), _HASHED_AT_ONCE)
        chunks = (architectures[start : start + _HASHED_AT_ONCE] for start in starts)
        return [key for chunk in chunks for key in sharing_keys(self._space.graphs(chunk), chunk).tolist()]

    def _read(self, path: Path) -> None:
        *whole, unfinished = path.read_bytes().split(b"\n")
        if unfinished:
            # A line without its end was interrupted: what it says is computed again.
            os.truncate(path, path.stat().st_size - len(unfinished))
        try:
            lines: list[dict[str, Any]] = [json.loads(line) for line in whole]
            keys = [int(line.pop("function"), 16) for line in lines[1:]]
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise InputError(f"{path} is not a file of zero-cost scores: {error}") from error
        if lines and lines[0] != self._setting:
            raise InputError(f"{path} holds zero-cost scores of {lines[0]}, not of {self._setting}")
        self._known = dict(zip(keys, lines[1:], strict=True))

    def _write(self, row: dict[str, Any]) -> None:
        if self._path is None:
            return
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with self._path.open("a") as stream:
            if stream.tell() == 0:
                stream.write(json.dumps(self._setting) + "\n")
            stream.write(json.dumps(row) + "\n")
            stream.flush()
            os.fsync(stream.fileno())
