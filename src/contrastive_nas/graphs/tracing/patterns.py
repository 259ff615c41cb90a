"""Activations that a network spells out in simpler operations, recognised as the ones they are."""

import math
from typing import Any

from contrastive_nas.graphs.operations import Operation
from contrastive_nas.graphs.tracing.record import Dims, Recorder, Value

Detail = tuple[Any, ...]
_LRN_CHAIN = {Operation.ELEMENTWISE, Operation.RESHAPE, Operation.AVG_POOL, Operation.PAD, Operation.IDENTITY}


def product(record: Recorder, a: Value, b: Value, shape: Dims) -> Value | None:
    """Return the activation that the product of ``a`` and ``b`` is, if any.

    - x * sigmoid(x): SiLU
    - x * hard_sigmoid(x): hard swish
    - x * tanh(softplus(x)): Mish
    - (x / 2) * (1 + erf(x / sqrt(2))): GELU
    """
    for x, gate in ((a, b), (b, a)):
        node = record.nodes[gate.node]
        operation = node.row[0]
        if node.sources == [x.node] and operation in (Operation.SIGMOID, Operation.HARD_SIGMOID):
            name = Operation.SILU if operation == Operation.SIGMOID else Operation.HARD_SWISH
            return _fused(record, name, x, shape, [gate.node])
        if operation == Operation.TANH:
            softplus = node.sources[0]
            inner = record.nodes[softplus]
            if inner.row[0] == Operation.SOFTPLUS and inner.sources == [x.node] and not inner.attributes:
                return _fused(record, Operation.MISH, x, shape, [gate.node, softplus])
        half = record.nodes[x.node]
        if half.detail == ("mul", 0.5):
            parts = _gauss(record, gate.node, half.sources[0])
            if parts:
                detail, parts = _spread(record, parts), [x.node, *parts]
                return _fused(record, Operation.GELU, _at(half.sources[0], x), shape, parts, detail)
    return None


def scaled(record: Recorder, x: Value, factor: float) -> Value | None:
    """Return the activation that ``x`` times a number is, if any.

    - relu6(x + 3) / 6: hard sigmoid
    - x * relu6(x + 3) / 6: hard swish
    - x * (1 + erf(x / sqrt(2))) / 2: GELU
    """
    node = record.nodes[x.node]
    if math.isclose(factor, 1 / 6, rel_tol=1e-3):
        inner, detail = _shifted_relu6(record, x.node), _inexact(factor, 1 / 6)
        if inner is not None:
            parts = [x.node, *node.sources]
            return _fused(record, Operation.HARD_SIGMOID, _at(inner, x), x.shape, parts, detail)
        if node.row[0] == Operation.MUL and len(node.sources) == 2:
            for source, gate in (node.sources, node.sources[::-1]):
                if _shifted_relu6(record, gate) == source:
                    parts = [x.node, gate, *record.nodes[gate].sources]
                    return _fused(record, Operation.HARD_SWISH, _at(source, x), x.shape, parts, detail)
    if factor == 0.5 and node.row[0] == Operation.MUL and len(node.sources) == 2:
        for source, gate in (node.sources, node.sources[::-1]):
            found = _gauss(record, gate, source)
            if found:
                parts = [x.node, *found]
                return _fused(record, Operation.GELU, _at(source, x), x.shape, parts, _spread(record, found))
    return None


def quotient(record: Recorder, x: Value, divisor: Value) -> Value | None:
    """Return local response normalisation, if x / divisor is one: (k + alpha * mean of squares)^beta
    divides.
    """
    parts, node = [divisor.node], record.nodes[divisor.node]
    if node.detail[:1] != ("pow",):
        return None
    window: Dims = ()
    while node.row[0] in _LRN_CHAIN and len(node.sources) == 1:
        window = node.row[7:9] if node.row[0] == Operation.AVG_POOL else window
        parts.append(node.sources[0])
        node = record.nodes[node.sources[0]]
    square = node.row[0] == Operation.MUL and node.sources == [x.node, x.node]
    if not square or not window:
        return None
    value = _fused(record, Operation.LOCAL_RESPONSE_NORM, x, x.shape, parts)
    return value


def _shifted_relu6(record: Recorder, number: int) -> int | None:
    """x, where the node is relu6(x + 3)."""
    node = record.nodes[number]
    if node.row[0] != Operation.RELU6:
        return None
    inner = record.nodes[node.sources[0]]
    return inner.sources[0] if inner.detail == ("add", 3.0) else None


def _gauss(record: Recorder, number: int, x: int) -> list[int] | None:
    """The nodes of 1 + erf(x / sqrt(2)), where ``number`` is that."""
    parts = [number]
    for detail in (("add", 1.0), ("erf",)):
        node = record.nodes[parts[-1]]
        if node.detail != detail:
            return None
        parts.append(node.sources[0])
    node = record.nodes[parts[-1]]
    is_scaled = node.detail[:1] == ("mul",) and math.isclose(node.detail[1], math.sqrt(0.5), rel_tol=1e-3)
    return parts if is_scaled and node.sources == [x] else None


def _spread(record: Recorder, parts: list[int]) -> Detail:
    """What is inexact of the number that ``_gauss`` found, in the last of its nodes."""
    return _inexact(record.nodes[parts[-1]].detail[1], math.sqrt(0.5))


def _inexact(number: float, usual: float) -> Detail:
    """A number that was written with few digits, so that the activation is not quite the one it is called."""
    return () if math.isclose(number, usual, rel_tol=1e-6) else ("inexact", number)


def _at(node: int, like: Value) -> Value:
    return Value(node, like.shape, like.last)


def _fused(
    record: Recorder, operation: Operation, x: Value, shape: Dims, parts: list[int], detail: Detail = ()
) -> Value:
    for part in parts:
        record.nodes[part].absorbed = True
    return record.add(operation, [x], shape, detail=detail)
