"""Attributes of the nodes of a traced module: what functions and constants are beyond their features.

After every call of the program the nodes that it added are given the digest of its settings, and what it
computes from constants alone the digest of how; so no function has to be described twice. What has no digest,
large constants among it, makes the graph incomplete.
"""

import operator
from collections import Counter
from collections.abc import Hashable, Iterator, Mapping
from types import CodeType
from typing import Any

import torch
from torch import Tensor, fx, nn
from torch.nn.modules.batchnorm import _BatchNorm

from contrastive_nas.graphs.attributes import NOT_HELD, digest
from contrastive_nas.graphs.operations import Operation
from contrastive_nas.graphs.schema import FEATURES
from contrastive_nas.graphs.tracing.record import Noise, Recorder, Value
from contrastive_nas.graphs.tracing.settings import Settings, holds_unknown, of_bytes
from contrastive_nas.graphs.tracing.weights import parts_beside

# Bytes of a constant whose contents count: a table of 512 x 512 numbers.
_LARGEST_CONSTANT = 1 << 20
# Functions that look at the type or the shape of some of their arguments, not at their numbers.
_LOOK_AT_SHAPES = ("expand_as", "view_as", "reshape_as", "type_as", "copy", "new_", "zeros_like", "ones_like")
# Arguments that say which mode a function is in; attention is told how much it drops.
_MODES = ("train", "training", "use_input_stats", "dropout_p")
_NORMS = frozenset({Operation.BATCH_NORM, Operation.INSTANCE_NORM})
_COPIES = frozenset({"contiguous", "clone", "alias", "lift_fresh_copy", "dropout"})


class Attributes:
    """What is known of the calls and constants of one program so far.

    Args:
        record: where nodes are written, and get their attributes.
        found: what each node of the program became.
        module: what is traced.
    """

    def __init__(self, record: Recorder, found: Mapping[fx.Node, Any], module: nn.Module) -> None:
        self._record, self._found, self._module = record, found, module
        self._parts = dict(module.named_modules(remove_duplicate=False))
        self._constants: dict[fx.Node, int] = {}
        self._by_key: dict[Hashable, fx.Node] = {}
        self._reads: dict[fx.Node, tuple[str, ...]] = {}
        self._drawn: set[str] = set()
        self._readers: dict[str, set[fx.Node]] = {}
        self._layers: dict[int, tuple[str, ...]] = {}
        self._statistics: dict[int, str] = {}
        self._keepers: dict[str, set[fx.Node]] = {}
        self._idle_dropout = False

    def on_trial(self, record: Recorder) -> "Attributes":
        """Return a copy that writes to another record, for a part of the program that is written on trial."""
        trial = Attributes(record, self._found, self._module)
        trial._constants, trial._by_key = dict(self._constants), dict(self._by_key)
        trial._reads, trial._layers = dict(self._reads), dict(self._layers)
        trial._statistics, trial._drawn = dict(self._statistics), set(self._drawn)
        trial._readers = {name: set(readers) for name, readers in self._readers.items()}
        trial._keepers = {name: set(keepers) for name, keepers in self._keepers.items()}
        trial._idle_dropout = self._idle_dropout
        return trial

    def hold(self, node: fx.Node, tensor: Any, *, is_parameter: bool) -> None:
        """Note a tensor of the module: trained ones are the same whatever they hold."""
        trained = is_parameter and getattr(tensor, "requires_grad", True)
        self._constants[node] = 0 if trained else _contents(tensor)
        self._reads[node] = (node.name,) if trained else ()
        self._name(node)

    def note(self, node: fx.Node, first: int) -> None:
        """Give the nodes that a call added their attributes; ``first`` is the first of them."""
        result = self._found.get(node)
        values = self._results(result)
        if node.target is operator.getitem:
            self._pick(node)
            return
        known = isinstance(node.target, torch._ops.OpOverload)
        # In the order of the arguments, and once for each time.
        given = [one for one in _flat([node.args, list(node.kwargs.values())]) if isinstance(one, fx.Node)]
        reads = tuple(name for one in given for name in self._reads.get(one, ()))
        if isinstance(result, Noise) and not any(isinstance(self._found.get(one), Noise) for one in given):
            # Drawn once, however many read it.
            reads = (*reads, node.name)
            self._drawn.add(node.name)
        self._reads[node] = () if values else reads
        if not values:
            self._constants[node] = self._expression(node) if known else NOT_HELD
            self._name(node)
            self._written(node)
            return
        for name in reads:
            self._readers.setdefault(name, set()).add(node)
        kept, drawn = self._statistics_of(node), tuple(name for name in reads if name in self._drawn)
        if kept:
            self._keepers.setdefault(kept, set()).add(node)
        for place, value in enumerate(result if isinstance(result, list) else [result]):
            # Results that nothing reads are left out.
            if not isinstance(value, Value) or value.node < first:
                continue
            found = self._settings(node, value, first) if known else NOT_HELD
            is_further = place > 0 and found != NOT_HELD
            self._record.nodes[value.node].attributes = digest(found, place) if is_further else found
        for number, written in enumerate(self._record.nodes[first:], first):
            # Some functions are several layers, e.g. a recurrent one.
            if written.row[FEATURES["weight_shape"]][0] and written.row[0] != Operation.CONSTANT:
                self._layers.setdefault(number, reads)
            elif drawn:
                self._layers.setdefault(number, drawn)
            if kept and written.row[0] in _NORMS:
                self._statistics[number] = kept

    def finish(self, *, hidden: bool) -> None:
        """Give constants their attributes, and tell apart which weights are used more than once.

        Args:
            hidden: whether the module does something else in its other mode, or with its gradients.
        """
        for key, number in self._record._constants.items():
            written = self._record.nodes[number]
            if written.row[0] != Operation.CONSTANT:
                continue
            node = self._by_key.get(key)
            beside = parts_beside(key)
            if beside:
                # How a layer's weights are computed from these parameters is among its own settings.
                written.attributes, self._layers[number] = 0, tuple(part.name for part in beside)
            elif node is None or self._constants[node] == NOT_HELD:
                written.attributes, self._layers[number] = NOT_HELD, ()
            else:
                shape = list(node.meta["val"].shape)
                written.attributes = digest("constant", shape, self._constants[node])
                self._layers[number] = self._reads[node]
        for number, kept in self._statistics.items():
            # Told by its weights, if these are shared as its statistics are.
            names = self._layers.get(number, ())
            if not names or self._readers[names[0]] != self._keepers[kept]:
                self._layers[number], self._readers[kept] = (*names, kept), self._keepers[kept]
        repeated = {
            name for names in self._layers.values() for name, count in Counter(names).items() if count > 1
        }
        shared = [name for name, readers in self._readers.items() if len(readers) > 1 or name in repeated]
        numbers = {name: place for place, name in enumerate(shared, 1)}
        for number, names in self._layers.items():
            written = self._record.nodes[number]
            if written.attributes != NOT_HELD and any(name in numbers for name in names):
                written.attributes = digest(written.attributes, [numbers.get(name, 0) for name in names])
        if hidden or self._idle_dropout:
            self.give_up()

    def _results(self, result: Any) -> list[Value]:
        several = result if isinstance(result, list) else [result]
        return [one for one in several if isinstance(one, Value)]

    def _pick(self, node: fx.Node) -> None:
        whole, place = node.args
        if isinstance(whole, fx.Node) and whole in self._constants:
            found = self._constants[whole]
            self._constants[node] = NOT_HELD if found == NOT_HELD else digest(found, place)
            self._reads[node] = self._reads.get(whole, ())
            self._name(node)

    def _name(self, node: fx.Node) -> None:
        # Parts of a list are named where they are picked from it.
        key = getattr(self._found.get(node), "key", None)
        if key is not None:
            self._by_key.setdefault(key, node)

    def give_up(self) -> None:
        """Note that something of the network is not held at all."""
        self._record.nodes[0].attributes = NOT_HELD

    def lose(self, node: fx.Node) -> None:
        """Note that nothing is known of a constant any more: another one was written into its memory."""
        if node in self._constants:
            self._constants[node] = NOT_HELD

    def _written(self, node: fx.Node) -> None:
        """A constant that is written into is another one."""
        name = node.target._schema.name if isinstance(node.target, torch._ops.OpOverload) else ""
        target = node.args[0] if node.args else None
        if name.endswith("_") and isinstance(target, fx.Node):
            self._constants[target] = self._constants[node]

    def _arguments(self, node: fx.Node) -> Iterator[tuple[str, Any]]:
        given = dict(node.kwargs)
        schema = node.target._schema.arguments  # type: ignore[union-attr]
        given.update(zip((one.name for one in schema), node.args, strict=False))
        for one in schema:
            yield one.name, given.get(one.name, one.default_value if one.has_default_value() else None)

    def _numbers(self, argument: Any) -> Any:
        """An argument without tensors that depend on the input, constants as digests."""
        if isinstance(argument, fx.Node):
            if self._results(self._found.get(argument)):
                return None
            return self._constants.get(argument, NOT_HELD)
        if isinstance(argument, list | tuple):
            found = [self._numbers(one) for one in argument]
            if any(one is None for one in argument):
                # Edges do not tell which of them are left out.
                pairs = zip(argument, found, strict=True)
                return ["given" if one is None and given is not None else one for given, one in pairs]
            return None if found and all(one is None for one in found) else found
        if isinstance(argument, torch.dtype | torch.device | torch.layout | torch.memory_format):
            return str(argument)
        return argument

    def _operands(self, argument: Any) -> Any:
        """As ``_numbers``, but parameters by their shapes, which say what becomes of them."""
        if isinstance(argument, list | tuple):
            return [self._operands(one) for one in argument]
        if isinstance(argument, fx.Node) and self._constants.get(argument) == 0:
            return ["parameter", list(argument.meta["val"].shape)]
        return self._numbers(argument)

    def _expression(self, node: fx.Node) -> int:
        """How a constant is computed; a copy of one is that one."""
        name, arguments = _name_of(node), dict(self._arguments(node))
        found = {key: self._operands(argument) for key, argument in arguments.items()}
        if holds_unknown(found.values()):
            return NOT_HELD
        first = next(iter(arguments.values()), None)
        if name in _COPIES and isinstance(first, fx.Node) and not found.get("p"):
            return int(self._constants.get(first, NOT_HELD))
        found.pop("device", None)
        shapes = [list(one.shape) for one in _flat(node.meta.get("val")) if isinstance(one, Tensor)]
        try:
            return digest(name, [[key, found[key]] for key in sorted(found)], shapes)
        except TypeError:
            return NOT_HELD

    def _settings(self, node: fx.Node, value: Value, first: int) -> int:
        name, arguments = _name_of(node), dict(self._arguments(node))
        written = self._record.nodes[value.node]
        operation = Operation(written.row[0])
        if operation == Operation.UNKNOWN or self._unread(node, name, first):
            return NOT_HELD
        if "dropout" in name and arguments.get("p") and arguments.get("train") is False:
            # Its result is its argument itself, so that a program confuses who reads which of the two.
            self._idle_dropout = True
            return 0
        if operation == Operation.LOCAL_RESPONSE_NORM and name == "div":
            return self._absorbed(node)
        inputs = [one for one in node.all_input_nodes if self._results(self._found.get(one))]
        result = next(one for one in _flat(node.meta["val"]) if isinstance(one, Tensor))
        before = inputs[0].meta["val"] if inputs else None
        constants = {
            key: tuple(argument.meta["val"].shape)
            for key, argument in arguments.items()
            if isinstance(argument, fx.Node) and self._constants.get(argument)
        }
        weights = {
            key: tuple(argument.meta["val"].shape)
            for key, argument in arguments.items()
            if isinstance(argument, fx.Node) and argument in self._constants
        }
        numbers = {key: self._numbers(argument) for key, argument in arguments.items()}
        omitted = self._omitted(node) if operation == Operation.ELEMENTWISE else []
        if omitted:
            numbers["omitted"] = omitted
        mode = self._fixed_mode(node, arguments)
        call = Settings(
            name=name,
            numbers={key: one for key, one in numbers.items() if key not in weights or key in constants},
            shapes=[tuple(one.meta["val"].shape) for one in inputs if isinstance(one.meta["val"], Tensor)],
            constants=weights,
            result=result,
            changes_type=isinstance(before, Tensor) and before.dtype != result.dtype,
            training=self._module.training if mode is None else mode,
            detail=written.detail,
            last=self._is_last(node),
        )
        try:
            found = call.attributes(operation)
        except TypeError:
            return NOT_HELD
        return found if mode is None else digest("mode", mode, found)

    def _fixed_mode(self, node: fx.Node, arguments: Mapping[str, Any]) -> bool | None:
        """The mode that the network's own code gives a function, whichever the network is in.

        Layers of PyTorch hand their own mode on. Code that does so by itself asks for it, and is incomplete.
        """
        given = next((arguments[name] for name in _MODES if name in arguments), None)
        has_modes = arguments.get("p", 1) and arguments.get("running_mean", True) is not None
        if given is None or not has_modes or (not given and "dropout_p" in arguments):
            return None
        paths = [path for path, _ in (node.meta.get("nn_module_stack") or {}).values()]
        # Behind an @ stands which call of the same layer it is.
        layer = self._parts.get(paths[-1].partition("@")[0]) if paths else None
        own = getattr(type(layer).forward, "__module__", "") if layer else "torch.nn."
        return None if own.startswith("torch.nn.") else bool(given)

    def _statistics_of(self, node: fx.Node) -> str | None:
        """The statistics that a norm keeps."""
        if not isinstance(node.target, torch._ops.OpOverload):
            return None
        kept = dict(self._arguments(node)).get("running_mean")
        return kept.name if isinstance(kept, fx.Node) else None

    def _omitted(self, node: fx.Node) -> list[str]:
        """Tensors that are left out before one that is given, so that edges do not tell which one that is."""
        kinds = {one.name: str(one.type) for one in node.target._schema.arguments}  # type: ignore[union-attr]
        tensors = [pair for pair in self._arguments(node) if "Tensor" in kinds[pair[0]]]
        given = [place for place, (_, argument) in enumerate(tensors) if argument is not None]
        return [key for key, argument in tensors[: given[-1] if given else 0] if argument is None]

    def _is_last(self, node: fx.Node) -> bool:
        given = [self._found.get(one) for one in node.all_input_nodes]
        return any(isinstance(one, Value) and one.last for one in given)

    def _unread(self, node: fx.Node, name: str, first: int) -> bool:
        """Whether the call reads a tensor that no node does which it added."""
        if name.startswith(_LOOK_AT_SHAPES):
            return False
        read = {source for one in self._record.nodes[first:] for source in one.sources}
        given = {
            value.node for one in node.all_input_nodes for value in self._results(self._found.get(one))[:1]
        }
        return any(one < first and one not in read and not self._record.nodes[one].absorbed for one in given)

    def _absorbed(self, node: fx.Node) -> int:
        """The settings of all functions that a spelled-out layer was made of."""
        number = self._results(self._found[node.args[1]])[0].node  # type: ignore[index]
        parts = []
        while self._record.nodes[number].absorbed:
            one = self._record.nodes[number]
            parts.append(digest(one.attributes, list(one.row)))
            number = one.sources[0]
        return digest("spelled out", parts)


def hides_a_mode(module: nn.Module) -> bool:
    """Return whether code of the module asks for its mode, of whose two answers a program has one only.

    PyTorch's own layers hand their mode on to functions that the program has.
    """
    return any(_asks(type(one), one.training) or _attends(one) or _averages(one) for one in module.modules())


def hides_gradients(module: nn.Module) -> bool:
    """Return whether something changes gradients of the module on their way, which a program does not
    have.
    """
    hooks = [hooks for one in module.modules() for hooks in (one._backward_hooks, one._backward_pre_hooks)]
    return any(hooks) or any(weight._backward_hooks for weight in module.parameters())


def _averages(module: nn.Module) -> bool:
    # Statistics of all batches alike; which momentum that is, is asked for in training alone.
    return isinstance(module, _BatchNorm) and module.track_running_stats and module.momentum is None


def _attends(module: nn.Module) -> bool:
    # Attention leaves its dropout out where it is not trained.
    return isinstance(module, nn.MultiheadAttention) and module.dropout > 0 and not module.training


def _asks(kind: type[nn.Module], training: bool) -> bool:
    own = [one for one in kind.__mro__[:-1] if not one.__module__.startswith("torch.nn.")]
    if any("train" in vars(one) or "eval" in vars(one) for one in own):
        # It may note its mode under another name.
        return True
    codes = [getattr(part, "__code__", None) for one in own for part in vars(one).values()]
    return any("training" in _names(code) for code in codes if code is not None)


def _names(code: CodeType) -> set[str]:
    inner = [one for one in code.co_consts if isinstance(one, CodeType)]
    return {*code.co_names, *(name for one in inner for name in _names(one))}


def _contents(tensor: Any) -> int:
    """The digest of a tensor's contents; nothing is known of large ones and of those without numbers."""
    is_real = isinstance(tensor, Tensor) and type(tensor) in (Tensor, nn.Parameter, nn.Buffer)
    if not is_real or tensor.layout != torch.strided or tensor.device.type == "meta":
        return NOT_HELD
    return of_bytes(tensor) if tensor.numel() * tensor.element_size() <= _LARGEST_CONSTANT else NOT_HELD


def _name_of(node: fx.Node) -> str:
    return str(node.target._schema.name).partition("::")[2].rstrip("_")  # type: ignore[union-attr]


def _flat(found: Any) -> list[Any]:
    return [leaf for one in found for leaf in _flat(one)] if isinstance(found, list | tuple) else [found]
