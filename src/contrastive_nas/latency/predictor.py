"""Milliseconds of all networks of a space on a new device, from a few that are measured there.

    predictor = LatencyPredictor(space, known)
    for architecture in predictor.choose(candidates, 10): measure it
    predictor.fit(measured)
    predictor.predict(architectures).milliseconds

The same idea as in :mod:`contrastive_nas.ranking.transfer`, with devices in place of spaces: what many
devices have in common says what few measurements of a new one mean.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from contrastive_nas.errors import InputError
from contrastive_nas.latency.design import choose_rows
from contrastive_nas.latency.device_table import DeviceTable
from contrastive_nas.latency.known_devices import KnownDevices
from contrastive_nas.latency.process import LEVEL, Conditioned, Grid, condition
from contrastive_nas.latency.simulated import SimulatedDevices, count_work
from contrastive_nas.spaces.base import Architecture, SearchSpace

FloatArray = NDArray[np.float64]
# Networks that principal components are found by; more change none that matters.
_REFERENCE = 500
# Of a normal distribution, the interval that holds nine in ten.
_NINETY = 1.6449
LEAST_MEASURED = 3


@dataclass(frozen=True, eq=False)
class Latencies:
    """Predicted latencies of networks; what was measured is not put in its place.

    Attributes:
        milliseconds: medians.
        low: lower ends of the intervals that hold nine in ten measurements.
        high: upper ends.
    """

    milliseconds: FloatArray
    low: FloatArray
    high: FloatArray


class Descriptions:
    """How networks of a space differ on simulated devices; each is described once.

    Args:
        space: of the networks. Principal components are those of a fixed sample of it.
    """

    def __init__(self, space: SearchSpace) -> None:
        self.space = space
        reference = space.sample(np.random.default_rng(0), _REFERENCE)
        self._simulated = SimulatedDevices(count_work(space, reference))
        self._row_of: dict[Architecture, int] = {}
        self._rows = np.zeros((0, self._simulated.components))

    def of(self, architectures: Sequence[Architecture]) -> FloatArray:
        """Give networks x components.

        Raises:
            InputError: a string is no architecture of the space.
        """
        new = [name for name in dict.fromkeys(architectures) if name not in self._row_of]
        if new:
            rows = self._simulated.describe(count_work(self.space, new))
            first = len(self._row_of)
            if first + len(new) > len(self._rows):
                # Twice as many, so that many small additions take no longer than one large one.
                room = np.zeros((2 * (first + len(new)), rows.shape[1]))
                room[:first] = self._rows[:first]
                self._rows = room
            self._rows[first : first + len(new)] = rows
            self._row_of.update({name: first + place for place, name in enumerate(new)})
        return np.asarray(self._rows[[self._row_of[name] for name in architectures]])


class LatencyPredictor:
    """Predicts the latency of every network of a space on one device.

    Args:
        space: of the networks, or their descriptions, which several predictors may share.
        known: latencies on other devices, of the same networks or of others of the space; None for none.
        count: networks that are to be measured.
        seed: of the networks by which hyper-parameters are judged.
    """

    def __init__(
        self,
        space: SearchSpace | Descriptions,
        known: DeviceTable | None = None,
        *,
        count: int = 10,
        seed: int = 0,
    ) -> None:
        self._descriptions = space if isinstance(space, Descriptions) else Descriptions(space)
        rng = np.random.default_rng(seed)
        self._known: KnownDevices | None = None
        self._grid = Grid.flat(1)
        if known is not None:
            described = self._descriptions.of(known.architectures)
            self._known = KnownDevices.of(known, described)
            self._grid = self._known.prior(described, count, rng)
        self._measured: dict[Architecture, float] = {}
        self._fitted: tuple[list[FloatArray], Conditioned] | None = None

    @property
    def measured(self) -> dict[Architecture, float]:
        """The milliseconds that it was fitted to."""
        return dict(self._measured)

    def choose(self, candidates: Sequence[Architecture], count: int) -> list[Architecture]:
        """Choose the networks whose measurement tells most about all candidates, the most telling first.

        They are chosen before anything is measured, by the prior means of the hyper-parameters.

        Args:
            candidates: networks of the space.
            count: how many; fewer where there are fewer candidates.
        """
        names = list(dict.fromkeys(candidates))
        features, _ = self._features(names)
        scales, noise = self._grid.expected()
        weighted = [np.sqrt(scale) * part for scale, part in zip(scales, features, strict=True)]
        return [names[row] for row in choose_rows(np.column_stack(weighted), noise, count, LEVEL)]

    def fit(self, measured: Mapping[Architecture, float]) -> None:
        """Learn from the latencies of some networks, in place of all that it was fitted to before.

        Args:
            measured: milliseconds.

        Raises:
            InputError: fewer than three networks, or milliseconds that are no numbers above 0.
        """
        if len(measured) < LEAST_MEASURED:
            raise InputError(
                f"latencies are predicted from {LEAST_MEASURED} measured networks or more, not from "
                f"{len(measured)}"
            )
        for name, value in measured.items():
            if not (np.isfinite(value) and value > 0):
                raise InputError(f"latency of {name} is {value!r}: milliseconds are numbers above 0")
        self._measured = dict(measured)
        names = list(measured)
        features, further = self._features(names)
        kernels = [part @ part.T for part in features]
        # What a network does on its own it does in its own measurement alone.
        kernels[-1] = kernels[-1] + np.diag(further)
        values = np.log(np.array([measured[name] for name in names]))
        self._fitted = features, condition(kernels, values, self._grid)

    def predict(self, architectures: Sequence[Architecture]) -> Latencies:
        """Predict latencies of networks, each as if it were measured once more.

        Raises:
            InputError: nothing was measured, or a string is no architecture of the space.
        """
        if self._fitted is None:
            raise InputError("no latency was measured: measure some networks, and fit the predictor to them")
        measured, conditioned = self._fitted
        features, further = self._features(architectures)
        kernels = [part @ other.T for part, other in zip(features, measured, strict=True)]
        variances = [np.square(part).sum(axis=1) for part in features]
        variances[-1] = variances[-1] + further
        found = conditioned.predict(kernels, variances)
        reach = _NINETY * found.deviation
        return Latencies(np.exp(found.mean), np.exp(found.mean - reach), np.exp(found.mean + reach))

    def _features(self, names: Sequence[Architecture]) -> tuple[list[FloatArray], FloatArray]:
        """Scores by the simulated and by the known devices; variance that the latter do not explain."""
        described = self._descriptions.of(names)
        if self._known is None:
            return [described], np.zeros(len(names))
        known, further = self._known.describe(list(names), described)
        return [described, known], further
