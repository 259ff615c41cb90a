"""The space that docs/spaces.md shows is a space, and its table is right."""

import re
import runpy
from pathlib import Path

import numpy as np
import pytest

from contrastive_nas.errors import InputError
from contrastive_nas.graphs import canonical, trace
from contrastive_nas.spaces import list_spaces, load_space

DOCUMENT = Path(__file__).parents[2] / "docs" / "spaces.md"
SHOWN = re.findall(r"```python\n(.*?)```", DOCUMENT.read_text(), re.S)


@pytest.fixture
def example(tmp_path: Path) -> Path:
    (code,) = (block for block in SHOWN if "(SearchSpace)" in block)
    assert code.count("\n") < 60
    path = tmp_path / "plain.py"
    path.write_text(code)
    return path


def test_the_shown_space_keeps_the_contract(example):
    space = load_space(f"{example}:Plain", classes=7)
    rng = np.random.default_rng(0)
    architectures = [*space.sample(rng, 10), "3x16", "5x32-3x16"]
    for architecture in architectures:
        assert space.decode(space.encode(architecture)) == architecture
        assert space.mutate(architecture, rng) != architecture
        found = canonical(space.graph(architecture))
        expected = canonical(trace(space.build(architecture).eval(), space.input_shape))
        np.testing.assert_array_equal(found.features, expected.features)
        np.testing.assert_array_equal(found.edges, expected.edges)
    assert len(space.graphs(architectures)) == len(architectures)
    with pytest.raises(InputError, match="row 1"):
        space.graphs(["3x16", "7x16"])
    assert len(set(space.enumerate())) == len(list(space.enumerate())) == space.size == 84


@pytest.mark.parametrize("code", [block for block in SHOWN if "(SearchSpace)" not in block])
def test_what_is_shown_runs(code: str, example: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(example.parent)
    shown = example.parent / "shown.py"
    shown.write_text(code)
    names = runpy.run_path(str(shown))
    names["space"].validate(names["space"].sample(np.random.default_rng(1), 1)[0])


def test_every_space_stands_in_the_table():
    table = DOCUMENT.read_text().partition("\n## ")[0]
    rows = dict(re.findall(r"^\| `(\w+)` \| .* \| ([\d.,e]+) \| ", table, re.M))
    assert sorted(rows) == list_spaces()
    for name, size in rows.items():
        assert load_space(name).size == pytest.approx(float(size.replace(",", "")), rel=0.05)


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("nasbench", "unknown: did you mean 'nasbench201'"),
        ("missing.py:Plain", "does not exist"),
        ("no_such_module:Plain", "cannot be imported"),
        ("contrastive_nas.errors:InputError", "has no SearchSpace class"),
    ],
)
def test_unknown_spaces_are_refused(name, reason):
    with pytest.raises(InputError, match=reason):
        load_space(name)
