"""Which networks to measure: those that leave least unknown about all others."""

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]


def choose_rows(features: FloatArray, noise: float, count: int, level: float) -> list[int]:
    """Choose rows, one after another, whose measurement most reduces the posterior variances of all rows.

    The model is y = c + features w + e with w ~ N(0, I), c ~ N(0, level), e ~ N(0, noise). The level c is the
    same for all rows and does not count: what is to be known is how they differ. With C the covariance of
    the weights and M the sum of squares of what is to be known, row x reduces the sum by
    x' C M C x / (x' C x + noise) (V-optimality; Chaloner and Verdinelli, Bayesian experimental design, 1995).

    Args:
        features: rows x weights.
        noise: variance of a measurement.
        count: how many.
        level: prior variance of c.

    Returns:
        At most ``count`` different rows, the most telling first.
    """
    rows = np.column_stack([np.full(len(features), np.sqrt(level)), features])
    centred = rows - rows.mean(axis=0)
    wanted = centred.T @ centred
    covariance = np.eye(rows.shape[1])
    chosen: list[int] = []
    for _ in range(min(count, len(rows))):
        reach = rows @ covariance
        variances = (reach * rows).sum(axis=1) + noise
        gain = ((reach @ wanted) * reach).sum(axis=1) / variances
        gain[chosen] = -np.inf
        best = int(gain.argmax())
        chosen.append(best)
        covariance -= np.outer(reach[best], reach[best]) / variances[best]
    return chosen
