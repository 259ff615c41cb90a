"""Which parameters the weights or the bias of a layer are.

Most are one parameter, or a slice of one. Some are not trained at all (fixed filters that blur), and some are
computed from several parameters (standardised weights with a gain for each filter, biases with zeros for the
keys of an attention).
"""

import math
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import TypedDict

from contrastive_nas.graphs.tracing.claims import ParameterPart
from contrastive_nas.graphs.tracing.record import NOT_OWN, Constant, Recorder, Value

# Marks the keys of constants that hold what weights are computed from.
_BESIDE = "beside"


@dataclass(frozen=True)
class Weights:
    """The weights or the bias of a layer.

    Attributes:
        key: tells them from those of other layers; the parts of parameters that they are.
        beside: a node with the parameters that they are computed from, but for those that count as the
            layer's own.
    """

    key: Hashable = None
    beside: tuple[Value, ...] = ()


class LayerWeights(TypedDict):
    """What :mod:`contrastive_nas.graphs.tracing.layers` wants to know of a layer's weights and bias."""

    bias: bool
    key: Hashable
    bias_key: Hashable
    beside: tuple[Value, ...]


def layer_weights(
    record: Recorder,
    weight: Constant | None,
    bias: Value | Constant | None,
    reads: Sequence[Value] = (),
) -> LayerWeights:
    """Return what a layer holds with these weights and this bias; a bias that the network computes is not
    held.

    Args:
        record: where what they are computed from is written.
        weight: None for a layer without.
        bias: None for a layer without.
        reads: what else the layer reads.
    """
    held = Weights() if weight is None else weights_of(record, weight)
    added = weights_of(record, bias) if isinstance(bias, Constant) else None
    return LayerWeights(
        bias=added is not None,
        key=held.key,
        bias_key=added and added.key,
        beside=(*reads, *held.beside, *(added.beside if added else ())),
    )


def weights_of(record: Recorder, weight: Constant) -> Weights:
    """Return what a layer holds whose weights, or bias, are ``weight``.

    If its numbers of parameters and elements agree, they are its own. Else parameters of its size are its
    own, and all others are a ``CONSTANT`` that it reads; where there are none of its size, all are.
    """
    if not weight.parameters:
        return Weights(NOT_OWN)
    size = math.prod(weight.shape)
    if sum(part.size for part in weight.parameters) == size:
        return Weights(weight.parameters)
    own = next((one for one in weight.parameters if one.size == size), None)
    others = tuple(one for one in weight.parameters if one != own)
    shape = (sum(part.size for part in others),)
    beside = record.constant(Constant((_BESIDE, others), shape, others))
    return Weights(NOT_OWN if own is None else (own,), (beside,))


def parts_beside(key: Hashable) -> tuple[ParameterPart, ...]:
    """Return the parameters of a constant that a layer computes its weights from; none if ``key`` is of
    another.
    """
    if isinstance(key, tuple) and key[:1] == (_BESIDE,):
        parts: tuple[ParameterPart, ...] = key[1]
        return parts
    return ()
