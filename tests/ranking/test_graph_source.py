"""What is kept of graphs, and what is computed by parts, against doing it all at once."""

import numpy as np
import pytest
from tests.ranking.sources import make_source

from contrastive_nas.graphs.schema import IntArray
from contrastive_nas.ranking import graph_source
from contrastive_nas.ranking.graph_source import PerFunction, in_parts
from contrastive_nas.ranking.registry import create_ranker
from contrastive_nas.testing.ranker import example_graphs


@pytest.mark.parametrize("count", [0, 1, 6, 7, 8, 30])
def test_parts_are_put_together(count: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(graph_source, "ROWS_AT_ONCE", 7)
    sizes: list[int] = []

    def compute(rows: IntArray) -> np.ndarray:
        sizes.append(len(rows))
        return np.column_stack([rows, rows**2])

    rows = np.random.default_rng(0).permutation(count)
    np.testing.assert_array_equal(in_parts(compute, rows), np.column_stack([rows, rows**2]))
    assert max(sizes) <= 7


def test_numbers_beyond_what_is_kept_are_computed_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(graph_source, "NUMBERS_KEPT", 20)
    source = make_source(20)
    source.function_ids = np.arange(20) // 2
    asked: list[list[int]] = []

    def compute(rows: IntArray) -> np.ndarray:
        asked.append(rows.tolist())
        return np.column_stack([source.function_ids[rows]] * 4)

    numbers = PerFunction(source, compute)

    def check(rows: list[int], computed: list[int] | None) -> None:
        asked.clear()
        found = numbers(np.array(rows))
        np.testing.assert_array_equal(found, np.column_stack([source.function_ids[rows]] * 4))
        assert asked == ([] if computed is None else [computed])

    check([0, 1, 5], [0, 5])  # 8 numbers
    check([4, 1], None)
    check([0, 6, 8, 9, 10, 7, 12], [6, 8, 10, 12])  # 16 more would be too many: what was kept stays
    check([5, 6, 1], [6])
    check([5, 6, 1, 7], None)
    check(list(range(20)), [2, 8, 10, 12, 14, 16, 18])
    check([], None)


@pytest.mark.parametrize("name", ["transfer", "stacked", "comparator", "statistics_trees"])
def test_rankers_answer_alike_by_parts(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    graphs = example_graphs()
    labelled, everything = np.arange(0, len(graphs), 3), np.arange(len(graphs))
    labels = np.random.default_rng(0).normal(size=len(labelled))

    def answers() -> list[np.ndarray]:
        ranker = create_ranker(name)
        ranker.fit(graphs, labelled, labels, seed=0)
        return [ranker.scores(everything), *ranker.posterior(everything)]

    whole = answers()
    monkeypatch.setattr(graph_source, "ROWS_AT_ONCE", 5)
    monkeypatch.setattr(graph_source, "NUMBERS_KEPT", 1000)
    for found, expected in zip(answers(), whole, strict=True):
        np.testing.assert_allclose(found, expected, atol=1e-5)
