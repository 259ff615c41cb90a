"""Devices of known tables: how networks differ on them, also networks that the tables lack."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from contrastive_nas.latency.device_table import DeviceTable, device_of
from contrastive_nas.latency.process import Grid, log_evidence
from contrastive_nas.spaces.base import Architecture

FloatArray = NDArray[np.float64]
# Sets of measured networks of each known device by which hyper-parameters are judged.
_DRAWS = 6
# Combinations that no known device made probable are not ruled out.
_FLAT = 0.1
# Noise variance of a known latency, about a tenth of it, beside the unit variances of the weights.
_RIDGE = 0.01


@dataclass(frozen=True, eq=False)
class KnownDevices:
    """Log latencies of networks on known devices, each less its mean.

    Where a table lacks a network, a ridge regression on the network's description (see
    :meth:`contrastive_nas.latency.simulated.SimulatedDevices.describe`) stands in, and what that leaves
    unexplained of other networks is added to the variance.

    Attributes:
        table: of the devices.
        row_of: of each network in the table.
        centred: networks x devices, without gaps.
        weights: components + 1 x devices, the last row for the level: of the regression.
        unexplained: devices, mean squared residual of the regression.
    """

    table: DeviceTable
    row_of: dict[Architecture, int]
    centred: FloatArray
    weights: FloatArray
    unexplained: FloatArray

    @classmethod
    def of(cls, table: DeviceTable, descriptions: FloatArray) -> "KnownDevices":
        """
        Args:
            table: of known devices.
            descriptions: networks of the table x components.
        """
        logs = table.logs
        known = np.isfinite(logs)
        inputs = np.column_stack([descriptions, np.ones(len(descriptions))])
        whole: NDArray[np.bool_] = np.asarray(known.all(axis=0))
        weights = np.zeros((inputs.shape[1], len(whole)))
        weights[:, whole] = _ridge(inputs, logs[:, whole])
        for device in np.flatnonzero(~whole):
            weights[:, device] = _ridge(inputs[known[:, device]], logs[known[:, device], device])
        predicted = inputs @ weights
        residuals = np.where(known, logs - predicted, 0)
        unexplained = np.square(residuals).sum(axis=0) / known.sum(axis=0)
        filled = np.where(known, logs, predicted)
        means = filled.mean(axis=0)
        weights[-1] -= means
        rows = {name: row for row, name in enumerate(table.architectures)}
        return cls(table, rows, filled - means, weights, unexplained)

    def describe(
        self, architectures: list[Architecture], descriptions: FloatArray
    ) -> tuple[FloatArray, FloatArray]:
        """Score networks: products of scores are covariances over the devices; give further variances.

        Args:
            architectures: the networks.
            descriptions: networks x components.

        Returns:
            Networks x devices; networks, 0 for those in the table.
        """
        rows = np.array([self.row_of.get(name, -1) for name in architectures], dtype=np.intp)
        inputs = np.column_stack([descriptions, np.ones(len(descriptions))])
        found = np.where((rows >= 0)[:, None], self.centred[rows], inputs @ self.weights)
        return found / np.sqrt(len(self.table.devices)), np.where(rows >= 0, 0.0, self.unexplained.mean())

    def prior(self, descriptions: FloatArray, count: int, rng: np.random.Generator) -> Grid:
        """Judge how probable each combination of hyper-parameters is for a device that is new to the others.

        Args:
            descriptions: networks of the table x components.
            count: networks that are to be measured.
            rng: draws networks.
        """
        grid = Grid.flat(2)
        logs, devices = self.table.logs, self.table.devices
        total = np.zeros(len(grid.noise))
        for place, device in enumerate(devices):
            others = [number for number, name in enumerate(devices) if device_of(name) != device_of(device)]
            measured = np.flatnonzero(np.isfinite(logs[:, place]))
            for _ in range(_DRAWS if others else 0):
                drawn = rng.choice(measured, size=min(count, len(measured)), replace=False)
                seen = self.centred[drawn][:, others]
                kernels = [descriptions[drawn] @ descriptions[drawn].T, seen @ seen.T / len(others)]
                found = log_evidence(kernels, logs[drawn, place], grid)
                weights = np.exp(found - found.max())
                total += weights / weights.sum()
        if not total.any():
            return grid
        share = (1 - _FLAT) * total / total.sum() + _FLAT / len(total)
        return Grid(grid.scales, grid.noise, np.log(share))


def _ridge(inputs: FloatArray, values: FloatArray) -> FloatArray:
    """Weights of regressions whose last column, the level, is not held back."""
    penalty = np.full(inputs.shape[1], _RIDGE)
    penalty[-1] = 0
    return np.asarray(np.linalg.solve(inputs.T @ inputs + np.diag(penalty), inputs.T @ values))
