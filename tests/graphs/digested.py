"""Reading digests: the settings of nodes beyond their features, and functions of PyTorch by their names."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from contrastive_nas.graphs.attributes import NOT_HELD
from contrastive_nas.graphs.operations import Operation
from contrastive_nas.graphs.schema import FEATURES
from contrastive_nas.graphs.tracing.record import BATCH


class NotHeldError(Exception):
    """A graph does not hold what its network does."""


@dataclass
class Settings:
    """What a digest was made of.

    Attributes:
        kind: of function, as far as it is named.
        values: settings by name.
        given: settings without names, in their order.
        place: which of several results.
        shared: for each parameter, in the order in which it is read, the number of the shared one that it is,
            or 0 for one that nothing else reads.
        dtype: the type of the result, where it is another one than that of the argument.
    """

    kind: str = ""
    values: dict[str, Any] = field(default_factory=dict)
    given: list[Any] = field(default_factory=list)
    place: int = 0
    shared: list[int] = field(default_factory=list)
    dtype: str = ""


def read(digests: Mapping[int, Any], number: int) -> Settings:
    """The settings of a digest.

    Raises:
        NotHeldError: the digest is that of something unknown.
    """
    if number == NOT_HELD:
        raise NotHeldError("a node says that something is not held")
    if number == 0:
        return Settings()
    head, *rest = _numbers(digests[number])
    if isinstance(head, int):
        inner = read(digests, head)
        if isinstance(rest[0], list):
            inner.shared = rest[0]
        else:
            inner.place = rest[0]
        return inner
    if head == "type":
        inner = read(digests, rest[1])
        inner.dtype = rest[0]
        return inner
    if head == "both":
        parts = [read(digests, one) for one in rest[0]]
        return Settings(parts[-1].kind, {key: one for part in parts for key, one in part.values.items()})
    if head == "permute":
        return Settings(head, {"function": head, "dims": rest[0]})
    if head == "split":
        name, size = "split", "split_size"
        if isinstance(rest[1], list):
            name, size = "split_with_sizes", "split_sizes"
        return Settings(head, {"function": name, size: rest[1], "dim": rest[0]})
    if head == "padding":
        return Settings("padding", {"padding": rest[0], "overhang": bool(rest[1])})
    if len(rest) == 1 and isinstance(rest[0], list) and all(_is_named(one) for one in rest[0]):
        return Settings(head, dict(rest[0]))
    return Settings(head, given=rest)


def _is_named(part: Any) -> bool:
    return isinstance(part, list) and len(part) == 2 and isinstance(part[0], str)


def _numbers(part: Any) -> Any:
    """Parts of digests with numbers, which they hold as hexadecimal floats; whole ones as integers."""
    if isinstance(part, list | tuple):
        return [_numbers(one) for one in part]
    if not isinstance(part, str) or not (part in {"inf", "-inf", "nan"} or part.lstrip("-").startswith("0x")):
        return part
    number = float.fromhex(part)
    return int(number) if number.is_integer() else number


def response_settings(digests: Mapping[int, Any], settings: Settings) -> dict[str, Any]:
    """Those of a local response norm, whose digest is of the functions that it was spelled out in.

    Each of these is told by its own digest and by its features.
    """
    found: dict[str, Any] = {"alpha": 1, "beta": 1, "k": 0}
    for part in settings.given[0]:
        function = read(digests, part)
        row = function.shared
        if function.kind in ("mul", "add"):
            found["alpha" if function.kind == "mul" else "k"] = function.given[0]
        elif function.kind == "pow":
            found["beta"] = function.values["exponent"]
        elif row[0] == Operation.AVG_POOL:
            found["size"] = row[FEATURES["kernel"].start]
    return found


def scaled(sizes: Sequence[int], batch: int) -> list[int]:
    """Sizes of a trace as those of a batch."""
    return [size // BATCH * batch if size and size % BATCH == 0 else size for size in sizes]


def is_digest(value: Any) -> bool:
    """Whether a setting that stands for a tensor is the digest of one, and not a number."""
    return isinstance(value, int) and value > 1 << 32


def overload(name: str, settings: Mapping[str, Any], tensors: int) -> torch._ops.OpOverload:
    """The function of ATen that takes these settings and so many tensors, numbers as numbers if it can.

    Raises:
        NotHeldError: there is none.
    """
    packet = getattr(torch.ops.aten, name)
    found = []
    for one in (getattr(packet, kind) for kind in packet.overloads()):
        arguments = {argument.name: argument for argument in one._schema.arguments}
        if not set(settings) <= set(arguments) or any(argument.is_out for argument in arguments.values()):
            continue
        needed = [a for a in arguments.values() if a.name not in settings and not a.has_default_value()]
        if all("Tensor" in str(a.type) for a in needed) and len(needed) <= tensors:
            numbers = [
                key
                for key, value in settings.items()
                if isinstance(value, int | float) and not is_digest(value)
            ]
            found.append((sum("Tensor" in str(arguments[key].type) for key in numbers), len(found), one))
    if not found:
        raise NotHeldError(f"no function {name} takes {sorted(settings)} and {tensors} tensors")
    best: torch._ops.OpOverload = min(found)[2]
    return best


def converted(value: Any, kind: str, batch: int) -> Any:
    """A setting as an argument of a type that the schema of a function names."""
    if value is None or isinstance(value, Tensor):
        return value
    if isinstance(value, list):
        inner = [converted(one, kind, batch) for one in value]
        return scaled(inner, batch) if "int" in kind.lower() else inner
    if "ScalarType" in kind or isinstance(value, str):
        is_type = isinstance(value, str) and value.startswith("torch.")
        return getattr(torch, value.removeprefix("torch.")) if is_type else value
    if "bool" in kind:
        return bool(value)
    if "int" in kind.lower():
        return scaled([int(value)], batch)[0]
    return float(value) if "float" in kind else value


class Constants:
    """Values of constants, computed from their digests and from parameters.

    Args:
        digests: what went into each.
        batch: number of images.
        parameters: those that the constants of one node are computed from, in the order of their first use.
        shared: as of :class:`Settings`.
    """

    def __init__(
        self, digests: Mapping[int, Any], batch: int, parameters: Sequence[Tensor], shared: Sequence[int]
    ) -> None:
        self._digests, self._batch = digests, batch
        self._waiting, self._shared = list(parameters), list(shared)
        self._known: dict[int, Tensor] = {}
        self._reads = 0

    def parameter(self, shape: Sequence[int] | None = None) -> Tensor:
        """The next parameter; of ``shape``, if that is known."""
        number = self._shared[self._reads] if self._reads < len(self._shared) else 0
        self._reads += 1
        if number in self._known:
            return self._known[number]
        place = next(
            (i for i, one in enumerate(self._waiting) if shape is None or list(one.shape) == list(shape)),
            None,
        )
        if place is None:
            raise NotHeldError(f"no parameter of shape {shape} is left")
        found = self._waiting.pop(place)
        if number:
            self._known[number] = found
        return found

    def value(self, number: int) -> Tensor:
        """The constant of a digest, 0 being a parameter."""
        if number == 0:
            return self.parameter()
        head, *rest = _numbers(self._digests[number])
        if head == "constant":
            dtype = getattr(torch, rest[0].removeprefix("torch."))
            flat = (
                torch.frombuffer(bytearray(rest[2]), dtype=dtype) if rest[2] else torch.zeros(0, dtype=dtype)
            )
            return flat.reshape(rest[1])
        if isinstance(head, int):
            several: Any = self.value(head)
            return several[rest[0]]
        settings = dict(rest[0])
        function = overload(head, settings, 0)
        arguments = {
            one.name: self._argument(settings[one.name], str(one.type))
            for one in function._schema.arguments
            if one.name in settings
        }
        return function(**arguments)

    def _argument(self, value: Any, kind: str) -> Any:
        if "Tensor" not in kind or value is None:
            return converted(value, kind, self._batch)
        if isinstance(value, list) and value[:1] != ["parameter"]:
            return [self._argument(one, "Tensor") for one in value]
        if isinstance(value, list):
            return self.parameter(value[1])
        return self.value(value) if is_digest(value) else value


def call(
    name: str,
    settings: Mapping[str, Any],
    tensors: Sequence[Tensor],
    constant: Callable[[int], Tensor],
    batch: int,
    *,
    reads_constants: bool,
) -> Any:
    """What a function of ATen gives.

    Args:
        name: of the function.
        settings: its arguments that are no tensors, and digests of those that are constants.
        tensors: all others, in their order.
        constant: gives the constant of a digest.
        batch: number of images.
        reads_constants: whether the constants are among ``tensors``.
    """
    omitted = settings.get("omitted", [])
    settings = {key: value for key, value in settings.items() if key != "omitted"} | dict.fromkeys(omitted)
    function = overload(name, settings, len(tensors))
    waiting = list(tensors)
    arguments: dict[str, Any] = {}
    for one in function._schema.arguments:
        kind, value = str(one.type), settings.get(one.name)
        if "Tensor" not in kind:
            if one.name in settings:
                arguments[one.name] = converted(value, kind, batch)
        elif one.name in omitted:
            continue
        elif isinstance(value, list):
            arguments[one.name] = [
                waiting.pop(0) if place in (None, 0) or reads_constants else constant(place)
                for place in value
            ]
        elif value is not None and not is_digest(value):
            arguments[one.name] = value
        elif value is not None and not reads_constants:
            arguments[one.name] = constant(value)
        elif "List" in kind and waiting:
            arguments[one.name], waiting = waiting, []
        elif waiting:
            arguments[one.name] = waiting.pop(0)
    return function(**arguments)
