"""SVG of a network: its blocks from top to bottom, and every kind of cell once."""

from collections import Counter
from collections.abc import Iterator, Sequence
from html import escape
from textwrap import wrap

from contrastive_nas.graphs.drawing.blocks import Block, cut
from contrastive_nas.graphs.drawing.layers import Item, lay_out
from contrastive_nas.graphs.drawing.units import Shape, Unit, sketch
from contrastive_nas.graphs.schema import ComputationGraph

# Fits beside the margins of a telephone's screen (390 pixels).
WIDTH = 348
# By Okabe and Ito, told apart by the colour-blind; thin fills, so that text is legible on white and on black.
COLOURS = {
    "conv": "#0072B2",
    "depthwise": "#009E73",
    "pool": "#E69F00",
    "dense": "#CC79A7",
    "cell": "#D55E00",
    "other": "#808080",
    "join": "#808080",
    "end": "#808080",
}
_FONT, _SMALL = 12, 11
# Mean width of a character of the usual sans-serif fonts, in parts of the font size.
_CHARACTER = 0.55
_LINE = 15
_PADDING = 7
_GAP = 14
# A cell of more units is told in words: its picture would be longer than what it explains.
_LARGEST_CELL = 50
_ROW_GAP = 24
_LOOP = 12


def draw_graph(graph: ComputationGraph, title: str = "") -> str:
    """Draw a network as a diagram of its blocks, folded where they repeat.

    A block with one path and at most one shortcut is described in words; any other is a cell, which has a
    letter and a diagram of its own below. A norm and an activation belong to the layer beside them.

    Args:
        graph: of the network, from :func:`contrastive_nas.graphs.trace` or a space's ``graph``.
        title: what the picture is called for readers who cannot see it; made from the graph by default.

    Returns:
        one ``<svg>`` element, which can be a file of its own or a part of a page; text takes the colour of
        the page.
    """
    blocks = [
        block for block in cut(sketch(graph)) if block.units[-1].label != "output" or block.branches is None
    ]
    names = _cell_names(blocks)
    canvas = _Canvas()
    for number, block in enumerate(blocks):
        _draw_block(canvas, block, names.get(block.kind_of_cell), first=number == 0)
    for kind, name in names.items():
        alike = [block for block in blocks if block.branches is None and block.kind_of_cell == kind]
        _draw_cell(canvas, max(alike, key=lambda block: block.repeats), name)
    described = "; ".join(_in_one_line(block, names.get(block.kind_of_cell)) for block in blocks)
    return canvas.svg(title or f"Network of {len(graph)} operations", described)


def _cell_names(blocks: Sequence[Block]) -> dict[tuple, str]:
    """A letter for every kind of block that needs a diagram of its own, in the order in which they stand."""
    kinds = dict.fromkeys(block.kind_of_cell for block in blocks if _is_cell(block))
    return {kind: _letters(number) for number, kind in enumerate(kinds)}


def _letters(number: int) -> str:
    return (_letters(number // 26 - 1) if number >= 26 else "") + chr(ord("A") + number % 26)


def _is_cell(block: Block) -> bool:
    return block.branches is None and len(block.units) > 1


class _Canvas:
    """Elements drawn so far, and how far down they reach."""

    def __init__(self) -> None:
        self.parts: list[str] = []
        self.y = 2.0
        self.right = float(WIDTH)

    def box(self, x: float, y: float, width: float, height: float, kind: str, hint: str) -> None:
        colour = COLOURS[kind]
        radius = height / 2 if kind == "join" else 5
        self.parts.append(
            f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}" rx="{radius:.1f}" '
            f'fill="{colour}" fill-opacity=".16" stroke="{colour}" stroke-width="1.3">'
            f"<title>{escape(hint)}</title></rect>"
        )

    def text(
        self, x: float, y: float, text: str, *, size: int = _FONT, anchor: str = "middle", bold: bool = False
    ) -> None:
        weight = ' font-weight="600"' if bold else ""
        self.parts.append(
            f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}" text-anchor="{anchor}"{weight}>'
            f"{escape(text)}</text>"
        )

    def line(self, x1: float, y1: float, x2: float, y2: float, *, arrow: bool = True) -> None:
        middle = (y1 + y2) / 2
        head = f"M{x2 - 3:.1f} {y2 - 5:.1f}L{x2:.1f} {y2:.1f}L{x2 + 3:.1f} {y2 - 5:.1f}" if arrow else ""
        curve = f"M{x1:.1f} {y1:.1f}C{x1:.1f} {middle:.1f} {x2:.1f} {middle:.1f} {x2:.1f} {y2:.1f}"
        self._stroke(curve + head)

    def loop(self, top: float, bottom: float, middle: float, side: float) -> None:
        """A shortcut around a block on the left."""
        self._stroke(f"M{middle:.1f} {top:.1f}H{side:.1f}V{bottom:.1f}H{middle:.1f}")

    def _stroke(self, path: str) -> None:
        self.parts.append(f'<path d="{path}" fill="none" stroke="currentColor" stroke-opacity=".6"/>')

    def svg(self, title: str, described: str) -> str:
        width, height = self.right, self.y + 2
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height:.0f}" '
            f'width="{width:.0f}" height="{height:.0f}" role="img" aria-label="{escape(title)}" '
            'font-family="system-ui, sans-serif" fill="currentColor" style="max-width:100%;height:auto">'
            f"<title>{escape(title)}</title><desc>{escape(described)}</desc>{''.join(self.parts)}</svg>"
        )


def _draw_block(canvas: _Canvas, block: Block, cell: str | None, *, first: bool) -> None:
    left, right = _LOOP + 6.0, WIDTH - 6.0
    middle = (left + right) / 2
    if not first:
        canvas.line(middle, canvas.y, middle, canvas.y + _GAP)
        canvas.y += _GAP
    lines = wrap(_words(block, cell), int((right - left - 54) / (_CHARACTER * _FONT)))
    height = _LINE * (len(lines) + 1) + 2 * _PADDING
    top = canvas.y
    kind = "cell" if cell else _main_kind(block)
    canvas.box(left, top, right - left, height, kind, ", ".join(_operations(block)))
    for number, line in enumerate(lines):
        canvas.text(left + 10, top + _PADDING + _LINE * (number + 0.8), line, anchor="start", bold=bool(cell))
    under = _size(block.shape)
    canvas.text(left + 10, top + _PADDING + _LINE * (len(lines) + 0.75), under, size=_SMALL, anchor="start")
    if block.repeats > 1:
        canvas.text(right - 10, top + height / 2 + 5, f"× {block.repeats}", size=15, anchor="end", bold=True)
    if _has_skip(block):
        canvas.loop(top - 0.3 * _GAP, top + height + 0.3 * _GAP, middle, left - _LOOP)
    canvas.y = top + height


def _draw_cell(canvas: _Canvas, block: Block, name: str) -> None:
    canvas.y += 30
    canvas.text(6, canvas.y, f"Cell {name}", size=14, anchor="start", bold=True)
    canvas.y += 12
    if len(block.units) > _LARGEST_CELL:
        _count_units(canvas, block)
        return
    offset = len(_ports(block))
    boxes = [(words, "end") for words in _port_words(block)]
    boxes += [(_with_repeated_source(unit), unit.kind) for unit in block.units]
    port = {source: number for number, source in enumerate(_ports(block))}
    edges = [
        (port[source] if source < 0 else source + offset, number + offset)
        for number, unit in enumerate(block.units)
        for source in unit.sources
    ]
    hints = [*_port_words(block), *(", ".join(unit.operations) for unit in block.units)]
    lines = [_in_box(words) for words, _ in boxes]
    widths = {number: _box_width(text) for number, text in enumerate(lines)}
    layout = lay_out(widths, list(dict.fromkeys(edges)), WIDTH - 12)
    canvas.right = max(canvas.right, layout.width + 12)
    shift = 6 + max(WIDTH - 12 - layout.width, 0) / 2
    top, bottom = _edges_of_rows(canvas, layout.rows, lines)
    for source, target in layout.lines:
        x, y = layout.centres[source] + shift, bottom[source]
        if not isinstance(source, int):
            canvas.line(x, top[source], x, y, arrow=False)
        canvas.line(x, y, layout.centres[target] + shift, top[target], arrow=isinstance(target, int))
    for number, (_, kind) in enumerate(boxes):
        width, centre = widths[number], layout.centres[number] + shift
        canvas.box(centre - width / 2, top[number], width, bottom[number] - top[number], kind, hints[number])
        for place, line in enumerate(lines[number]):
            canvas.text(centre, top[number] + _LINE * (place + 1), line)


def _count_units(canvas: _Canvas, block: Block) -> None:
    """What a cell consists of, where it is too large to be drawn."""
    counts = Counter(unit.label for unit in block.units).most_common()
    words = f"{len(block.units)} units: " + ", ".join(f"{label} {number}×" for label, number in counts)
    for line in wrap(words, int((WIDTH - 12) / (_CHARACTER * _FONT))):
        canvas.y += _LINE
        canvas.text(6, canvas.y, line, anchor="start")


def _edges_of_rows(
    canvas: _Canvas, rows: Sequence[Sequence[Item]], lines: Sequence[Sequence[str]]
) -> tuple[dict[Item, float], dict[Item, float]]:
    """Top and bottom of every item; boxes stand in the middle of their row, passing lines fill it."""
    top: dict[Item, float] = {}
    bottom: dict[Item, float] = {}
    for row in rows:
        own: dict[Item, float] = {
            item: _LINE * len(lines[item]) + 8.0 for item in row if isinstance(item, int)
        }
        height = max(own.values())
        for item in row:
            free = (height - own.get(item, height)) / 2
            top[item], bottom[item] = canvas.y + free, canvas.y + height - free
        canvas.y += height + _ROW_GAP
    canvas.y -= _ROW_GAP
    return top, bottom


def _with_repeated_source(unit: Unit) -> str:
    """The unit's text; one that reads a result several times says so, as a pair has one line only."""
    most = max(map(unit.sources.count, unit.sources))
    return unit.text if most == 1 else f"{unit.text} (one input {most}×)"


def _ports(block: Block) -> list[int]:
    """The earlier blocks that a cell reads, the nearest last."""
    return sorted({source for unit in block.units for source in unit.sources if source < 0})


def _port_words(block: Block) -> list[str]:
    ports = _ports(block)
    words = {-1: "block before", -2: "two blocks before"}
    return ["input"] if len(ports) == 1 else [words.get(port, f"{-port} blocks before") for port in ports]


def _in_box(words: str) -> list[str]:
    """One or two lines."""
    return wrap(words, max(10, -(-len(words) // 2) + 2)) if len(words) > 12 else [words]


def _box_width(lines: Sequence[str]) -> float:
    return max(22.0, max(map(len, lines)) * _CHARACTER * _FONT + 2 * _PADDING)


def _words(block: Block, cell: str | None) -> str:
    """What a block is; lines of it break between units only."""
    if cell:
        return f"cell {cell}"
    if block.branches is None:
        return block.units[-1].text
    main, shortcut = block.branches
    words = " → ".join(_with_channels(unit, block) for unit in main)
    if shortcut:
        return f"{words}, beside {' → '.join(_unbroken(unit.text) for unit in shortcut)}"
    return f"{words}, with skip" if _has_skip(block) else words


def _with_channels(unit: Unit, block: Block) -> str:
    """The unit, with its channels where they are not those of the block."""
    differs = unit.kind in ("conv", "dense") and unit.shape[0] != block.shape[0]
    return _unbroken(f"{unit.text} ({unit.shape[0]:,})" if differs else unit.text)


def _unbroken(text: str) -> str:
    return text.replace(" ", "\N{NO-BREAK SPACE}")


def _has_skip(block: Block) -> bool:
    return block.branches is not None and block.units[-1].kind == "join"


def _main_kind(block: Block) -> str:
    kinds = [unit.kind for unit in block.units if unit.kind != "join"]
    return "depthwise" if "depthwise" in kinds else next(iter(kinds), "other")


def _operations(block: Block) -> Iterator[str]:
    return (name for unit in block.units for name in unit.operations)


def _size(shape: Shape) -> str:
    channels, height, width = shape
    if height == width == 1:
        return f"{channels:,} numbers"
    return f"{channels:,} channels, {height}×{width}"


def _in_one_line(block: Block, cell: str | None) -> str:
    times = f", {block.repeats} times" if block.repeats > 1 else ""
    return f"{_words(block, cell)}{times}, {_size(block.shape)}"
