"""Branches, loops and sequences of ONNX: what its operators do with sub-graphs and with lists of tensors.

What is known is followed: the branch that a known condition selects, each pass of a loop whose number is
known. What depends on the data cannot be; then the branch counts that has more multiply-accumulates (of equal
ones the one with more parameters, then the one taken where the condition holds), and of a loop one pass. The
result then reads the condition as well, so that what computes it stays part of the network.
"""

import itertools
import math
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from contrastive_nas.errors import InputError
from contrastive_nas.graphs.costs import multiply_accumulates, parameters
from contrastive_nas.graphs.operations import Operation
from contrastive_nas.graphs.schema import FEATURE_COUNT
from contrastive_nas.graphs.tracing.onnx_settings import Operator
from contrastive_nas.graphs.tracing.onnx_tensors import BOOLEAN, FLOAT, Found, Tensor
from contrastive_nas.graphs.tracing.record import Constant, Value

if TYPE_CHECKING:
    from contrastive_nas.graphs.tracing.onnx_walk import OnnxWalk

# From this version on sizes of parts are an input.
_SPLIT_WITH_SIZES_AS_INPUT = 13
# A loop over the tokens of a long text has a few thousand passes; more are an endless loop.
_MOST_PASSES = 10_000
Control = Callable[["OnnxWalk", Any, Mapping[str, Any], Sequence[Found]], list[Found]]


def _known(tensor: Found) -> float | None:
    """The number that a tensor of one number holds, where it is known."""
    if isinstance(tensor, Tensor) and tensor.numbers is not None and tensor.numbers.size == 1:
        return float(tensor.numbers.reshape(-1)[0])
    return None


def _if(walk: "OnnxWalk", node: Any, attributes: Mapping[str, Any], found: Sequence[Found]) -> list[Found]:
    branches = [attributes["then_branch"], attributes["else_branch"]]
    condition = _known(found[0])
    if condition is not None:
        return walk.run(branches[0 if condition else 1], [])
    costs = [_costs(walk, branch) for branch in branches]
    results = walk.run(branches[int(costs[1] > costs[0])], [])
    return [_depending(walk, result, found[:1]) for result in results]


def _costs(walk: "OnnxWalk", branch: Any) -> tuple[int, int]:
    """Multiply-accumulates and parameters that a branch adds."""
    trial, before = walk.trial(), len(walk.record.nodes)
    trial.run(branch, [])
    rows = [node.row for node in trial.record.nodes[before:]]
    features = np.array(rows, dtype=np.int32).reshape(-1, FEATURE_COUNT)
    return int(multiply_accumulates(features).sum()), int(parameters(features).sum())


def _depending(walk: "OnnxWalk", result: Found, on: Sequence[Found]) -> Found:
    """The result of a sub-graph that was entered, left or repeated as the numbers ``on`` said."""
    read = [one for one in on if isinstance(one, Tensor) and isinstance(one.found, Value)]
    if not read or not isinstance(result, Tensor):
        return result
    return walk.add(Operation.ELEMENTWISE, [result, *read], result.shape, result.batch, detail=("where",))


def _loop(walk: "OnnxWalk", node: Any, attributes: Mapping[str, Any], found: Sequence[Found]) -> list[Found]:
    body, (count, given, *carried) = attributes["body"], found
    passes = math.inf if count is None else _known(count)
    # Left out, the condition holds.
    condition: Found = walk.number(np.array(True), BOOLEAN) if given is None else given
    going = _known(condition)
    known = passes is not None and going is not None
    last = condition
    collected: list[list[Found]] = [[] for _ in range(len(body.output) - 1 - len(carried))]
    for number in itertools.count():
        if number >= (passes if passes is not None else 1) or going == 0:
            break
        if number == _MOST_PASSES:
            raise InputError(f"{node.op_type} {node.output[0]} has more than {_MOST_PASSES:,} passes")
        last, *results = _pass(walk, body, number, [walk.number(np.array(number)), condition, *carried])
        carried, scanned = results[: len(carried)], results[len(carried) :]
        for tensors, one in zip(collected, scanned, strict=True):
            tensors.append(one)
        condition, going = last, _known(last)
        if not known or going is None:
            break
    stacks = [_stack(walk, tensors, 0) for tensors in collected]
    return [_depending(walk, one, [count, last]) for one in (*carried, *stacks)]


def _pass(walk: "OnnxWalk", body: Any, number: int, given: Sequence[Found]) -> list[Found]:
    outside = walk.passes
    walk.passes = (*outside, number)
    try:
        return walk.run(body, given)
    finally:
        walk.passes = outside


def _scan(walk: "OnnxWalk", node: Any, attributes: Mapping[str, Any], found: Sequence[Found]) -> list[Found]:
    body, several = attributes["body"], attributes["num_scan_inputs"]
    states, sources = list(found[: len(found) - several]), found[len(found) - several :]
    tensors = [one for one in sources if isinstance(one, Tensor)]
    into = attributes.get("scan_input_axes", [0] * several)
    axes = [axis % len(one.shape) for axis, one in zip(into, tensors, strict=True)]
    collected: list[list[Found]] = [[] for _ in range(len(body.output) - len(states))]
    for number in range(tensors[0].shape[axes[0]]):
        parts = [_part(walk, one, axis) for one, axis in zip(tensors, axes, strict=True)]
        results = _pass(walk, body, number, [*states, *parts])
        states, scanned = results[: len(states)], results[len(states) :]
        for so_far, one in zip(collected, scanned, strict=True):
            so_far.append(one)
    out = attributes.get("scan_output_axes", [0] * len(collected))
    return [*states, *(_stack(walk, one, axis) for one, axis in zip(collected, out, strict=True))]


def _part(walk: "OnnxWalk", tensor: Tensor, axis: int) -> Tensor:
    """One place along a dimension."""
    shape = (*tensor.shape[:axis], *tensor.shape[axis + 1 :])
    if isinstance(tensor.found, Constant):
        constant = Constant((tensor.found.key, walk.passes), shape, tensor.found.parameters)
        return Tensor(constant, shape, tensor.kind)
    batch = -1 if tensor.batch == axis else tensor.batch - (tensor.batch > axis)
    return walk.add(Operation.SLICE, [tensor], shape, batch)


def _stack(walk: "OnnxWalk", found: Sequence[Found], axis: int) -> Found:
    """Tensors of one shape along a new dimension."""
    tensors = [one for one in found if isinstance(one, Tensor)]
    if not tensors:
        return Tensor(Constant("nothing", (0,)), (0,), FLOAT)
    axis %= len(tensors[0].shape) + 1
    shape = (*tensors[0].shape[:axis], len(tensors), *tensors[0].shape[axis:])
    return _concatenated(walk, tensors, shape, axis, new=True)


def _concatenated(
    walk: "OnnxWalk", tensors: Sequence[Tensor], shape: tuple[int, ...], axis: int, *, new: bool
) -> Tensor:
    known = [one.numbers for one in tensors if one.numbers is not None]
    if len(known) == len(tensors):
        return walk.number((np.stack if new else np.concatenate)(known, axis), tensors[0].kind)
    values = [one for one in tensors if isinstance(one.found, Value)]
    if not values:
        read = (p for one in tensors for p in one.found.parameters)  # type: ignore[union-attr]
        key = ("joined", axis, new, *(one.found.key for one in tensors))  # type: ignore[union-attr]
        return Tensor(Constant(key, shape, tuple(dict.fromkeys(read))), shape, tensors[0].kind)
    batch = values[0].batch + (new and values[0].batch >= axis)
    return walk.add(Operation.CONCAT, tensors, shape, batch)


def _sequence(
    walk: "OnnxWalk", node: Any, attributes: Mapping[str, Any], found: Sequence[Found]
) -> list[Found]:
    return [[one for one in found if isinstance(one, Tensor)]]


def _insert(
    walk: "OnnxWalk", node: Any, attributes: Mapping[str, Any], found: Sequence[Found]
) -> list[Found]:
    sequence = _listed(node, found[0])
    place = len(sequence) if len(found) < 3 else _place(node, found[2])
    assert isinstance(found[1], Tensor)
    return [[*sequence[:place], found[1], *sequence[place:]]]


def _at(walk: "OnnxWalk", node: Any, attributes: Mapping[str, Any], found: Sequence[Found]) -> list[Found]:
    sequence, place = _listed(node, found[0]), _place(node, found[1])
    if not -len(sequence) <= place < len(sequence):
        raise InputError(f"{node.op_type} {node.output[0]} takes number {place} of {len(sequence)}")
    return [sequence[place]]


def _length(
    walk: "OnnxWalk", node: Any, attributes: Mapping[str, Any], found: Sequence[Found]
) -> list[Found]:
    return [walk.number(np.array(len(_listed(node, found[0]))))]


def _join(walk: "OnnxWalk", node: Any, attributes: Mapping[str, Any], found: Sequence[Found]) -> list[Found]:
    tensors = _listed(node, found[0])
    if attributes.get("new_axis", 0) or not tensors:
        return [_stack(walk, tensors, attributes["axis"])]
    axis = attributes["axis"] % len(tensors[0].shape)
    shape = list(tensors[0].shape)
    shape[axis] = sum(one.shape[axis] for one in tensors)
    return [_concatenated(walk, tensors, tuple(shape), axis, new=False)]


def _split(walk: "OnnxWalk", node: Any, attributes: Mapping[str, Any], found: Sequence[Found]) -> list[Found]:
    tensor = found[0]
    assert isinstance(tensor, Tensor)
    axis = attributes.get("axis", 0) % len(tensor.shape)
    sizes = _sizes(node, tensor.shape[axis], found[1] if len(found) > 1 else None)
    keeps = attributes.get("keepdims", 1) or len(found) > 1
    parts: list[Tensor] = []
    first = len(walk.record.nodes)
    for place, size in enumerate(sizes):
        shape = (*tensor.shape[:axis], *([size] if keeps else []), *tensor.shape[axis + 1 :])
        batch = tensor.batch - (not keeps and tensor.batch > axis)
        if isinstance(tensor.found, Value):
            parts.append(walk.add(Operation.SLICE, [tensor], shape, batch))
        else:
            used = tensor.found.parameters
            parts.append(Tensor(Constant((tensor.found.key, place), shape, used), shape, tensor.kind))
    if isinstance(tensor.found, Value) and keeps and axis != tensor.batch:
        _note_split(walk, tensor, axis, sizes, parts, first)
    return [parts]


def _note_split(
    walk: "OnnxWalk", tensor: Tensor, axis: int, sizes: Sequence[int], parts: Sequence[Tensor], first: int
) -> None:
    """Gives parts of a tensor, written from node ``first`` on, the attributes that ``Split`` gives them."""
    values = [one.found for one in parts if isinstance(one.found, Value)]
    split = Operator(
        domain="",
        kind="Split",
        version=_SPLIT_WITH_SIZES_AS_INPUT,
        attributes={"axis": axis},
        tensors=[tensor, walk.number(np.array(sizes))],
        result=values[0].shape,
        type=tensor.kind,
    )
    walk.attributes.note(split, [one.shape for one in values], values, first)


def _sizes(node: Any, whole: int, split: Found) -> list[int]:
    if split is None:
        return [1] * whole
    if not isinstance(split, Tensor) or split.numbers is None:
        raise InputError(f"{node.op_type} {node.output[0]} is split at places that depend on the data")
    if split.numbers.ndim:
        return [int(size) for size in split.numbers]
    step = int(split.numbers)
    return [min(step, whole - start) for start in range(0, whole, step)]


def _listed(node: Any, found: Found) -> list[Tensor]:
    if not isinstance(found, list):
        raise InputError(f"{node.op_type} {node.output[0]} reads a sequence whose elements are not known")
    return found


def _place(node: Any, found: Found) -> int:
    place = _known(found)
    if place is None:
        raise InputError(
            f"{node.op_type} {node.output[0]} takes an element of a sequence that depends on the data"
        )
    return int(place)


CONTROL: dict[str, Control] = {
    "If": _if,
    "Loop": _loop,
    "Scan": _scan,
    "SequenceConstruct": _sequence,
    "SequenceEmpty": _sequence,
    "SequenceInsert": _insert,
    "SequenceAt": _at,
    "SequenceLength": _length,
    "ConcatFromSequence": _join,
    "SplitToSequence": _split,
}
