"""Every mistake gets one clear message, and nothing is half-written."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from tests.pipelines.project import TABLE, Project

from contrastive_nas.errors import InputError

Change = Callable[[pd.DataFrame], pd.DataFrame]


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    monkeypatch.delenv("CONTRASTIVE_NAS_DATA", raising=False)
    return Project.create(tmp_path)


def message_of(project: Project, **parameters: Any) -> str:
    with pytest.raises(Exception) as caught:  # noqa: PT011  the message is what counts
        project.run("ingest", **parameters)
    assert project.artifacts() == {}
    causes, error = [], caught.value
    while error is not None:
        causes.append(str(error))
        error = error.__cause__
    return "\n".join(causes)


# Rows are counted from 1 in messages, from 0 here.
def with_cell(row: int, column: str, value: Any) -> Change:
    def change(table: pd.DataFrame) -> pd.DataFrame:
        table.loc[row, column] = value
        return table

    return change


def with_repeated_row(table: pd.DataFrame) -> pd.DataFrame:
    return pd.concat([table, table.iloc[[7]]], ignore_index=True)


def without_target(table: pd.DataFrame) -> pd.DataFrame:
    return table.drop(columns="digits_valid_accuracy")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (without_target, ["compact_cnn_digits.parquet", "digits_valid_accuracy"]),
        (with_cell(5, "digits_valid_accuracy", float("nan")), ["row 6", "digits_valid_accuracy"]),
        (with_cell(3, "architecture", "s8|nonsense"), ["row 4", "nonsense"]),
        (with_cell(4, "digits_test_accuracy", 140.0), ["row 5", "140"]),
        (with_repeated_row, ["row 8", "again"]),
    ],
)
def test_bad_tables(project: Project, change: Change, words: list[str]) -> None:
    project.change_table(change)
    message = message_of(project)
    assert all(word in message for word in words), message


def test_a_missing_file(project: Project) -> None:
    (project.folder / TABLE).unlink()
    assert "compact_cnn_digits.parquet is missing" in message_of(project)


@pytest.mark.parametrize(
    ("parameters", "word"),
    [
        ({"serach": {"queries": 3}}, "serach"),
        ({"search": {"querys": 3}}, "querys"),
        ({"search": {"queries": 0}}, "queries"),
        ({"search": {"strategy": "oracle"}}, "oracle"),
        ({"search": {"queries": 4}}, "compare.first_labels.count"),
        ({"search": {"ranker": {"name": "transfr"}}}, "did you mean 'transfer'"),
        ({"search": {"ranker": {"name": "transfer", "options": {"modl": 1}}}}, "no option 'modl'"),
        ({"pretrain": {"temperature": -1.0}}, "temperature"),
        ({"space": {"name": "nasbench2001"}}, "nasbench2001"),
        ({"seed": "many"}, "seed"),
        ({"seed": -1}, "parameter 'seed' is -1: Input should be greater than or equal to 0"),
        ({"space": {"options": {"clases": 7}}}, "no option 'clases': did you mean 'classes'?"),
        ({"ingest": {"source": "tidy_parket"}}, "'tidy_parket' is unknown: did you mean 'tidy_parquet'?"),
    ],
)
def test_bad_parameters(project: Project, parameters: dict[str, Any], word: str) -> None:
    assert word in message_of(project, **parameters)


@pytest.mark.parametrize(
    ("parameters", "words"),
    [
        (
            {"space": {"options": {"clases": 7}}},
            "parameter 'space': space 'compact_cnn' has no option 'clases'",
        ),
        (
            {"search": {"limits": {"maccs": 1e6}}},
            "'search.limits': cost 'maccs' is unknown: did you mean 'macs'",
        ),
        ({"search": {"objectives": ["latncy"]}}, "cost 'latncy' is unknown: did you mean 'latency'?"),
        ({"search": {"limits": {"macs": -1}}}, "'search.limits.macs' is -1"),
        ({"search": {"limits": {"macs": 1}}}, "no architecture of compact_cnn was found within macs <= 1 "),
        ({"device": "gpu"}, "device 'gpu' is unknown"),
        (
            {"evaluator": {"kind": "function", "function": "nowhere.py:accuracy"}},
            "function file nowhere.py does not exist",
        ),
        (
            {"evaluator": {"kind": "supernet", "supernet": {"weights": "no.safetensors"}}},
            "there is no supernet no.safetensors",
        ),
    ],
)
def test_what_would_stop_a_later_node_stops_the_run_before_the_first(
    project: Project, parameters: dict[str, Any], words: str
) -> None:
    with pytest.raises(InputError) as caught:
        project.run("search", **parameters)
    assert words in str(caught.value)
    assert project.artifacts() == {}


def test_costs_may_be_columns_of_the_table(project: Project) -> None:
    with pytest.raises(InputError, match=r"digits_tst_accuracy.* did you mean 'digits_test_accuracy'"):
        project.run("search", search={"objectives": ["digits_tst_accuracy"]})


def test_u8_a_search_in_which_every_training_fails_names_the_first_reason(
    project: Project, tmp_path: Path
) -> None:
    file = tmp_path / "fails.py"
    file.write_text(
        "from contrastive_nas.spaces.compact_cnn import CompactCNN\n\n\n"
        "class Fails(CompactCNN):\n"
        "    def build(self, architecture):\n"
        "        raise ValueError('no such layer')\n"
    )
    with pytest.raises(Exception, match=r"\d failed; the first, .*: ValueError: no such layer"):
        project.run("search", space={"name": f"{file}:Fails"})
