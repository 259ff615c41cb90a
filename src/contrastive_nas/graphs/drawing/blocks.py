"""A sketch cut into blocks, equal blocks folded: what a paper shows as stages and cells.

Nothing tells a computation graph where a module began. A block ends where all that is computed later depends
on one result alone; where a network has no such place for long, because its cells read the two before them,
it ends at a join after which only two results are read.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from contrastive_nas.graphs.drawing.units import Shape, Unit

# Longer stretches without a single result are cut where two are left; a cell of two inputs has fewer units.
_LONG = 40
# Blocks in a pattern that repeats: a layer of a transformer has two, few networks more than four.
_LONGEST_PATTERN = 12
# 1x1 convolutions around a depthwise one belong together: D depthwise, P pointwise, S gate.
_AROUND_DEPTHWISE = re.compile("P?DS?P?")


@dataclass(frozen=True)
class Block:
    """A part of a network with units of its own.

    Attributes:
        units: their sources count within the block; -1 is what the block before gives, -2 what the one before
            that gives, and so on.
        repeats: how often the block stands there one after the other.
    """

    units: tuple[Unit, ...]
    repeats: int = 1

    @property
    def shape(self) -> Shape:
        """(C, H, W) of what it gives."""
        return self.units[-1].shape

    @property
    def structure(self) -> tuple[tuple[str, int, tuple[int, ...]], ...]:
        """What it computes, whatever its channels and its resolution."""
        return tuple((unit.label, unit.repeats, unit.sources) for unit in self.units)

    @property
    def kind_of_cell(self) -> tuple[tuple[str, int, tuple[int, ...]], ...]:
        """The structure, whichever earlier blocks are read: the first of many cells reads the stem twice."""
        return tuple(
            (label, repeats, tuple(max(source, -1) for source in sources))
            for label, repeats, sources in self.structure
        )

    @property
    def branches(self) -> tuple[list[Unit], list[Unit]] | None:
        """Main path and shortcut of a chain of units with at most one sum around it; None for a cell."""
        last = self.units[-1]
        joined = last.kind == "join"
        if joined and len(last.sources) != 2:
            return None
        inner = self.units[:-1] if joined else self.units
        if any(len(unit.sources) != 1 for unit in inner):
            return None
        paths = [self._path(end) for end in (last.sources if joined else (len(inner) - 1,))]
        if sum(map(len, paths)) != len(inner) or any(start != -1 for start in self._starts):
            return None
        paths.sort(key=_work, reverse=True)
        return paths[0], paths[1] if joined else []

    @property
    def _starts(self) -> Iterator[int]:
        return (source for unit in self.units for source in unit.sources if source < 0)

    def _path(self, end: int) -> list[Unit]:
        path: list[Unit] = []
        while end >= 0:
            path.append(self.units[end])
            end = self.units[end].sources[0]
        return path[::-1]


def _work(path: Sequence[Unit]) -> tuple[int, int]:
    """Of two ways around a sum, the one of more units that have weights is the main path."""
    return sum(unit.repeats for unit in path), sum(unit.kind != "pool" for unit in path)


def cut(units: Sequence[Unit]) -> list[Block]:
    """Return the blocks of a sketch in their order, equal neighbours folded into one.

    Args:
        units: of a whole network, as :func:`contrastive_nas.graphs.drawing.units.sketch` gives them.
    """
    live = _live_after(units)
    segments = [part for whole in _segments(live) for part in _smaller(units, live, *whole)]
    blocks = _blocks(units, segments)
    return _folded(_around_depthwise(blocks))


def _last_readers(units: Sequence[Unit]) -> list[int]:
    last = list(range(len(units)))
    for number, unit in enumerate(units):
        for source in unit.sources:
            last[source] = number
    return last


def _live_after(units: Sequence[Unit]) -> list[int]:
    """For each unit, how many results are still to be read once it is computed."""
    opened = [0] * (len(units) + 1)
    for number, last in enumerate(_last_readers(units)):
        opened[number] += 1
        opened[max(last, number)] -= 1
    live, count = [], 0
    for change in opened[: len(units)]:
        count += change
        live.append(count)
    return live


def _segments(live: Sequence[int]) -> Iterator[tuple[int, int]]:
    start = 0
    for number, count in enumerate(live):
        if count <= 1:
            yield start, number + 1
            start = number + 1
    if start < len(live):
        yield start, len(live)


def _smaller(units: Sequence[Unit], live: Sequence[int], start: int, end: int) -> Iterator[tuple[int, int]]:
    if end - start > _LONG:
        reads_last = False
        for number in range(start, end - 1):
            # What does not read the result right before it adapts an older one, and is a part of a cell.
            reads_last = reads_last or start - 1 in units[number].sources
            if live[number] <= 2 and units[number].kind == "join" and reads_last:
                yield start, number + 1
                start, reads_last = number + 1, False
    yield start, end


def _blocks(units: Sequence[Unit], segments: Sequence[tuple[int, int]]) -> list[Block]:
    owner = {number: place for place, (start, end) in enumerate(segments) for number in range(start, end)}
    blocks = []
    for place, (start, end) in enumerate(segments):
        inside = [
            replace(unit, sources=tuple(x - start if x >= start else owner[x] - place for x in unit.sources))
            for unit in units[start:end]
        ]
        blocks.append(Block(tuple(inside)))
    return blocks


def _joined(blocks: Sequence[Block]) -> Block:
    """Blocks of a chain as one."""
    units: list[Unit] = []
    ends: list[int] = []
    for place, block in enumerate(blocks):
        offset = len(units)
        for unit in block.units:
            sources = tuple(
                x + offset if x >= 0 else (ends[place + x] if place + x >= 0 else x + place)
                for x in unit.sources
            )
            units.append(replace(unit, sources=sources))
        ends.append(len(units) - 1)
    return Block(tuple(units))


def _around_depthwise(blocks: Sequence[Block]) -> list[Block]:
    letters = "".join(map(_letter, blocks))
    found: list[Block] = []
    place = 0
    for match in _AROUND_DEPTHWISE.finditer(letters):
        found += blocks[place : match.start()]
        found.append(_joined(blocks[match.start() : match.end()]))
        place = match.end()
    return found + list(blocks[place:])


def _letter(block: Block) -> str:
    if len(block.units) > 1 or len(block.units[0].sources) != 1:
        return "-"
    unit = block.units[0]
    if unit.label == "squeeze-excite":
        return "S"
    if unit.kind == "depthwise" and unit.label.startswith("depthwise"):
        return "D"
    return "P" if unit.label == "conv 1×1" and unit.repeats == 1 else "-"


def _folded(blocks: Sequence[Block]) -> list[Block]:
    """Equal blocks one after the other become one, and so do patterns of several blocks that repeat."""
    alike = [(block.structure, tuple(unit.shape for unit in block.units)) for block in blocks]
    found: list[Block] = []
    place = 0
    while place < len(blocks):
        length, count = max(
            ((size, _count(alike, place, size)) for size in range(1, _LONGEST_PATTERN + 1)),
            # The pattern that covers most; of equal ones the shortest.
            key=lambda one: (one[0] * one[1] if one[1] > 1 else 0, -one[0]),
        )
        if count == 1:
            length = 1
        pattern = _joined(blocks[place : place + length]) if length > 1 else blocks[place]
        found.append(Block(pattern.units, count))
        place += length * count
    return found


def _count(alike: Sequence[object], start: int, size: int) -> int:
    """How often the pattern of ``size`` blocks at ``start`` stands there one after the other."""
    pattern = alike[start : start + size]
    if len(pattern) < size:
        return 1
    count = 1
    while alike[start + count * size : start + (count + 1) * size] == pattern:
        count += 1
    return count
