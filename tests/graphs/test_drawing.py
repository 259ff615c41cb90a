"""Drawings show the network that they are made from."""

import re
from collections import Counter
from xml.etree import ElementTree

import networkx
import numpy as np
import pytest
import torch
from torch import nn

from contrastive_nas import draw_graph, list_spaces, load_space, trace
from contrastive_nas.graphs import GraphBuilder, Operation, canonical
from contrastive_nas.graphs.drawing.blocks import Block, cut
from contrastive_nas.graphs.drawing.units import sketch
from contrastive_nas.graphs.schema import ComputationGraph

SVG = "{http://www.w3.org/2000/svg}"
CELL = "|nor_conv_3x3~0|+|nor_conv_1x1~0|skip_connect~1|+|skip_connect~0|nor_conv_3x3~1|avg_pool_3x3~2|"


def a_graph(space: str, seed: int = 0) -> ComputationGraph:
    known = load_space(space)
    return known.graph(known.sample(np.random.default_rng(seed), 1)[0])


def convolutions(blocks: list[Block]) -> int:
    return sum(unit.operations.count("conv") * block.repeats for block in blocks for unit in block.units)


def texts(svg: str) -> list[str]:
    found = ElementTree.fromstring(svg).iter(f"{SVG}text")
    return [(text.text or "").replace("\N{NO-BREAK SPACE}", " ") for text in found]


def boxes(svg: str) -> list[tuple[float, float, float, float]]:
    names = ("x", "y", "width", "height")
    found = ElementTree.fromstring(svg).iter(f"{SVG}rect")
    return [tuple(float(box.get(name, "nan")) for name in names) for box in found]  # type: ignore[misc]


@pytest.mark.parametrize("space", list_spaces())
@pytest.mark.parametrize("seed", range(3))
def test_nothing_is_lost_by_folding(space: str, seed: int) -> None:
    graph = a_graph(space, seed)
    expected = int((canonical(graph).op == Operation.CONV).sum())
    assert convolutions(cut(sketch(graph))) == expected


@pytest.mark.parametrize("space", list_spaces())
def test_boxes_lie_within_the_picture_and_apart(space: str) -> None:
    svg = draw_graph(a_graph(space))
    root = ElementTree.fromstring(svg)
    _, _, width, height = map(float, root.get("viewBox", "").split())
    assert root.find(f"{SVG}title") is not None
    found = boxes(svg)
    for x, y, w, h in found:
        assert x >= 0
        assert y >= 0
        assert x + w <= width + 1
        assert y + h <= height + 1
    for number, (x, y, w, h) in enumerate(found):
        for x2, y2, w2, h2 in found[:number]:
            assert x + w <= x2 or x2 + w2 <= x or y + h <= y2 or y2 + h2 <= y
    assert not re.search(r"(href|src)=", svg)


def test_a_cell_space_shows_its_cell_once_and_how_often_it_stands() -> None:
    graph = load_space("nasbench201").graph(CELL)
    cells = [block for block in cut(sketch(graph)) if block.branches is None and len(block.units) > 1]
    assert [block.repeats for block in cells] == [5, 5, 5]
    assert [block.shape[0] for block in cells] == [16, 32, 64]
    # The cell's operations but for the two skips, and the sums of its second and third node.
    labels = Counter(unit.label for unit in cells[0].units)
    assert labels == {"conv 3×3": 2, "conv 1×1": 1, "average pool 3×3": 1, "+": 2}
    shown = texts(draw_graph(graph))
    assert shown.count("Cell A") == 1
    assert shown.count("cell A") == 3
    assert "Cell B" not in shown


def test_a_cell_that_reads_two_cells_before_it_is_found() -> None:
    graph = a_graph("darts", 3)
    repeats = [block.repeats for block in cut(sketch(graph)) if block.branches is None]
    # Twenty cells, of which the two reductions stand alone, and so do those right after them.
    assert sum(repeats) - 1 == 20  # the image is the one
    assert max(repeats) >= 4


def test_stages_are_told_in_words() -> None:
    space = load_space("mnasnet")
    shown = " ".join(
        texts(draw_graph(space.graph("e6k3l1s0|e1k5l3s1|e1k3l1s0|e4k3l1s0|e6k5l1s0|e4k3l4s1|e4k3l2s1")))
    )
    assert "depthwise 5×5 → squeeze-excite → conv 1×1, with skip" in shown
    assert "24 channels, 56×56 × 2" in shown
    assert "1,000 numbers" in shown
    assert "Cell" not in shown


class Residual(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = (nn.Conv2d(8, 8, 3, padding=1, bias=False) for _ in range(2))
        self.norm = nn.BatchNorm2d(8)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.relu(x + self.second(torch.relu(self.norm(self.first(x)))))


def test_any_module_is_folded() -> None:
    module = nn.Sequential(
        nn.Conv2d(3, 8, 3), *(Residual() for _ in range(4)), nn.Flatten(), nn.Linear(288, 2)
    )
    blocks = cut(sketch(trace(module, (3, 8, 8))))
    assert [(block.repeats, len(block.units)) for block in blocks[1:4]] == [(1, 1), (4, 2), (1, 1)]
    assert "conv 3×3, 2×, with skip" in texts(draw_graph(trace(module, (3, 8, 8))))


def test_a_summand_read_twice_is_told() -> None:
    builder = GraphBuilder((4, 8, 8))
    first = builder.conv(builder.input, 4, 3)
    second = builder.conv(first, 4, 5)
    graph = builder_graph(builder, builder.add(first, first, second))
    assert "+ (one input 2×)" in " ".join(texts(draw_graph(graph)))


def builder_graph(builder: GraphBuilder, result: int) -> ComputationGraph:
    builder.output(result)
    return builder.graph()


def test_the_title_is_escaped() -> None:
    svg = draw_graph(a_graph("compact_cnn"), 'a < b & "c"')
    assert ElementTree.fromstring(svg).findtext(f"{SVG}title") == 'a < b & "c"'


def test_networkx_has_the_same_nodes_and_edges() -> None:
    graph = load_space("nasbench201").graph(CELL)
    converted = graph.to_networkx()
    assert networkx.is_directed_acyclic_graph(converted)
    assert sorted(converted.edges()) == sorted(map(tuple, graph.edges.T.tolist()))
    assert [name for _, name in converted.nodes(data="op")] == [Operation(op).name for op in graph.op]
    assert converted.nodes[1]["out_shape"] == (16, 32, 32)
    assert converted.nodes[1]["groups"] == 1


def test_networkx_keeps_the_order_of_arguments() -> None:
    builder = GraphBuilder((4, 8, 8))
    one = builder.relu(builder.input)
    graph = builder_graph(builder, builder.join(Operation.CONCAT, [one, builder.input, one]))
    into = sorted(graph.to_networkx().in_edges(2, data="argument"), key=lambda edge: edge[2])
    assert [(source, place) for source, _, place in into] == [(1, 0), (0, 1), (1, 2)]
