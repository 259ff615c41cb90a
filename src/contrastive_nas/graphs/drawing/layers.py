"""Places for the units of a block: rows from top to bottom, with few crossings.

Source: Sugiyama, Tagawa and Toda, Methods for Visual Understanding of Hierarchical System Structures, IEEE
Transactions on Systems, Man, and Cybernetics, 1981: rows, places in them by the mean of neighbours, and a
place of its own in every row for a line that passes it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

# A node, or a line that passes a row: the node that it comes from, and the row.
Item = int | tuple[int, int]
Line = tuple[Item, Item]
# More passes hardly change the order of graphs of some dozen units.
_SWEEPS = 6
_GAP = 10.0


@dataclass(frozen=True)
class Layout:
    """Where everything stands.

    Attributes:
        rows: items of each row from left to right; an item that only lets a line pass is a tuple.
        centres: x of every item, from 0.
        lines: pairs of items in neighbouring rows.
        width: of the widest row.
    """

    rows: list[list[Item]]
    centres: dict[Item, float]
    lines: list[Line]
    width: float


def lay_out(widths: Mapping[int, float], edges: Sequence[tuple[int, int]], limit: float) -> Layout:
    """Return rows and places of a directed acyclic graph.

    Args:
        widths: of every node, numbered so that each edge leads to a higher number.
        edges: pairs of nodes, each pair once.
        limit: of a row, where its nodes can be moved further down.
    """
    row_of = _rows(widths, edges, limit)
    rows: list[list[Item]] = [[] for _ in range(max(row_of.values()) + 1)]
    for node, row in row_of.items():
        rows[row].append(node)
    lines: dict[Line, None] = {}
    for source, target in edges:
        before: Item = source
        for row in range(row_of[source] + 1, row_of[target]):
            passing = (source, row)
            if passing not in rows[row]:
                rows[row].append(passing)
            lines[before, passing] = None
            before = passing
        lines[before, target] = None
    spans = {item: widths.get(item, _GAP) if isinstance(item, int) else _GAP for row in rows for item in row}
    centres = _places(rows, list(lines), spans)
    left = min(centres[item] - spans[item] / 2 for item in spans)
    right = max(centres[item] + spans[item] / 2 for item in spans)
    return Layout(rows, {item: x - left for item, x in centres.items()}, list(lines), right - left)


def _rows(widths: Mapping[int, float], edges: Sequence[tuple[int, int]], limit: float) -> dict[int, int]:
    """The row of each node, below all that it reads and not in one that is full."""
    sources: dict[int, list[int]] = {node: [] for node in widths}
    for source, target in edges:
        sources[target].append(source)
    row_of: dict[int, int] = {}
    taken: dict[int, float] = {}
    for node in sorted(widths):
        row = 1 + max((row_of[source] for source in sources[node]), default=-1)
        while taken.get(row, 0.0) and taken[row] + widths[node] > limit:
            row += 1
        row_of[node] = row
        taken[row] = taken.get(row, 0.0) + widths[node] + _GAP
    return row_of


def _places(rows: list[list[Item]], lines: Sequence[Line], spans: Mapping[Item, float]) -> dict[Item, float]:
    above: dict[Item, list[Item]] = {item: [] for row in rows for item in row}
    below: dict[Item, list[Item]] = {item: [] for row in rows for item in row}
    for source, target in lines:
        above[target].append(source)
        below[source].append(target)
    centres: dict[Item, float] = {}
    for row in rows:
        _pack(row, dict.fromkeys(row, 0.0), spans, centres)
    for sweep in range(_SWEEPS):
        down = sweep % 2 == 0
        for row in rows if down else rows[::-1]:
            neighbours = above if down else below
            wanted = {item: _mean([centres[one] for one in neighbours[item]], centres[item]) for item in row}
            row.sort(key=lambda item: wanted[item])
            _pack(row, wanted, spans, centres)
    return centres


def _mean(values: Sequence[float], otherwise: float) -> float:
    return sum(values) / len(values) if values else otherwise


def _pack(
    row: Sequence[Item], wanted: Mapping[Item, float], spans: Mapping[Item, float], centres: dict[Item, float]
) -> None:
    """Puts the items of a row as near as they get to where they want to be, in their order, apart."""
    lefts: list[float] = []
    end = float("-inf")
    for item in row:
        lefts.append(max(wanted[item] - spans[item] / 2, end))
        end = lefts[-1] + spans[item] + _GAP
    # Those that were pushed are on the right of where they want to be: all move back by the mean of it.
    shift = _mean([left + spans[item] / 2 - wanted[item] for item, left in zip(row, lefts, strict=True)], 0.0)
    for item, left in zip(row, lefts, strict=True):
        centres[item] = left + spans[item] / 2 - shift
