"""Cells of the DARTS space as text: the space's own spelling and Python's ``Genotype(...)``."""

import ast
from collections.abc import Iterable, Mapping, Sequence

from contrastive_nas.errors import InputError
from contrastive_nas.spaces.darts_network import CELL_INPUTS, OPERATIONS, Cell, Genotype, Node
from contrastive_nas.spaces.foreign import LONGEST_LITERAL, check_text

NODES = 4
_EDGES = {
    f"{operation}~{source}": (operation, source)
    for operation in OPERATIONS
    for source in range(CELL_INPUTS + NODES - 1)
}
_FIELDS = ("normal", "normal_concat", "reduce", "reduce_concat")
# What a cell gives in this space: all of its own nodes.
_CONCATENATED = list(range(CELL_INPUTS, CELL_INPUTS + NODES))


def spell(genotype: Genotype) -> str:
    """Return the string of two cells whose nodes are in canonical order."""
    return "//".join(
        "|".join(",".join(f"{operation}~{source}" for operation, source in node) for node in cell)
        for cell in genotype
    )


def in_order(node: Node) -> Node:
    """Return the two operations by their inputs; those of one input in the order of ``OPERATIONS``."""
    first, second = sorted(node, key=lambda edge: (edge[1], OPERATIONS.index(edge[0])))
    return first, second


def parse(architecture: str) -> Genotype:
    """Return normal and reduction cell, their nodes in canonical order however the string has them.

    Raises:
        InputError: the string is no architecture of the DARTS space.
    """
    check_text("darts", architecture)
    cells = architecture.split("//")
    if len(cells) != 2:
        raise InputError(f"darts: {architecture!r}: {len(cells)} cells instead of 2, which // separates")
    return _parse_cell(architecture, cells[0]), _parse_cell(architecture, cells[1])


def _parse_cell(architecture: str, text: str) -> Cell:
    nodes = text.split("|")
    if len(nodes) != NODES:
        raise InputError(f"darts: {architecture!r}: {len(nodes)} nodes instead of {NODES}")
    return tuple(_parse_node(architecture, node, CELL_INPUTS + place) for place, node in enumerate(nodes))


def _parse_node(architecture: str, text: str, inputs: int) -> Node:
    edges = text.split(",")
    if len(edges) != 2:
        raise InputError(f"darts: {architecture!r}: node {text!r} has {len(edges)} operations instead of 2")
    for edge in edges:
        if edge not in _EDGES:
            reason = f"{edge!r} is not <operation>~<input> with one of {', '.join(OPERATIONS)}"
            raise InputError(f"darts: {architecture!r}: {reason}")
    first, second = (_EDGES[edge] for edge in edges)
    if max(first[1], second[1]) >= inputs:
        reason = f"node {text!r} must read earlier inputs, 0 to {inputs - 1}"
        raise InputError(f"darts: {architecture!r}: {reason}")
    return in_order((first, second))


def from_genotype(given: object) -> str | None:
    """Return the string of a ``Genotype``, or of Python text of one; None where it is neither.

    Such text is ``Genotype(normal=[('sep_conv_3x3', 1), ...], normal_concat=range(2, 6), reduce=[...])``, as
    the authors of DARTS and many after them print it, perhaps assigned to a name.

    Raises:
        InputError: a cell is missing, has another form, or does not give all of its four nodes.
    """
    fields = _fields(given)
    if fields is None:
        return None
    for name in ("normal_concat", "reduce_concat"):
        nodes = fields.get(name)
        if nodes is not None and _numbers(nodes) != _CONCATENATED:
            raise InputError(f"{name} is {nodes!r:.60}; cells of this space give {_CONCATENATED}")
    return spell(parse("//".join(_cell_text(name, fields.get(name)) for name in ("normal", "reduce"))))


def _fields(given: object) -> Mapping[str, object] | None:
    if isinstance(given, tuple) and hasattr(given, "_asdict"):
        fields: Mapping[str, object] = given._asdict()
        return fields if set(fields) <= set(_FIELDS) else None
    if not isinstance(given, str) or "Genotype(" not in given or len(given) > LONGEST_LITERAL:
        return None
    call = _call(given)
    found = {keyword.arg or "**": keyword.value for keyword in call.keywords}
    found |= dict(zip(_FIELDS, call.args, strict=False))
    unknown = sorted(set(found) - set(_FIELDS))
    if unknown or len(call.args) > len(_FIELDS):
        raise InputError(f"a Genotype has {', '.join(_FIELDS)}, not {', '.join(unknown) or 'more'}")
    return {name: _value(name, node) for name, node in found.items()}


def _call(text: str) -> ast.Call:
    """The call of ``Genotype`` that a text is, perhaps with a name that it is assigned to."""
    try:
        (statement,) = ast.parse(text.strip()).body
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise InputError(f"not the Python text of one Genotype: {error}") from None
    call = statement.value if isinstance(statement, ast.Expr | ast.Assign) else None
    if not isinstance(call, ast.Call) or ast.unparse(call.func).split(".")[-1] != "Genotype":
        raise InputError("not Genotype(normal=..., reduce=...) itself")
    return call


def _value(name: str, node: ast.expr) -> object:
    try:
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "range":
            return range(*(ast.literal_eval(bound) for bound in node.args))
        return ast.literal_eval(node)
    except (ValueError, TypeError) as error:
        raise InputError(f"{name} of the Genotype is {ast.unparse(node):.60}: {error}") from None


def _numbers(nodes: object) -> list[object] | None:
    if not isinstance(nodes, Iterable):
        return None
    numbers = list(nodes) if not isinstance(nodes, range) or len(nodes) <= NODES else []
    return sorted(numbers) if all(type(number) is int for number in numbers) else None


def _cell_text(name: str, cell: object) -> str:
    edges = cell if isinstance(cell, Sequence) and not isinstance(cell, str) else ()
    pairs = [edge for edge in edges if isinstance(edge, tuple | list) and len(edge) == 2]
    if len(pairs) != 2 * NODES or len(edges) != len(pairs):
        raise InputError(f"{name} of the Genotype is {str(cell)[:60]}, not {2 * NODES} (operation, input)")
    written = [f"{operation}~{source}" for operation, source in pairs]
    return "|".join(map(",".join, zip(written[::2], written[1::2], strict=True)))
