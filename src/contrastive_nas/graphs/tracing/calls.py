"""Calls of ATen functions in an exported program, and the table of what handles each of them."""

import operator
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from torch import fx

from contrastive_nas.graphs.tracing import elementwise
from contrastive_nas.graphs.tracing.record import Constant, Dims, Recorder, Value

Result = Value | Constant | list["Result"] | None


@dataclass
class Call:
    """One call of a function in an exported program.

    Attributes:
        record: where to write nodes.
        node: the call.
        name: the function's name, without namespace, overload and mark of in-place functions.
        arguments: by name, defaults included; tensors as values or constants.
    """

    record: Recorder
    node: fx.Node
    name: str
    arguments: dict[str, Any]

    def __getitem__(self, name: str) -> Any:
        return self.arguments.get(name)

    @property
    def x(self) -> Value:
        """The first argument, as a tensor that depends on the input."""
        first = next(iter(self.arguments.values()))
        return elementwise.as_value(self.record, first, None)

    @property
    def values(self) -> list[Value]:
        """All tensors among the arguments that depend on the input."""
        return [one for one in self._tensors if isinstance(one, Value)]

    @property
    def constants(self) -> list[Constant]:
        """All tensors among the arguments that do not depend on the input."""
        return [one for one in self._tensors if isinstance(one, Constant)]

    @property
    def operands(self) -> list[Value]:
        """All tensors among the arguments that depend on the input or on parameters, in their order."""
        partner = next(iter(self.values), None)
        return [
            elementwise.as_value(self.record, one, partner)
            for one in self._tensors
            if isinstance(one, Value) or one.parameters
        ]

    @property
    def _tensors(self) -> Iterator[Value | Constant]:
        for argument in self.arguments.values():
            several = argument if isinstance(argument, list | tuple) else (argument,)
            yield from (one for one in several if isinstance(one, Value | Constant))

    def is_read(self, place: int) -> bool:
        """Return whether the program has a use for a result, of several."""
        picks = [user for user in self.node.users if user.target is operator.getitem]
        return len(picks) < len(self.node.users) or any(
            user.args[1] == place and len(user.users) > 0 for user in picks
        )

    @property
    def shape(self) -> Dims:
        """Shape of the result, of the first one if there are several."""
        result = self.node.meta["val"]
        return tuple((result[0] if isinstance(result, list | tuple) else result).shape)

    @property
    def shapes(self) -> list[Dims]:
        """Shapes of all results."""
        return [tuple(result.shape) for result in self.node.meta["val"]]


Handler = Callable[[Call], Result]


class Handlers(dict[str, Handler]):
    """What handles which functions, by their names."""

    def of(self, *names: str) -> Callable[[Handler], Handler]:
        """Register a handler for the functions of these names."""

        def register(handler: Handler) -> Handler:
            self.update(dict.fromkeys(names, handler))
            return handler

        return register
