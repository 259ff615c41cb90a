"""The computation graph of any PyTorch module."""

import logging
import operator
from collections import Counter
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, fx, nn
from torch.export import ExportedProgram
from torch.export.graph_signature import InputKind

from contrastive_nas.errors import InputError
from contrastive_nas.graphs.operations import Operation
from contrastive_nas.graphs.schema import ComputationGraph
from contrastive_nas.graphs.tracing import constants, control, functions, products, recurrent, views
from contrastive_nas.graphs.tracing.attributes import Attributes, hides_a_mode, hides_gradients
from contrastive_nas.graphs.tracing.calls import Call, Result
from contrastive_nas.graphs.tracing.export import (
    check,
    export,
    gradients_of_their_own,
    image_shape,
    line_of,
    questions_for_modes,
    subject,
)
from contrastive_nas.graphs.tracing.record import Constant, Recorder, Value

_LOG = logging.getLogger(__name__)
_HANDLERS = {**functions.HANDLERS, **products.HANDLERS, **recurrent.HANDLERS, **views.HANDLERS}
# Functions that give no tensor: checks that exporting adds.
_SILENT = ("_assert", "sym_", "assert_")


def trace(module: nn.Module, input_shape: Sequence[int]) -> ComputationGraph:
    """Return the computation graph of a module as it stands, in its own mode, identities and zeros included.

    The module is run by ``torch.export`` on tensors without data; its weights are neither copied nor changed.
    Operations outside the vocabulary become ``UNKNOWN`` nodes that hold their parameters, and are logged with
    their names. Of ``torch.cond`` the branch that costs more is written.

    Args:
        module: gives one tensor, or several, for one batch of images; of any precision.
        input_shape: (C, H, W) of one image; (C, L) or (D,) for sequences and vectors.

    Raises:
        InputError: not a module, not a shape, the module does not run on it, its control flow depends on
            the data, or it is scripted, quantised or has several inputs; the message names the line of the
            module at fault, or what to give instead.
    """
    if not isinstance(module, nn.Module):
        raise InputError(f"cannot trace {type(module).__name__}: not a torch.nn.Module")
    shape = image_shape(input_shape)
    check(module)
    record = Recorder()
    with gradients_of_their_own() as own, questions_for_modes() as mode:
        program = export(module, shape)
    walk = ProgramWalk(program, record, subject(module, shape), module)
    outputs = walk.outputs()
    hidden = bool(own) or mode.asked or hides_a_mode(module) or hides_gradients(module)
    walk.attributes.finish(hidden=hidden)
    report_unknown(type(module).__name__, record)
    return record.graph(outputs)


def report_unknown(name: str, record: Recorder) -> None:
    """Log how many nodes of which names are outside the vocabulary."""
    if record.unknown:
        names = ", ".join(f"{count} {kind}" for kind, count in Counter(record.unknown).most_common())
        _LOG.warning("%s: %d nodes with unknown operations: %s", name, len(record.unknown), names)


class ProgramWalk:
    """A walk over an exported program that writes nodes as it goes.

    Attributes:
        record: where it writes them.
        attributes: what is known of its calls and constants beyond the features of nodes.
    """

    def __init__(self, program: ExportedProgram, record: Recorder, subject: str, module: nn.Module) -> None:
        self.record = record
        self._subject = subject
        self._module = program.graph_module
        self._found: dict[fx.Node, Any] = {}
        self.attributes = Attributes(record, self._found, module)
        self._tensors = {**program.state_dict, **program.constants}
        self._memory: dict[int, list[fx.Node]] = {}
        self._inputs = {spec.arg.name: spec for spec in program.graph_signature.input_specs}
        self._constants = program.constants
        self._storages = constants.Storages()

    def outputs(self) -> list[Value]:
        """Write everything; gives the results of the network."""
        nodes = self._module.graph.nodes
        # The network's input stands first, so that it becomes node 0; its parameters before their views.
        order = [InputKind.USER_INPUT, InputKind.PARAMETER]
        placeholders = [node for node in nodes if node.op == "placeholder"]
        for kind in (*order, None):
            for node in placeholders:
                own = self._inputs[node.name].kind
                if own == kind or (kind is None and own not in order):
                    self._found[node] = self._placeholder(node)
                    self._note_memory(node)
                    if own != InputKind.USER_INPUT:
                        held = self._tensors.get(self._inputs[node.name].target or "")
                        self.attributes.hold(node, held, is_parameter=own == InputKind.PARAMETER)
        results = control.flat(self._run(self._module))
        values = [self.as_value(result) for result in results if isinstance(result, Value | Constant)]
        if not values:
            raise InputError(f"{self._subject}: the module returns no tensor")
        return values

    def inside(self, module: fx.GraphModule, operands: Sequence[Any]) -> list[Any]:
        """Write a part of the program that is a function of ``operands``; gives its results."""
        placeholders = [node for node in module.graph.nodes if node.op == "placeholder"]
        self._found.update(zip(placeholders, operands, strict=True))
        results = self._run(module)
        return results if isinstance(results, list) else [results]

    def region(self, module: fx.GraphModule, node: fx.Node, arguments: Sequence[Any]) -> list[Any]:
        """Trace as ``inside`` does, for a call whose arguments the part may change in place."""
        operands = [self.look_up(argument) for argument in arguments]
        results = self.inside(module, operands)
        placeholders = [one for one in module.graph.nodes if one.op == "placeholder"]
        for placeholder, argument, operand in zip(placeholders, arguments, operands, strict=True):
            found = self._found[placeholder]
            if found is not operand and isinstance(argument, fx.Node):
                self.attributes.lose(argument)
                # Gradients pass by what a region without them writes.
                self.attributes.give_up()
                self._written(argument, node, found)
        return results

    def _run(self, module: fx.GraphModule) -> Any:
        for node in module.graph.nodes:
            if node.op == "get_attr":
                held = operator.attrgetter(str(node.target))(module)
                is_tensor = isinstance(held, Tensor)
                self._found[node] = Constant(node.name, tuple(held.shape)) if is_tensor else held
                self.attributes.hold(node, held, is_parameter=False)
            elif node.op == "call_function":
                first = len(self.record.nodes)
                self._found[node] = self._call(node)
                self._note_memory(node)
                self.attributes.note(node, first)
        (results,) = self.look_up(module.graph.output_node().args)
        return results

    def _placeholder(self, node: fx.Node) -> Result:
        spec, tensor = self._inputs[node.name], node.meta["val"]
        shape = tuple(getattr(tensor, "shape", ()))
        if spec.kind == InputKind.USER_INPUT:
            return self.record.add(Operation.INPUT, [], shape, last=False)
        if spec.kind == InputKind.PARAMETER:
            return Constant(node.name, shape, (self._storages.parameter(node.name, tensor),))
        held = self._constants.get(spec.target, tensor) if spec.target is not None else tensor
        return Constant(node.name, shape, self._storages.parts(held))

    def _call(self, node: fx.Node) -> Result:
        if node.target is operator.getitem:
            several = self._found[node.args[0]]  # type: ignore[index]
            result = several[node.args[1]] if isinstance(several, list) else several  # type: ignore[index]
            return result if result is not None else self._beside(node)
        if isinstance(node.target, torch._ops.HigherOrderOperator):
            return control.higher_order(self, node.target.name(), node)
        if not isinstance(node.target, torch._ops.OpOverload):
            return self._number(str(node.target), control.flat(self.look_up(node.args)), node)
        schema = node.target._schema
        name = schema.name.partition("::")[2]
        if name.startswith(_SILENT) or node.meta.get("val") is None:
            return None
        arguments_by_name = self._arguments(node, schema)
        in_place = name.endswith("_") and not name.endswith("__")
        call = Call(self.record, node, name.rstrip("_"), arguments_by_name)
        result = self._result(call)
        if in_place and node.args and isinstance(node.args[0], fx.Node):
            self._written(node.args[0], node, result)
        return result

    def _result(self, call: Call) -> Result:
        if not isinstance(call.node.meta["val"], Tensor | list | tuple):
            return self._number(call.name, [*call.values, *call.constants], call.node)
        if not call.values:
            return constants.constant_result(call, self._storages)
        self._check_sizes(call.node)
        handler = _HANDLERS.get(call.name)
        if handler is None:
            return self.unknown(call.name, [*call.values, *call.constants], call.node)
        return self._with_lost(call, handler(call))

    def _number(self, name: str, read: Sequence[Any], node: fx.Node) -> Result:
        """A number, not a tensor; networks whose numbers depend on the images are none."""
        depends = any(isinstance(one, Value) for one in read)
        if depends and any(not constants.function_name(user).startswith(_SILENT) for user in node.users):
            raise InputError(
                f"{self._subject}{line_of(node)}: {name} makes a Python number from the images; "
                "keep it as a tensor"
            )
        return None if depends else Constant(node.name, ())

    def _check_sizes(self, node: fx.Node) -> None:
        results = node.meta["val"]
        tensors = results if isinstance(results, list | tuple) else [results]
        sizes = [size for tensor in tensors if isinstance(tensor, Tensor) for size in tensor.shape]
        if not all(isinstance(size, int) for size in sizes):
            raise InputError(
                f"{self._subject}{line_of(node)}: the number of values that "
                f"{constants.function_name(node)} gives depends on the images"
            )

    def _with_lost(self, call: Call, result: Result) -> Result:
        """The result; if no node holds a parameter that the function reads, one behind it does."""
        parts = dict.fromkeys(part for constant in call.constants for part in constant.parameters)
        lost = [part for part in parts if not self.record.claims.touched(part)]
        if not lost:
            return result
        first, *others = result if isinstance(result, list) else [result]
        if not isinstance(first, Value):
            return result
        value = self.record.unknown_node(f"parameters of {call.name}", [first], first.shape, lost)
        return [value, *others] if isinstance(result, list) else value

    def _arguments(self, node: fx.Node, schema: Any) -> dict[str, Any]:
        given = dict(node.kwargs)
        given.update(zip((argument.name for argument in schema.arguments), node.args, strict=False))
        return {
            argument.name: self.look_up(given[argument.name])
            if argument.name in given
            else (argument.default_value if argument.has_default_value() else None)
            for argument in schema.arguments
        }

    def look_up(self, argument: Any) -> Any:
        """Return what arguments of a call stand for."""
        if isinstance(argument, fx.Node):
            return self._found.get(argument)
        if isinstance(argument, list | tuple):
            return [self.look_up(one) for one in argument]
        return argument

    def unknown(self, name: str, read: Sequence[Value | Constant], node: fx.Node) -> Result:
        """Return the results of a function outside the vocabulary; the first holds the parameters that it
        reads.
        """
        values = [one for one in read if isinstance(one, Value)]
        parts = [part for one in read if isinstance(one, Constant) for part in one.parameters]
        result: Any = node.meta.get("val")
        several = isinstance(result, list | tuple)
        shapes = [tuple(one.shape) for one in (result if several else [result]) if one is not None]
        found: list[Result] = [self.record.unknown_node(name, values, shape, parts) for shape in shapes]
        return found if several else found[0]

    def _beside(self, node: fx.Node) -> Result:
        """A further result that no handler describes, e.g. the positions of maxima; rarely read."""
        if not node.users:
            return None
        source = self.look_up(node.args[0])
        values = [one for one in source if isinstance(one, Value)]
        return self.unknown(f"{node.args[0]}[{node.args[1]}]", values, node)

    def _note_memory(self, node: fx.Node) -> None:
        tensor = node.meta.get("val")
        if isinstance(tensor, Tensor) and tensor.layout == torch.strided:
            self._memory.setdefault(tensor.untyped_storage()._cdata, []).append(node)

    def _written(self, target: fx.Node, node: fx.Node, result: Result) -> None:
        """``node`` changed ``target`` in place, and with it whatever else shows the same memory."""
        self._found[target] = result
        if not isinstance(result, Value | Constant):
            return
        tensor = target.meta["val"]
        for other in self._memory.get(tensor.untyped_storage()._cdata, []):
            before = self._found[other]
            is_known = isinstance(before, Value | Constant) and other.graph is node.graph
            if other in (target, node) or not is_known or not constants.meet(tensor, other.meta["val"]):
                continue
            self.attributes.lose(other)
            if isinstance(before, Constant) and isinstance(result, Constant):
                parts = tuple(dict.fromkeys(before.parameters + result.parameters))
                self._found[other] = Constant((before.key, result.key), before.shape, parts)
            elif any(user > node for user in other.users):
                values = [value for value in (before, result) if isinstance(value, Value)]
                self._found[other] = self.unknown("in-place write to a view", values, other)

    def as_value(self, found: Value | Constant) -> Value:
        """Return a tensor as a node, constants included."""
        return found if isinstance(found, Value) else self.record.constant(found)
