"""What functions of PyTorch give that read nothing that depends on the network's input."""

from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import Tensor, fx

from contrastive_nas.graphs.tracing.calls import Call, Result
from contrastive_nas.graphs.tracing.claims import ParameterPart, Region, part_of
from contrastive_nas.graphs.tracing.record import Constant, Noise

_RANDOM = frozenset({"bernoulli", "rand", "randn", "uniform", "normal", "empty"})
_VIEW_NAMES = """
    view reshape flatten squeeze unsqueeze expand transpose permute slice select split chunk split_with_sizes
    narrow unbind alias unflatten t swapaxes movedim
"""
VIEWS = frozenset(_VIEW_NAMES.split())


class Storages:
    """Which memory the parameters of a module lie in, so that views of them are known as such."""

    def __init__(self) -> None:
        self._found: dict[int, tuple[str, int, Region] | None] = {}
        self._is_complex: dict[str, bool] = {}

    def parameter(self, name: str, tensor: Tensor) -> ParameterPart:
        """Note a parameter; one that is there already, under another name, is that one."""
        whole = ParameterPart(name, tensor.numel())
        self._is_complex[name] = tensor.is_complex()
        if tensor.layout != torch.strided:
            return whole
        storage = tensor.untyped_storage()._cdata
        known = self._found.setdefault(storage, (name, tensor.numel(), _region(tensor)))
        if known is not None and known[2] == _region(tensor):
            return ParameterPart(*known[:2])
        # Several parameters in one memory: what a view shows of which is not known.
        self._found[storage] = None
        return whole

    def parts(self, tensor: Any) -> tuple[ParameterPart, ...]:
        """Return the part of a parameter that a tensor is a view of; none if it is not one."""
        if not isinstance(tensor, Tensor) or tensor.layout != torch.strided:
            return ()
        known = self._found.get(tensor.untyped_storage()._cdata)
        if known is None:
            return ()
        name, size, _ = known
        if tensor.is_complex() != self._is_complex[name]:
            # Its elements are pairs of the parameter's, or halves.
            return (ParameterPart(name, size),)
        return (part_of(name, size, _region(tensor)),)


def _region(tensor: Tensor) -> Region:
    return int(tensor.storage_offset()), tuple(tensor.shape), tensor.stride()


def meet(one: Tensor, other: Tensor) -> bool:
    """Return whether two views of one memory might have an element in common."""
    if one.dim() != other.dim() or one.stride() != other.stride():
        return True
    dimensions = sorted(zip(one.stride(), one.shape, other.shape, strict=True), reverse=True)
    return _reach(int(other.storage_offset()) - int(one.storage_offset()), dimensions)


def _reach(distance: int, dimensions: Sequence[tuple[int, int, int]]) -> bool:
    """Whether elements of two views may be that far apart; ``dimensions`` are strides and both sizes."""
    if not -_span(dimensions, 2) <= distance <= _span(dimensions, 1):
        return False
    if not dimensions:
        return True
    (stride, *_), *inner = dimensions
    if stride <= max(_span(inner, 1), _span(inner, 2)):
        # Windows that overlap: there are more ways than two to get so far.
        return True
    steps = distance // stride
    return _reach(distance - steps * stride, inner) or _reach(distance - (steps + 1) * stride, inner)


def _span(dimensions: Sequence[tuple[int, int, int]], place: int) -> int:
    return sum((one[place] - 1) * one[0] for one in dimensions)


def constant_result(call: Call, storages: Storages) -> Result:
    """Return what a function gives that reads nothing that depends on the input: a constant, or noise.

    A view of a parameter has the elements that it shows; whatever else is computed from parameters has all of
    them. Dropout of a constant is that constant.
    """
    used = tuple(dict.fromkeys(part for constant in call.constants for part in constant.parameters))
    kind = (
        Noise if call.name in _RANDOM or any(isinstance(one, Noise) for one in call.constants) else Constant
    )
    result = call.node.meta["val"]
    if isinstance(result, list | tuple):
        return [
            kind((call.node.name, place), tuple(one.shape), storages.parts(one) or used)
            if isinstance(one, Tensor)
            else None
            for place, one in enumerate(result)
        ]
    zero = call.name == "zeros" and not is_written(call.node)
    return kind(call.node.name, call.shape, storages.parts(result) or used, zero=zero)


def is_written(node: fx.Node) -> bool:
    """Return whether something is written into the result later, or might be through a view."""
    return any(name.endswith("_") or name in VIEWS for name in _readers(node))


def _readers(node: fx.Node) -> Iterator[str]:
    return (function_name(user) for user in node.users if user.op == "call_function")


def function_name(node: object) -> str:
    """Return name of the function that a node of an exported program calls, without namespace and
    overload.
    """
    schema = getattr(getattr(node, "target", None), "_schema", None)
    return schema.name.partition("::")[2] if schema is not None else ""
