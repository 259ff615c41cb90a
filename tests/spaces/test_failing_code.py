"""A user's space whose code fails: one error that leads to the line."""

from pathlib import Path

import numpy as np
import pytest

from contrastive_nas.conversion.convert import convert
from contrastive_nas.errors import InputError
from contrastive_nas.spaces import load_space
from contrastive_nas.spaces.checks import FailedCodeError

CODE = """from contrastive_nas.graphs.builder import GraphBuilder
from contrastive_nas.spaces.compact_cnn import CompactCNN


class Mine(CompactCNN):
    name = "mine"

    def graph(self, architecture):
        return self.head(GraphBuilder(self.input_shape), architecture)

    def head(self, graph, architecture):
        if architecture.startswith("s4"):
            {fault}
        return super().graph(architecture)
"""
GOOD, BAD = (f"s{stem}|plain:k3d1w4|plain:k3d1w4|plain:k3d1w4" for stem in (8, 4))


def space_with(tmp_path: Path, fault: str):
    path = tmp_path / "mine.py"
    path.write_text(CODE.format(fault=fault))
    return load_space(f"{path}:Mine")


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ("raise ValueError('no head for this one')", "ValueError: no head for this one"),
        ("[][5]", "IndexError: list index out of range"),
        ("graph.relu(99)", "IndexError: "),
    ],
)
def test_c4_a_failing_graph_names_space_architecture_and_line(tmp_path, fault, said) -> None:
    space = space_with(tmp_path, fault)
    assert len(space.graphs([GOOD])) == 1
    with pytest.raises(FailedCodeError, match=r"^mine: graph\(") as caught:
        space.graphs([GOOD, BAD])
    message = str(caught.value)
    assert BAD in message
    assert said in message
    assert f"mine.py, line 13: {fault}" in message
    assert "\n" not in message


def test_c4_what_is_no_graph_is_named(tmp_path) -> None:
    space = space_with(tmp_path, "return None")
    with pytest.raises(InputError, match=r"^mine: graph\(.*\) gave None"):
        space.graphs([BAD])


@pytest.mark.parametrize("workers", [1, 2])
def test_c4_a_conversion_ends_in_that_one_error(tmp_path, workers) -> None:
    space = space_with(tmp_path, "raise ValueError('no head')")
    with pytest.raises(InputError, match=r"mine: graph\(.*ValueError: no head .*mine\.py, line 13"):
        convert(tmp_path / "graphs.arrow", [(space, [GOOD, BAD])], workers=workers)
    assert not (tmp_path / "graphs.arrow").exists()


@pytest.mark.parametrize("name", ["compact_cnn", "mnasnet", "nasbench201"])
def test_a_graph_of_ones_own_is_that_of_many_too(name: str) -> None:
    """A faster way to many graphs that a class inherits would give those of its parent."""
    parent = type(load_space(name))
    own = type("Own", (parent,), {"graph": lambda self, architecture: parent.graph(self, first)})
    space = own()
    first, second = load_space(name).sample(np.random.default_rng(0), 2)
    assert (space.graphs([second])[0].features == parent().graph(first).features).all()
    assert (type("Other", (own,), {})().graphs([second])[0].features == parent().graph(first).features).all()
