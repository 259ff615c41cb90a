"""Which rank a network may have, from probabilities of winning."""

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
# Nine times in ten the rank lies between.
QUANTILES = (0.05, 0.95)
# Quantiles of so many orders repeat to about a hundredth of a network's rank range.
_MOST_ORDERS = 1000
_LEAST_ORDERS = 100
# Of numbers drawn for all networks and orders together: 40 MB.
_NUMBERS = 5_000_000


def rank_intervals(logits: FloatArray, seed: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The lowest and the highest rank, 1 being best, that a network has in nine of ten random orders.

    Orders are drawn by the model of Plackett (The Analysis of Permutations, Applied Statistics, 1975) and
    Luce (Individual Choice Behavior, 1959), in which a beats b with probability expit(l_a - l_b): networks
    sorted by l_i plus independent Gumbel noise (Yellott, Journal of Mathematical Psychology, 1977).

    Args:
        logits: l, one per network.
        seed: of the noise.

    Returns:
        Lowest and highest ranks, one each per network.
    """
    rng = np.random.default_rng(seed)
    orders = int(np.clip(_NUMBERS // max(len(logits), 1), _LEAST_ORDERS, _MOST_ORDERS))
    ranks = np.empty((orders, len(logits)), dtype=np.int32)
    for number in range(orders):
        order = np.argsort(-(logits + rng.gumbel(size=len(logits))))
        ranks[number, order] = np.arange(1, len(logits) + 1)
    low, high = np.quantile(ranks, QUANTILES, axis=0, method="nearest").astype(np.int64)
    return low, high
