"""Pareto fronts between accuracy, to be high, and costs, to be low."""

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]


def pareto_front(accuracies: FloatArray, costs: FloatArray) -> NDArray[np.bool_]:
    """Return which points no other point dominates; NaN accuracies never belong to it, the first of equal
    points
    does.

    Args:
        accuracies: points.
        costs: points x costs.
    """
    points = np.column_stack([-accuracies, costs])
    finite = np.asarray(np.isfinite(points).all(axis=1))
    front = finite.copy()
    for index in np.flatnonzero(finite):
        others = points[finite]
        no_worse = (others <= points[index]).all(axis=1)
        better = no_worse & (others < points[index]).any(axis=1)
        equal_before = no_worse & (np.flatnonzero(finite) < index)
        front[index] = not (better | equal_before).any()
    return front


def hypervolume(accuracies: FloatArray, costs: FloatArray, reference: FloatArray) -> float:
    """Return share of the box from accuracy 0 to 100 and cost 0 to ``reference`` that the points dominate.

    Points outside the box count for nothing.
    """
    front = pareto_front(accuracies, costs)
    points = np.column_stack([1 - accuracies[front] / 100, costs[front] / reference])
    return _dominated(points[(points < 1).all(axis=1)])


def _dominated(points: FloatArray) -> float:
    """Volume of the unit cube that lies above at least one point, by slices along the last axis."""
    if len(points) == 0:
        return 0.0
    if points.shape[1] == 1:
        return float(1 - points.min())
    points = points[np.argsort(points[:, -1], kind="stable")]
    ends = np.append(points[1:, -1], 1.0)
    volumes = ((end - point[-1], index) for index, (point, end) in enumerate(zip(points, ends, strict=True)))
    return sum(height * _dominated(points[: index + 1, :-1]) for height, index in volumes if height > 0)
