"""The cost ``latency`` of a search: milliseconds that are measured where it matters, predicted elsewhere."""

import logging
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from contrastive_nas.kept_records import KeptRecords
from contrastive_nas.latency.device_table import read_device_table
from contrastive_nas.latency.measuring import Device, Measured, open_device
from contrastive_nas.latency.parameters import LatencyParameters
from contrastive_nas.latency.predictor import LatencyPredictor
from contrastive_nas.progress import Progress
from contrastive_nas.spaces.base import Architecture, SearchSpace

logger = logging.getLogger(__name__)
FloatArray = NDArray[np.float64]
# Networks of a space of which some are chosen to be measured.
_CANDIDATES = 2000
# Quartiles that are further apart than this share of the median: other work disturbs the measurement.
_WIDE_SPREAD = 0.2


class LatencyStore(KeptRecords):
    """The measurements of networks of one space on one device, in a file that only ever grows.

    A record is a measurement: architecture, milliseconds, spread. Of two of one architecture the first one
    counts.

    Args:
        folder: of all stores.
        name: begins the file's name.
        identity: what decides a latency besides the architecture.

    Raises:
        InputError: the file is no such store.
    """

    def __init__(self, folder: Path, name: str, identity: Mapping[str, Any]) -> None:
        self._measured: dict[Architecture, Measured] = {}
        super().__init__(folder, f"{name}-latency", identity)

    def find(self, architecture: Architecture) -> Measured | None:
        """Find a measurement that this process or another has made."""
        if architecture not in self._measured:
            self._refresh()
        return self._measured.get(architecture)

    def add(self, architecture: Architecture, measured: Measured) -> None:
        """Keep a measurement.

        Raises:
            OSError: the disk is full or must not be written.
        """
        spread = None if math.isnan(measured.spread) else measured.spread
        self._append({"architecture": architecture, "milliseconds": measured.milliseconds, "spread": spread})

    def _take(self, record: Any) -> None:
        milliseconds, spread = float(record["milliseconds"]), record["spread"]
        if not (math.isfinite(milliseconds) and milliseconds > 0):
            raise ValueError("milliseconds must be a number above 0")
        found = Measured(milliseconds, math.nan if spread is None else float(spread))
        self._measured.setdefault(str(record["architecture"]), found)


class MeasuredLatency:
    """Milliseconds of the networks of a space on one device.

    The first networks that are measured are chosen so that they tell most about all others; :meth:`buy`
    measures further ones and learns from them. What is measured counts as it was measured, all else as it is
    predicted from that.

    Args:
        space: of the networks.
        parameters: where milliseconds come from.
        seed: of the candidates that the first networks are chosen from.
        folder: keeps measurements, so that none is made twice; None keeps none.
        device: measures; by default the one that the parameters describe.

    Raises:
        InputError: the device or the table of known devices cannot be used.
    """

    def __init__(
        self,
        space: SearchSpace,
        parameters: LatencyParameters,
        *,
        seed: int = 0,
        folder: Path | None = None,
        device: Device | None = None,
    ) -> None:
        self._space = space
        self._parameters = parameters
        self._device = open_device(parameters) if device is None else device
        known = None if parameters.known is None else read_device_table(parameters.known, space)
        self._predictor = LatencyPredictor(space, known, count=parameters.samples, seed=seed)
        self._seed = seed
        identity = {"space": space.identity, "device": self._device.identity}
        self._store = None if folder is None else LatencyStore(folder, space.name, identity)
        self._measured: dict[Architecture, float] = {}
        self._predicted: dict[Architecture, float] = {}
        self._foretold: dict[Architecture, float] = {}

    @property
    def measured(self) -> Mapping[Architecture, float]:
        """Milliseconds of the networks that were measured."""
        return self._measured

    def prepare(self) -> None:
        """Choose and measure the first networks.

        Raises:
            InputError: a network cannot be measured.
        """
        candidates = self._space.sample(np.random.default_rng([self._seed, 0x1A7E]), _CANDIDATES)
        self._measure_all(self._predictor.choose(candidates, self._parameters.samples))

    def buy(self, architectures: Sequence[Architecture]) -> FloatArray:
        """Measure networks that are not measured yet, learn from them, and give their milliseconds.

        Raises:
            InputError: a network cannot be measured.
        """
        new = [name for name in dict.fromkeys(architectures) if name not in self._measured]
        if new:
            self._foretold.update(zip(new, self.measure(new).tolist(), strict=True))
            self._measure_all(new)
        return self.measure(architectures)

    def measure(self, architectures: Sequence[Architecture]) -> FloatArray:
        """Give milliseconds of networks, measured where they were bought, else predicted."""
        new = [
            name
            for name in dict.fromkeys(architectures)
            if name not in self._measured and name not in self._predicted
        ]
        if new:
            found = self._predictor.predict(new).milliseconds
            self._predicted.update(zip(new, found.tolist(), strict=True))
        return np.array(
            [self._measured.get(name, self._predicted.get(name)) for name in architectures], float
        )

    def foretold(self, architecture: Architecture) -> float:
        """Give what was predicted for a network before it was measured; NaN for the first ones."""
        return self._foretold.get(architecture, math.nan)

    def _measure_all(self, architectures: Sequence[Architecture]) -> None:
        wide = []
        with Progress("measuring latency", len(architectures), unit="networks measured") as shown:
            for done, name in enumerate(architectures, start=1):
                found = self._measure(name)
                self._measured[name] = found.milliseconds
                wide += [found.spread] if found.spread > _WIDE_SPREAD else []
                shown.update(done, f"last {found.milliseconds:.3g} ms")
        if wide:
            logger.warning(
                "the quartiles of %d of %d measured latencies are more than %.0f %% apart, up to %.0f %%: is "
                "something else running?",
                len(wide),
                len(architectures),
                100 * _WIDE_SPREAD,
                100 * max(wide),
            )
        self._predictor.fit(self._measured)
        self._predicted.clear()

    def _measure(self, architecture: Architecture) -> Measured:
        known = None if self._store is None else self._store.find(architecture)
        if known is not None:
            return known
        found = self._device.measure(self._space, architecture)
        if self._store is not None:
            self._store.add(architecture, found)
        return found
