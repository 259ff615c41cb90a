"""Labels as normal quantiles: only their order counts."""

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri
from scipy.stats import rankdata

from contrastive_nas.ranking.base import Floats


def normal_quantiles(labels: Floats) -> NDArray[np.float64]:
    """The standard normal quantile of every label's rank, equal labels sharing their mean rank."""
    return ndtri((rankdata(labels) - 0.5) / len(labels))
