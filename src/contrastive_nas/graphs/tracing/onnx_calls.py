"""One operator of an ONNX graph with its arguments, as handlers take it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from contrastive_nas.graphs.tracing import elementwise
from contrastive_nas.graphs.tracing.onnx_tensors import Array
from contrastive_nas.graphs.tracing.record import Constant, Dims, Recorder, Value
from contrastive_nas.graphs.tracing.weights import Weights, weights_of


@dataclass
class OnnxCall:
    """One operator of an ONNX graph.

    Attributes:
        record: where to write nodes.
        operator: its type.
        arguments: tensors as values or constants, None where one is left out.
        attributes: by name.
        shapes: of its results.
        numbers: contents of a constant argument, by position, where they are known.
        alone: whether nothing else reads an argument, by position.
    """

    record: Recorder
    operator: str
    arguments: list[Value | Constant | None]
    attributes: dict[str, Any]
    shapes: list[Dims]
    numbers: Callable[[int], Array | None]
    alone: Callable[[int], bool]

    @property
    def x(self) -> Value:
        """The first argument as a tensor."""
        return self.value(0)

    @property
    def shape(self) -> Dims:
        """Shape of the first result."""
        return self.shapes[0]

    @property
    def values(self) -> list[Value]:
        """All arguments that depend on the input or on parameters, as nodes."""
        return [
            self.value(place)
            for place, argument in enumerate(self.arguments)
            if isinstance(argument, Value) or (argument is not None and argument.parameters)
        ]

    def value(self, position: int) -> Value:
        """Return an argument as a node, constants included."""
        partner = next((one for one in self.arguments if isinstance(one, Value)), None)
        return elementwise.as_value(self.record, self.arguments[position], partner)

    def argument(self, position: int) -> Value | Constant | None:
        """Return an argument; None where it is left out."""
        return self.arguments[position] if position < len(self.arguments) else None

    def constant(self, position: int) -> Constant | None:
        """Return an argument that is a constant; None where it is left out or computed from the input."""
        argument = self.argument(position)
        return argument if isinstance(argument, Constant) else None

    def weights(self, constant: Constant) -> Weights:
        """Return what a layer holds whose weights are a constant, be it stored as parameter or not."""
        if not constant.parameters:
            return Weights(constant.key)
        return weights_of(self.record, constant)

    def given(self, position: int) -> bool:
        """Return whether there is such an argument, and not just zeros in its place."""
        argument = self.argument(position)
        return argument is not None and not (isinstance(argument, Constant) and argument.zero)

    def integers(self, name: str, position: int) -> list[int]:
        """Return numbers that older versions of an operator keep as an attribute and newer ones as an
        argument.
        """
        if name in self.attributes:
            return np.atleast_1d(self.attributes[name]).tolist()
        numbers = self.numbers(position)
        return [] if numbers is None else [int(number) for number in np.atleast_1d(numbers)]

    def unknown(self, name: str) -> Value:
        """Return a node outside the vocabulary, which reads everything there is to read."""
        return self.record.unknown_node(name, self.values, self.shape)


Handler = Callable[[OnnxCall], Value | list[Value]]
