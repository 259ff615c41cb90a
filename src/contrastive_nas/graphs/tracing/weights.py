"""Which parameters the weights of a layer are.

Most weights are one parameter. Some are not trained at all (fixed filters that blur), and some are computed
from several parameters (standardised weights with a gain for each filter).
"""

import math
from collections.abc import Hashable
from dataclasses import dataclass

from contrastive_nas.graphs.tracing.record import NOT_OWN, Constant, Recorder, Value


@dataclass(frozen=True)
class Weights:
    """The weights of a layer.

    Attributes:
        key: tells them from those of other layers.
        beside: a node with the parameters that they are computed from, but for those that count as the
            layer's own.
    """

    key: Hashable
    beside: tuple[Value, ...] = ()


def weights_of(record: Recorder, weight: Constant) -> Weights:
    """What a layer holds whose weights are ``weight``.

    If its numbers of parameters and elements agree, the weights are its own. Else a parameter of its size is
    its own, and all others are a ``CONSTANT`` that it reads; where there is none of its size, all are.
    """
    if not weight.parameters:
        return Weights(NOT_OWN)
    size = math.prod(weight.shape)
    if sum(count for _, count in weight.parameters) == size:
        return Weights(weight.parameters)
    own = next((one for one in weight.parameters if one[1] == size), None)
    others = tuple(one for one in weight.parameters if one != own)
    shape = (sum(count for _, count in others),)
    beside = record.constant(Constant(("beside", others), shape, others))
    return Weights(NOT_OWN if own is None else (own,), (beside,))
