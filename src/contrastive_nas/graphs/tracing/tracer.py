"""The computation graph of any PyTorch module."""

import logging
import operator
import traceback
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, redirect_stderr
from io import StringIO
from pathlib import Path
from typing import Any

import torch
from torch import fx, nn
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.export import ExportedProgram
from torch.export.graph_signature import InputKind
from torch.fx.experimental.symbolic_shapes import ShapeEnv

from contrastive_nas.errors import InputError
from contrastive_nas.graphs.operations import Operation
from contrastive_nas.graphs.schema import ComputationGraph
from contrastive_nas.graphs.tracing import functions as trace_functions
from contrastive_nas.graphs.tracing import views as trace_views
from contrastive_nas.graphs.tracing.attributes import Attributes, hides_a_mode
from contrastive_nas.graphs.tracing.calls import Call, Result
from contrastive_nas.graphs.tracing.record import BATCH, Constant, Noise, Recorder, Value

_LOG = logging.getLogger(__name__)
_HANDLERS = {**trace_functions.HANDLERS, **trace_views.HANDLERS}
_LOGS_OF_FAILURES = ("torch.fx.experimental.symbolic_shapes", "torch._subclasses.fake_tensor")
# Functions that give no tensor: checks that exporting adds.
_SILENT = ("_assert", "sym_", "assert_")


def trace(module: nn.Module, input_shape: Sequence[int]) -> ComputationGraph:
    """The computation graph of a module as it stands, in its own mode, identities and zeros included.

    The module is run by ``torch.export`` on tensors without data; its weights are neither copied nor changed.
    Operations outside the vocabulary become ``UNKNOWN`` nodes and are logged with their names.

    Args:
        module: gives one tensor, or several, for one batch of images.
        input_shape: (C, H, W) of one image; (C, L) or (D,) for sequences and vectors.

    Raises:
        InputError: not a module, not a shape, the module does not run on it, or its control flow depends on
            the data; the message names the line of the module at fault.
    """
    if not isinstance(module, nn.Module):
        raise InputError(f"cannot trace {type(module).__name__}: not a torch.nn.Module")
    shape = tuple(input_shape) if isinstance(input_shape, Sequence) else ()
    if not 1 <= len(shape) <= 3 or not all(isinstance(size, int) and size > 0 for size in shape):
        raise InputError(f"cannot trace with input shape {input_shape!r}: not one to three positive integers")
    program = _export(module, shape)
    record = Recorder()
    walk = _Walk(program, record, training=module.training)
    outputs = walk.outputs()
    walk.attributes.finish(hidden=hides_a_mode(module))
    report_unknown(type(module).__name__, record)
    return record.graph(outputs)


def report_unknown(name: str, record: Recorder) -> None:
    """Logs how many nodes of which names are outside the vocabulary."""
    if record.unknown:
        names = ", ".join(f"{count} {kind}" for kind, count in Counter(record.unknown).most_common())
        _LOG.warning("%s: %d nodes outside the vocabulary: %s", name, len(record.unknown), names)


def _export(module: nn.Module, shape: tuple[int, ...]) -> ExportedProgram:
    device = next((tensor.device for tensor in module.parameters()), torch.device("cpu"))
    try:
        with _quiet(), FakeTensorMode(allow_non_fake_inputs=True, shape_env=ShapeEnv()):
            batch = torch.empty(BATCH, *shape, device=device)
        with _quiet(), torch.no_grad():
            return torch.export.export(module, (batch,), strict=False)
    except Exception as error:
        reason = next(line for line in (*str(error).splitlines(), type(error).__name__) if line.strip())
        reason = reason.replace(f"[{BATCH}, ", "[batch, ")
        where = _line_at_fault(error)
        raise InputError(
            f"cannot trace {type(module).__name__} with input shape {shape}{where}: {reason}"
        ) from error


@contextmanager
def _quiet() -> Iterator[None]:
    """Keeps PyTorch's long accounts of failed exports off the screen; the error says it in one line."""
    levels = [(log, log.level) for log in map(logging.getLogger, _LOGS_OF_FAILURES)]
    for log, _ in levels:
        log.setLevel(logging.CRITICAL)
    try:
        with redirect_stderr(StringIO()):
            yield
    finally:
        for log, level in levels:
            log.setLevel(level)


def _line_at_fault(error: BaseException) -> str:
    """The innermost line outside PyTorch and this package, in words."""
    homes = (str(Path(torch.__file__).parent), str(Path(__file__).parents[1]), "<string>")
    frames = traceback.extract_tb(error.__traceback__)
    outside = [frame for frame in frames if not frame.filename.startswith(homes)]
    if not outside:
        return ""
    frame = outside[-1]
    code = f" ({frame.line})" if frame.line else ""
    return f", in {frame.filename}, line {frame.lineno}{code}"


class _Walk:
    """A walk over an exported program that writes nodes as it goes.

    Attributes:
        attributes: what is known of its calls and constants beyond the features of nodes.
    """

    def __init__(self, program: ExportedProgram, record: Recorder, *, training: bool) -> None:
        self._record = record
        self._found: dict[fx.Node, Result] = {}
        self.attributes = Attributes(record, self._found, training=training)
        self._tensors = {**program.state_dict, **program.constants}
        self._module = program.graph_module
        self._viewed: dict[fx.Node, fx.Node] = {}
        self._graph = program.graph
        self._order = {node: place for place, node in enumerate(self._graph.nodes)}
        self._placeholders = {spec.arg.name: spec for spec in program.graph_signature.input_specs}

    def outputs(self) -> list[Value]:
        """Writes everything; gives the results of the network."""
        for node in self._inputs_first():
            if node.op == "placeholder":
                self._found[node] = self._placeholder(node)
                if not self._is_input(node):
                    held = self._tensors.get(self._placeholders[node.name].target or "")
                    trained = self._kind(node) == InputKind.PARAMETER
                    self.attributes.hold(node, held, is_parameter=trained)
            elif node.op == "get_attr":
                self._found[node] = Constant(node.name, tuple(getattr(node.meta.get("val"), "shape", ())))
                held = getattr(self._module, str(node.target), None)
                self.attributes.hold(node, held, is_parameter=False)
            elif node.op == "call_function":
                first = len(self._record.nodes)
                self._found[node] = self._call(node)
                self.attributes.note(node, first)
        results = _flat(self._look_up(self._graph.output_node().args))
        values = [self._as_value(result) for result in results if isinstance(result, Value | Constant)]
        if not values:
            raise InputError("cannot trace: the module gives no tensor")
        return values

    def _inputs_first(self) -> list[fx.Node]:
        """The nodes in order, the network's input at the head, so that it becomes node 0."""
        return sorted(self._graph.nodes, key=lambda node: not self._is_input(node))

    def _is_input(self, node: fx.Node) -> bool:
        return node.op == "placeholder" and self._kind(node) == InputKind.USER_INPUT

    def _kind(self, node: fx.Node) -> InputKind:
        return self._placeholders[node.name].kind

    def _placeholder(self, node: fx.Node) -> Result:
        shape = tuple(node.meta["val"].shape)
        if self._kind(node) == InputKind.USER_INPUT:
            return self._record.add(Operation.INPUT, [], shape, last=False)
        trainable = self._kind(node) == InputKind.PARAMETER
        parameters = ((node.name, node.meta["val"].numel()),) if trainable else ()
        return Constant(node.name, shape, parameters)

    def _call(self, node: fx.Node) -> Result:
        if node.target is operator.getitem:
            several = self._found[node.args[0]]  # type: ignore[index]
            result = several[node.args[1]] if isinstance(several, list) else several  # type: ignore[index]
            return result if result is not None else self._beside(node)
        if not isinstance(node.target, torch._ops.OpOverload):
            arguments = [value for value in map(self._look_up, node.args) if isinstance(value, Value)]
            return self._unknown(str(node.target), arguments, node)
        schema = node.target._schema
        name = schema.name.partition("::")[2]
        if name.startswith(_SILENT) or "val" not in node.meta or node.meta["val"] is None:
            return None
        arguments_by_name = self._arguments(node, schema)
        in_place = name.endswith("_") and not name.endswith("__")
        call = Call(self._record, node, name.rstrip("_"), arguments_by_name)
        result = self._result(call)
        self._note_view(node, call.name)
        if in_place and node.args and isinstance(node.args[0], fx.Node):
            self._written(node.args[0], node, result)
        return result

    def _result(self, call: Call) -> Result:
        if not isinstance(call.node.meta["val"], torch.Tensor | list | tuple):
            return None
        if not call.values:
            return trace_views.constant_result(call)
        handler = _HANDLERS.get(call.name)
        return handler(call) if handler else self._unknown(call.name, call.values, call.node)

    def _arguments(self, node: fx.Node, schema: Any) -> dict[str, Any]:
        given = dict(node.kwargs)
        given.update(zip((argument.name for argument in schema.arguments), node.args, strict=False))
        return {
            argument.name: self._look_up(given[argument.name])
            if argument.name in given
            else (argument.default_value if argument.has_default_value() else None)
            for argument in schema.arguments
        }

    def _look_up(self, argument: Any) -> Any:
        if isinstance(argument, fx.Node):
            return self._found.get(argument)
        if isinstance(argument, list | tuple):
            return [self._look_up(one) for one in argument]
        return argument

    def _unknown(self, name: str, values: list[Value], node: fx.Node) -> Result:
        result: Any = node.meta.get("val")
        several = isinstance(result, list | tuple)
        shapes = [tuple(one.shape) for one in (result if several else [result]) if one is not None]
        found: list[Result] = [self._record.unknown_node(name, values, shape) for shape in shapes]
        return found if several else found[0]

    def _beside(self, node: fx.Node) -> Result:
        """A further result that no handler describes, e.g. the positions of maxima; rarely read."""
        if not node.users:
            return None
        source = self._look_up(node.args[0])
        values = [one for one in source if isinstance(one, Value)]
        return self._unknown(f"{node.args[0]}[{node.args[1]}]", values, node)

    def _note_view(self, node: fx.Node, name: str) -> None:
        first = node.args[0] if node.args else None
        if name in trace_views.VIEWS and isinstance(first, fx.Node):
            self._viewed[node] = self._viewed.get(first, first)

    def _written(self, target: fx.Node, node: fx.Node, result: Result) -> None:
        """An in-place function changed ``target``, and what ``target`` is a view of."""
        self._found[target] = result
        whole = self._viewed.get(target)
        if whole is None or not isinstance(result, Value):
            return
        if any(self._order[user] > self._order[node] for user in whole.users):
            before = self._found[whole]
            values = [value for value in (before, result) if isinstance(value, Value)]
            self._found[whole] = self._unknown("in-place write to a view", values, whole)

    def _as_value(self, found: Value | Constant | Noise) -> Value:
        assert not isinstance(found, Noise)
        return found if isinstance(found, Value) else self._record.constant(found)


def _flat(nested: Any) -> list[Any]:
    return [leaf for one in nested for leaf in _flat(one)] if isinstance(nested, list) else [nested]
