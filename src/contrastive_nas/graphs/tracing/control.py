"""How functions that take functions become nodes: conditions, and regions that are run with other settings.

Of a condition on data the branch that costs more is written, as an upper bound that does not depend on the
data; the other one's parameters are there beside it, as one more argument of what the condition selects.
"""

import copy
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from torch import fx

from contrastive_nas.graphs.costs import multiply_accumulates, parameters
from contrastive_nas.graphs.operations import Operation
from contrastive_nas.graphs.tracing.calls import Result
from contrastive_nas.graphs.tracing.record import Constant, Recorder, Value

if TYPE_CHECKING:
    from contrastive_nas.graphs.tracing.tracer import ProgramWalk

# Regions that are run once, as they stand.
_REGIONS = frozenset(
    {
        "wrap",
        "wrap_with_set_grad_enabled",
        "wrap_with_autocast",
        "tag_activation_checkpoint",
        "strict_mode",
        "invoke_subgraph",
        "hints_wrapper",
    }
)


def higher_order(walk: "ProgramWalk", name: str, node: fx.Node) -> Result:
    """Return what a function gives that takes parts of the program as arguments."""
    arguments = [walk.look_up(argument) for argument in node.args]
    graphs = [argument for argument in arguments if isinstance(argument, fx.GraphModule)]
    if name == "cond" and len(graphs) == 2:
        return _condition(walk, arguments[0], graphs, arguments[3])
    if name in _REGIONS and len(graphs) == 1:
        given = [one for one in flat(node.args[arguments.index(graphs[0]) + 1 :]) if not isinstance(one, str)]
        return walk.region(graphs[0], node, given)
    tensors = [one for one in flat(arguments) if isinstance(one, Value | Constant)]
    return walk.unknown(name, tensors, node)


def _condition(
    walk: "ProgramWalk", condition: Any, branches: Sequence[fx.GraphModule], operands: Sequence[Any]
) -> Result:
    costs = [_cost(walk, branch, operands) for branch in branches]
    chosen, other = branches if costs[0] >= costs[1] else branches[::-1]
    results = walk.inside(chosen, operands)
    read = [condition, *_read(other, operands)]
    beside = [
        walk.as_value(one)
        for one in read
        if isinstance(one, Value) or (isinstance(one, Constant) and one.parameters)
    ]
    selected: list[Result] = [
        _selected(walk.record, one, beside) if isinstance(one, Value) else one for one in results
    ]
    return selected


def _selected(record: Recorder, value: Value, beside: Sequence[Value]) -> Value:
    others = [one for one in dict.fromkeys(beside) if one.node != value.node]
    return record.add(Operation.ELEMENTWISE, [value, *others], value.shape, last=value.last, detail=("cond",))


def _read(branch: fx.GraphModule, operands: Sequence[Any]) -> list[Any]:
    """Those of the operands that a branch has a use for."""
    placeholders = [node for node in branch.graph.nodes if node.op == "placeholder"]
    return [one for node, one in zip(placeholders, operands, strict=True) if node.users]


def _cost(walk: "ProgramWalk", branch: fx.GraphModule, operands: Sequence[Any]) -> tuple[int, int]:
    """Multiply-accumulates and parameters of a branch, written on trial."""
    trial = copy.copy(walk)
    trial.record = copy.deepcopy(walk.record)
    trial.attributes = walk.attributes.on_trial(trial.record)
    before = len(trial.record.nodes)
    trial.inside(branch, operands)
    rows = np.array([node.row for node in trial.record.nodes[before:]], dtype=np.int32)
    if not len(rows):
        return 0, 0
    return int(multiply_accumulates(rows).sum()), int(parameters(rows).sum())


def flat(nested: Any) -> list[Any]:
    """Return the leaves of lists in lists."""
    return [leaf for one in nested for leaf in flat(one)] if isinstance(nested, list | tuple) else [nested]
