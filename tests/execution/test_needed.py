"""What a node does without is not made for it."""

from typing import Any

import pytest
from kedro.io import DataCatalog, MemoryDataset
from kedro.pipeline import Node, Pipeline

from contrastive_nas.execution.needed import does_without, needed_part


def prepare(raw: int) -> tuple[int, int]:
    return raw + 1, raw + 2


def search(prepared: int) -> tuple[int, int]:
    return prepared, prepared


@does_without("found", when=lambda choice: choice is not None)
def train(choice: int | None, data: int, found: int | None = None) -> int | None:
    return data if found is None else found


def pipeline(*more: Node) -> Pipeline:
    return Pipeline(
        [
            Node(prepare, "raw", ["prepared", "data"], name="prepare"),
            Node(search, "prepared", ["found", "trace"], name="search"),
            Node(
                train, {"choice": "params:choice", "data": "data", "found": "found"}, "trained", name="train"
            ),
            *more,
        ]
    )


def names(found: Pipeline) -> set[str]:
    return {node.name for node in found.nodes}


def catalog(choice: Any) -> DataCatalog:
    return DataCatalog({"params:choice": MemoryDataset(choice)})


@pytest.mark.parametrize(
    ("choice", "wanted"), [(None, {"prepare", "search", "train"}), (5, {"prepare", "train"})]
)
def test_what_only_a_left_out_input_needs(choice: int | None, wanted: set[str]) -> None:
    found = needed_part(pipeline(), catalog(choice))
    assert names(found) == wanted
    assert found.inputs() == {"raw", "params:choice"}


def test_what_others_need_stays() -> None:
    report = Node(lambda trace, trained: None, ["trace", "trained"], None, name="report")
    found = needed_part(pipeline(report), catalog(5))
    assert names(found) == {"prepare", "search", "train", "report"}
    assert "found" not in next(node for node in found.nodes if node.name == "train").inputs


def test_an_input_from_outside_is_not_asked_for() -> None:
    found = needed_part(pipeline().only_nodes("train"), catalog(5))
    assert found.inputs() == {"data", "params:choice"}
