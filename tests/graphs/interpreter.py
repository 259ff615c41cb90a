"""Running a computation graph on images, knowing of its network what the graph holds and nothing else.

Features, edges and the settings behind the digests say which function of PyTorch each node is. They leave
open how many sizes of one stand at the end of a shape, which changes no number; what depends on these is
taken as the shapes of the node's result have it.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from tests.graphs import recurrent_nodes
from tests.graphs.digested import (
    Constants,
    NotHeldError,
    call,
    is_digest,
    read,
    response_settings,
    scaled,
)
from tests.graphs.function_tables import ACTIVATIONS, CHANNELS_FIRST, JOINS, READ_CONSTANTS, SETTINGS
from tests.graphs.image_shapes import batch_axis, image_axes, layouts, variants, with_rank
from torch import Tensor
from torch.nn import functional

from contrastive_nas.graphs import ComputationGraph
from contrastive_nas.graphs.attributes import usual_padding
from contrastive_nas.graphs.operations import Operation
from contrastive_nas.graphs.schema import FEATURES


class Interpreter:
    """Runs one graph.

    Args:
        graph: complete; in its canonical form or not.
        weights: of the nodes that hold parameters, those of the weights before that of the bias.
        digests: what went into each digest.

    Raises:
        NotHeldError: the graph says that it does not hold all of its network.
    """

    def __init__(
        self, graph: ComputationGraph, weights: Mapping[int, Sequence[Tensor]], digests: Mapping[int, Any]
    ) -> None:
        if not graph.complete:
            raise NotHeldError(f"{graph} does not hold everything that makes its network what it is")
        self._graph, self._weights, self._digests = graph, weights, digests
        self._settings = [read(digests, int(number)) for number in graph.attributes]
        self._sources = [graph.edges[0, graph.edges[1] == node].tolist() for node in range(len(graph))]
        self._running: dict[Any, tuple[Tensor, Tensor]] = {}
        self._training = self._dropout = False
        self._batch = 0
        self._found: list[Any] = []
        self._last: list[bool] = []

    def run(self, images: Tensor, *, training: bool = False, dropout: bool = True) -> Tensor:
        """What the network gives; norms learn their statistics in training, from fresh ones on.

        Args:
            images: a batch of a size that no dimension of the network is a multiple of.
            training: whether norms take the statistics of the batch, and dropout drops.
            dropout: whether it does.
        """
        self._training, self._dropout, self._batch = training, dropout and training, len(images)
        self._found, self._last = [None] * len(self._graph), [False] * len(self._graph)
        inside = self._inside()
        for node in range(len(self._graph)):
            operation = Operation(self._graph.op[node])
            if operation == Operation.INPUT:
                self._found[node] = images
            elif operation == Operation.OUTPUT:
                return self._found[self._sources[node][0]]
            elif node not in inside:
                found = self._run(node, operation)
                dtype = self._settings[node].dtype
                if dtype and isinstance(found, Tensor):
                    kind = getattr(torch, dtype.removeprefix("torch."))
                    found = found.to(images.dtype if kind.is_floating_point else kind)
                self._found[node] = found
                self._last[node] = self._layout(node, operation)
        raise NotHeldError("no output")

    # What a call that became several nodes does is said at the last of them.
    def _inside(self) -> set[int]:
        found: set[int] = set()
        for node, settings in enumerate(self._settings):
            function = settings.values.get("function")
            if function in recurrent_nodes.FUNCTIONS:
                found |= self._recurrent_layer(node).inside
            elif function == "glu":
                half, gate = self._sources[node]
                found |= {half, gate, self._sources[gate][0]}
        return found

    def _run(self, node: int, operation: Operation) -> Any:
        settings = self._settings[node]
        xs = [self._found[source] for source in self._sources[node]]
        function = settings.values.get("function")
        if function in recurrent_nodes.FUNCTIONS:
            return self._recurrent(node)
        if function == "glu":
            source = self._sources[self._sources[node][0]][0]
            return functional.glu(self._found[source], settings.values["dim"])
        if operation == Operation.CONSTANT:
            return self._constant(node)
        if function is not None:
            return self._function(node, operation, str(function), settings.values, xs)
        if operation in ACTIVATIONS:
            kind = functional.celu if settings.kind == "celu" else ACTIVATIONS[operation]
            return kind(xs[0], **settings.values)
        unread = set(settings.values) - SETTINGS.get(operation, frozenset())
        if unread:
            raise NotHeldError(f"settings {sorted(unread)} of a node of type {operation.name} are not read")
        if operation in JOINS:
            return self._join(node, operation, xs)
        return getattr(self, f"_{operation.name.lower()}")(node, xs)

    def _row(self, name: str, node: int) -> list[int]:
        return self._graph.features[node, FEATURES[name]].tolist()

    # Shapes and layouts

    def _fits(self, found: Any, node: int) -> bool:
        is_tensor = isinstance(found, Tensor)
        return is_tensor and bool(layouts(found.shape, self._batch, self._row("out_shape", node)))

    def _layout(self, node: int, operation: Operation) -> bool:
        """Whether the channels of a result are last; where shapes leave it open, as its argument has it."""
        found = self._found[node]
        if not isinstance(found, Tensor) or found.dim() < 3 or operation in CHANNELS_FIRST:
            return False
        fitting = layouts(found.shape, self._batch, self._row("out_shape", node))
        if len(fitting) == 1:
            return fitting[0]
        if operation in (Operation.LINEAR, Operation.MATMUL):
            return True
        first = next((one for one in self._sources[node] if isinstance(self._found[one], Tensor)), None)
        values = self._settings[node].values
        if self._settings[node].kind == "permute" and first is not None:
            return self._permuted_layout(first, values["dims"])
        if first is not None and self._found[first].dim() == found.dim():
            return self._last[first]
        return found.dim() == 3

    def _permuted_layout(self, first: int, order: Sequence[int]) -> bool:
        channels = image_axes(self._found[first].shape, self._batch, last=self._last[first])[0]
        return order.index(channels) == len(order) - 1

    # Functions and constants

    def _constants(self, node: int) -> Constants:
        beside = [self._weights.get(one, ()) for one in self._sources[node] if self._is_beside(one)]
        own = [*self._weights.get(node, ()), *(one for several in beside for one in several)]
        return Constants(self._digests, self._batch, own, self._settings[node].shared)

    def _is_beside(self, node: int) -> bool:
        return self._graph.op[node] == Operation.CONSTANT and not self._settings[node].kind

    def _constant(self, node: int) -> Tensor | None:
        settings = self._settings[node]
        if settings.kind != "constant":
            # Parameters that the weights of its reader are computed from.
            return None
        shape, found = settings.given
        return self._constants(node).value(found).reshape(scaled(shape, self._batch))

    def _function(
        self, node: int, operation: Operation, name: str, values: Mapping[str, Any], xs: Sequence[Any]
    ) -> Any:
        values = {key: one for key, one in values.items() if key != "function"}
        place = self._settings[node].place
        tensors = [one for one in xs if one is not None]
        if "shapes" in values:
            tensors = self._shaped(node, values.pop("shapes"), xs)
        dims = [values[key] for key in ("dim", "dims", "dim0", "dim1") if values.get(key) is not None]
        rank = 1 + max(
            [one for part in dims for one in (part if isinstance(part, list) else [part])], default=0
        )
        refusal = NotHeldError(f"{name} with {values} does not give what node {node} has")
        first, *others = tensors
        for variant in variants(first):
            if variant.dim() < rank:
                continue
            constants = self._constants(node)
            # Weights that are computed from parameters, or fixed, are among the settings.
            is_own = operation == Operation.LINEAR and not any(map(is_digest, values.values()))
            own = self._weights.get(node, ()) if is_own else ()
            try:
                found = call(
                    *(name, values, [variant, *others, *own], constants.value, self._batch),
                    reads_constants=operation in READ_CONSTANTS,
                )
            except RuntimeError as error:
                refusal.__cause__ = error
                continue
            if isinstance(found, list | tuple):
                found = found[place]
            # Features of an attention have the channels of all its heads.
            if operation == Operation.ATTENTION or self._fits(found, node):
                return found
        raise refusal

    def _shaped(self, node: int, shapes: Sequence[Sequence[int]], xs: Sequence[Any]) -> list[Tensor]:
        """Arguments in the shapes that the settings have of those that depend on the input."""
        sources = self._sources[node]
        known = [one for one in sources if self._graph.op[one] != Operation.CONSTANT]
        order = known if len(known) == len(shapes) else list(dict.fromkeys(known))
        shape_of = dict(zip(order, shapes, strict=True))
        return [
            x.reshape(scaled(shape_of[one], self._batch)) if one in shape_of else x
            for one, x in zip(sources, xs, strict=True)
            if x is not None
        ]

    # Layers

    def _weight_and_bias(self, node: int) -> tuple[Tensor | None, Tensor | None]:
        """Weights and bias: parameters, or computed from them, or fixed."""
        values, constants = self._settings[node].values, self._constants(node)
        found: list[Tensor | None] = []
        for name, is_there in (
            ("weight", any(self._row("weight_shape", node))),
            ("bias", self._row("bias", node) != [0]),
        ):
            number = values.get(name)
            found.append(constants.value(number or 0) if is_there else None)
        return found[0], found[1]

    def _conv(self, node: int, xs: Sequence[Tensor]) -> Tensor:
        weight, bias = self._weight_and_bias(node)
        assert weight is not None
        x, padding = self._padded(node, with_rank(xs[0], 4))
        stride, dilation = self._row("stride", node), self._row("dilation", node)
        groups = self._row("groups", node)[0]
        weight = with_rank(weight, 4)
        return functional.conv2d(x, weight, bias, stride, padding, dilation, groups)

    def _conv_transpose(self, node: int, xs: Sequence[Tensor]) -> Tensor:
        weight, bias = self._weight_and_bias(node)
        assert weight is not None
        values = self._settings[node].values
        padding, further = values.get("padding", 0), values.get("output_padding", 0)
        stride, dilation = self._row("stride", node), self._row("dilation", node)
        groups = self._row("groups", node)[0]
        return functional.conv_transpose2d(xs[0], weight, bias, stride, padding, further, groups, dilation)

    def _padded(self, node: int, x: Tensor) -> tuple[Tensor, list[int]]:
        """The padding of windows in height and width; half sizes are one more at the end."""
        given = self._settings[node].values.get("padding")
        rows = [self._row(name, node) for name in ("kernel", "stride", "dilation")]
        rows[2] = [size or 1 for size in rows[2]]
        if given is None:
            outside = self._row("out_shape", node)[1:]
            return x, [usual_padding(*sizes) for sizes in zip(x.shape[2:], outside, *rows, strict=True)]
        given = [*given, 0][:2]
        if any(size != int(size) for size in given):
            ends = [side for size in reversed(given) for side in (math.floor(size), math.ceil(size))]
            return functional.pad(x, ends), [0, 0]
        return x, [int(size) for size in given]

    def _linear(self, node: int, xs: Sequence[Tensor]) -> Tensor:
        weight, bias = self._weight_and_bias(node)
        assert weight is not None
        for x in variants(xs[0]):
            if x.shape[-1] == weight.shape[1]:
                found = functional.linear(x, weight, bias)
                if self._fits(found, node):
                    return found
        raise NotHeldError(f"no shape of the argument of linear layer {node} gives its result")

    def _batch_norm(self, node: int, xs: Sequence[Tensor]) -> Tensor:
        values = self._settings[node].values
        weight, bias = self._weight_and_bias(node)
        channels = xs[0].shape[1]
        fresh = torch.zeros(channels).double(), torch.ones(channels).double()
        # A norm that is used twice has one memory.
        mean, variance = self._running.setdefault(tuple(self._settings[node].shared) or node, fresh)
        epsilon, momentum = values.get("eps", 1e-5), values.get("momentum", 0.1)
        of_batch = self._training or not values.get("running", True)
        return functional.batch_norm(xs[0], mean, variance, weight, bias, of_batch, momentum, epsilon)

    def _layer_norm(self, node: int, xs: Sequence[Tensor]) -> Tensor:
        values = self._settings[node].values
        weight, bias = self._weight_and_bias(node)
        shape = values.get("normalized_shape") or self._row("weight_shape", node)[:1]
        x = next(one for one in variants(xs[0]) if list(one.shape[-len(shape) :]) == list(shape))
        return functional.layer_norm(x, shape, weight, bias, values.get("eps", 1e-5))

    def _group_norm(self, node: int, xs: Sequence[Tensor]) -> Tensor:
        weight, bias = self._weight_and_bias(node)
        epsilon = self._settings[node].values.get("eps", 1e-5)
        return functional.group_norm(xs[0], self._row("groups", node)[0], weight, bias, epsilon)

    def _instance_norm(self, node: int, xs: Sequence[Tensor]) -> Tensor:
        weight, bias = self._weight_and_bias(node)
        epsilon = self._settings[node].values.get("eps", 1e-5)
        return functional.instance_norm(xs[0], None, None, weight, bias, eps=epsilon)

    def _prelu(self, node: int, xs: Sequence[Tensor]) -> Tensor:
        weight, _ = self._weight_and_bias(node)
        assert weight is not None
        return functional.prelu(xs[0], weight)

    def _max_pool(self, node: int, xs: Sequence[Tensor]) -> Tensor:
        x, padding = self._padded(node, with_rank(xs[0], 4))
        dilation = [size or 1 for size in self._row("dilation", node)]
        ceil = self._settings[node].values.get("overhang", False)
        return functional.max_pool2d(
            x, self._row("kernel", node), self._row("stride", node), padding, dilation, ceil
        )

    def _avg_pool(self, node: int, xs: Sequence[Tensor]) -> Tensor:
        values = self._settings[node].values
        x, padding = self._padded(node, with_rank(xs[0], 4))
        return functional.avg_pool2d(
            *(
                x,
                self._row("kernel", node),
                self._row("stride", node),
                padding,
                values.get("overhang", False),
            ),
            *(bool(values.get("count_include_pad", False)), values.get("divisor_override")),
        )

    def _global_avg_pool(self, node: int, xs: Sequence[Tensor]) -> Tensor:
        settings = self._settings[node]
        reduce = torch.mean if self._graph.op[node] == Operation.GLOBAL_AVG_POOL else torch.amax
        last = self._read_layout(node) and not settings.kind.startswith("adaptive")
        axes = image_axes(xs[0].shape, self._batch, last=last)[1:]
        return reduce(xs[0], axes, keepdim=bool(settings.values.get("keepdim"))) if axes else xs[0]

    _global_max_pool = _global_avg_pool

    def _read_layout(self, node: int) -> bool:
        """Whether a node takes the last dimension of its first argument for the channels."""
        source = self._sources[node][0]
        shape = self._found[source].shape
        fitting = layouts(shape, self._batch, self._row("in_shape", node))
        return fitting[0] if len(fitting) == 1 else self._last[source]

    def _softmax(self, node: int, xs: Sequence[Tensor]) -> Tensor:
        """Usually over the last dimension of more than one size."""
        kind = functional.softmax if self._graph.op[node] == Operation.SOFTMAX else functional.log_softmax
        axis = self._settings[node].values.get("dim", with_rank(xs[0], 2).dim() - 1)
        return kind(with_rank(xs[0], max(axis + 1, xs[0].dim())), axis)

    _log_softmax = _softmax

    # Everything else

    def _zero(self, node: int, xs: Sequence[Tensor]) -> Tensor:
        if xs and self._fits(xs[0], node):
            return torch.zeros_like(xs[0])
        return torch.zeros(self._batch, *self._row("out_shape", node), dtype=torch.float64)

    def _identity(self, node: int, xs: Sequence[Tensor]) -> Tensor:
        settings = self._settings[node]
        if settings.kind in ("dropout", "feature_dropout"):
            drop = torch.dropout if settings.kind == "dropout" else torch.feature_dropout
            return drop(xs[0], settings.given[0], self._dropout)
        if settings.kind:
            raise NotHeldError(f"an identity of kind {settings.kind}")
        return xs[0]

    def _elementwise(self, node: int, xs: Sequence[Tensor]) -> Tensor:
        settings, x = self._settings[node], xs[0]
        numbers = settings.given
        if settings.kind == "clamp":
            return x.clamp(*numbers)
        kinds: dict[str, Callable[[Any, Any], Tensor]] = {
            "add": lambda a, b: a + b,
            "mul": lambda a, b: a * b,
            "rdiv": lambda a, b: b / a,
            "rsub": lambda a, b: b - a,
        }
        return kinds[settings.kind](x, numbers[0])

    def _join(self, node: int, operation: Operation, xs: Sequence[Tensor]) -> Tensor:
        values = self._settings[node].values
        alpha = values.get("alpha", 1)
        if operation == Operation.MEAN:
            return torch.stack(list(xs)).mean(0)
        joined: dict[Operation, Callable[[Tensor, Tensor], Tensor]] = {
            Operation.ADD: lambda a, b: a + alpha * b,
            Operation.SUB: lambda a, b: a - alpha * b,
            Operation.MUL: torch.mul,
            Operation.DIV: torch.div,
            Operation.MAXIMUM: torch.maximum,
        }
        for several in (
            [self._shaped(node, values["shapes"], xs)] if "shapes" in values else self._aligned(node, xs)
        ):
            try:
                total = several[0]
                for one in several[1:]:
                    total = joined[operation](total, one)
            except RuntimeError:
                continue
            if self._fits(total, node):
                return total
        raise NotHeldError(f"no alignment of the arguments of node {node} gives its result")

    def _aligned(self, node: int, xs: Sequence[Tensor]) -> list[list[Tensor]]:
        """The arguments that depend on the input in one rank, any that they can have."""
        fixed = [self._graph.op[one] == Operation.CONSTANT for one in self._sources[node]]
        ranks = [x.dim() for x, is_fixed in zip(xs, fixed, strict=True) if not is_fixed]
        found = []
        for rank in dict.fromkeys([max(ranks, default=0), *range(2, 6)]):
            several = [x if one else with_rank(x, rank) for x, one in zip(xs, fixed, strict=True)]
            if all(one or x.dim() == rank for x, one in zip(several, fixed, strict=True)):
                found.append(several)
        return found

    def _concat(self, node: int, xs: Sequence[Tensor]) -> Tensor:
        settings = self._settings[node]
        if settings.given:
            axis, shapes = settings.given
            tensors = self._shaped(node, shapes, xs)
            return torch.stack(tensors, axis) if settings.kind == "stack" else torch.cat(tensors, axis)
        rank = max(x.dim() for x in xs)
        xs = [with_rank(x, rank) for x in xs]
        first = next(x for x in xs if x.shape[batch_axis(x.shape, self._batch)] % self._batch == 0)
        last = next((self._last[one] for one in self._sources[node] if self._found[one] is not None), False)
        for layout in (last, not last):
            for axis in range(rank):
                if axis == batch_axis(first.shape, self._batch):
                    continue
                wide = [one.shape[:axis] + one.shape[axis + 1 :] for one in xs]
                if len(set(wide)) > 1:
                    continue
                found = torch.cat(list(xs), axis)
                if layout in layouts(found.shape, self._batch, self._row("out_shape", node)):
                    return found
        raise NotHeldError(f"no dimension along which node {node} is a concatenation")

    def _slice(self, node: int, xs: Sequence[Tensor]) -> Tensor:
        values = self._settings[node].values
        start, step = values.get("start", 0), values.get("step", 1)
        x, last = xs[0], self._read_layout(node)
        before, after = self._row("in_shape", node), self._row("out_shape", node)
        (place,) = [place for place in range(3) if before[place] != after[place]]
        axis = image_axes(x.shape, self._batch, last=last)[place]
        return x.narrow(axis, start, (after[place] - 1) * step + 1)[
            (slice(None),) * axis + (slice(None, None, step),)
        ]

    def _reshape(self, node: int, xs: Sequence[Tensor]) -> Tensor:
        settings, x = self._settings[node], xs[0]
        if settings.kind == "reshape":
            return x.reshape(scaled(settings.given[1], self._batch))
        return next((one for one in variants(x) if self._fits(one, node)), x.flatten(1))

    def _local_response_norm(self, node: int, xs: Sequence[Tensor]) -> Tensor:
        return functional.local_response_norm(xs[0], **response_settings(self._digests, self._settings[node]))

    def _recurrent_layer(self, node: int) -> recurrent_nodes.RecurrentLayer:
        return recurrent_nodes.find(self._graph.op, self._sources, node, self._settings[node].values)

    def _recurrent(self, node: int) -> Tensor:
        layer, settings = self._recurrent_layer(node), self._settings[node]
        x = with_rank(self._found[layer.source], 3)
        constant = self._constants(node).value
        found = recurrent_nodes.run(
            layer, x, settings.values, self._weights, constant, training=self._training
        )
        result: Tensor = found[settings.place]
        return result
