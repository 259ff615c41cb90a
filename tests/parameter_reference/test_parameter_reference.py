"""Parameter files and page show what the classes say, and every slip of the pen is answered."""

import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import BaseModel, TypeAdapter

from contrastive_nas.errors import InputError
from contrastive_nas.execution.parameters import check_parameters, parameter_types
from contrastive_nas.parameter_reference.__main__ import main
from contrastive_nas.parameter_reference.describing import describe, describe_options, entries
from contrastive_nas.parameter_reference.reference import FILES, reference
from contrastive_nas.parameter_reference.writing import COMMAND, parameter_file
from contrastive_nas.pipeline_registry import register_pipelines
from contrastive_nas.ranking.registry import list_rankers, ranker_maker
from contrastive_nas.settings import ExperimentContext
from contrastive_nas.spaces import list_spaces, load_space
from contrastive_nas.training.recipe import Recipe

PROJECT = Path(__file__).parents[2]
BASE = PROJECT / "conf" / "base"
PIPELINES = register_pipelines()
TYPES = {name: kind for name, kind in parameter_types(PIPELINES).items() if "." not in name}
BLOCKS = {
    name: kind for name, kind in TYPES.items() if isinstance(kind, type) and issubclass(kind, BaseModel)
}
# A parameter that is commented out: no blank between the sign and its name.
COMMENTED = re.compile(r"^( *)#(\w+:)", re.MULTILINE)


def in_use() -> dict[str, Any]:
    """The values of the embedded experiment."""
    found: dict[str, Any] = {}
    for name in FILES:
        found |= yaml.safe_load((BASE / name).read_text())
    return found


def with_defaults(name: str) -> dict[str, Any]:
    """A file in which nothing is commented out any more."""
    return yaml.safe_load(COMMENTED.sub(r"\1\2", (BASE / name).read_text()))


def is_block(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, BaseModel)


def fields(kind: type[BaseModel], within: str) -> Iterator[str]:
    for key, field in kind.model_fields.items():
        yield f"{within}{key}"
        if is_block(field.annotation):
            yield from fields(field.annotation, f"{within}{key}.")


def blocks(kind: type[BaseModel], within: str) -> Iterator[tuple[str, type[BaseModel]]]:
    yield within, kind
    for key, field in kind.model_fields.items():
        if is_block(field.annotation):
            yield from blocks(field.annotation, f"{within}.{key}")


def check_all(raw: dict[str, Any]) -> None:
    """What is checked before a run."""
    checked = check_parameters(raw, PIPELINES)
    for rule in ExperimentContext.rules:
        rule(checked)


def test_everything_written_is_up_to_date() -> None:
    stale = [
        str(path.relative_to(PROJECT))
        for path, text in reference(PROJECT).items()
        if not path.is_file() or path.read_text() != text
    ]
    assert not stale, f"{', '.join(stale)}: not what the code says; run `{COMMAND}`"


@pytest.mark.parametrize("name", FILES)
def test_a_file_shows_every_parameter_once(name: str) -> None:
    shown, path = [], []
    for line in (BASE / name).read_text().splitlines():
        found = re.match(r"^( *)#?(\w+):", line)
        if found:
            path[len(found[1]) // 2 :] = [found[2]]
            shown.append(".".join(path))
    expected = []
    for key in with_defaults(name):
        expected.append(key)
        if key in BLOCKS:
            expected += fields(BLOCKS[key], f"{key}.")
    assert sorted(shown) == sorted(expected)


def test_files_together_show_every_parameter() -> None:
    assert set(in_use()) == set(TYPES)


@pytest.mark.parametrize("name", FILES)
def test_what_is_commented_out_are_the_defaults(name: str) -> None:
    given = yaml.safe_load((BASE / name).read_text())
    for key, value in with_defaults(name).items():
        kind = TypeAdapter(TYPES[key])
        if key in BLOCKS:
            assert kind.validate_python(value) == kind.validate_python(given[key] or {})
        else:
            assert value == given[key]


def test_every_parameter_is_described() -> None:
    known = [one for name, kind in TYPES.items() for one in describe(name, kind)]
    known += describe("recipe", Recipe)
    for name in list_rankers():
        known += describe_options(ranker_maker(name))
    for name in list_spaces():
        known += describe_options(type(load_space(name)))
    assert len(known) > 200
    assert [one.name for one in known if not one.meaning] == []


def test_the_page_lists_every_parameter() -> None:
    page = (PROJECT / "docs" / "parameters.md").read_text()
    rows = re.findall(r"^\| `([\w.]+)` \| ", page, re.MULTILINE)
    for key, kind in TYPES.items():
        assert rows.count(key) >= 1
        for name in fields(kind, f"{key}.") if key in BLOCKS else ():
            assert rows.count(name) == 1
    assert "| `search.batch` | whole number | `5` | at least 1 | " in page
    assert "| `pretrain.encoder.dropout` | number | `0.1` | at least 0, below 1 | " in page
    assert "| `tune.values.NAME.high` | " in page
    assert "| `none_and_repeats` | true or false | `true` | " in page


@pytest.mark.parametrize("name", [name for key, kind in BLOCKS.items() for name, _ in blocks(kind, key)])
def test_a_slip_of_the_pen_is_answered_in_every_block(name: str) -> None:
    kind = dict(pair for key, known in BLOCKS.items() for pair in blocks(known, key))[name]
    meant = max(kind.model_fields, key=len)
    raw = in_use()
    block: dict[str, Any] = raw
    for key in name.split("."):
        block[key] = block.get(key) or {}
        block = block[key]
    block[f"{meant}x"] = 1
    with pytest.raises(InputError) as caught:
        check_parameters(raw, PIPELINES)
    message = f"parameter '{name}.{meant}x' is unknown: did you mean '{meant}'?"
    assert str(caught.value).count(message) == 1


@pytest.mark.parametrize(
    ("parameters", "words"),
    [
        ({"search": {"final_seeds": [2**32]}}, "parameter 'search.final_seeds.0' is 4294967296"),
        (
            {"search": {"ranker": {"name": "comparator", "options": {"comparing": {"evidnce": 1}}}}},
            "'options.comparing.evidnce' is unknown: did you mean 'evidence'?",
        ),
        (
            {"search": {"ranker": {"name": "ctnas", "options": {"steps": "many"}}}},
            "'options.steps' is 'many'",
        ),
        ({"retrain": {"recipe": "digts"}}, "recipe 'digts' is unknown: did you mean 'digits'?"),
        ({"retrain": {"overrides": {"epocs": 3}}}, "epocs is unknown: did you mean 'epochs'?"),
        ({"tune": {"values": {"bach": [1, 2]}}}, "no parameter 'bach': did you mean 'batch'?"),
        (
            {"tune": {"values": {"batch": {"low": 1, "hgh": 3}}}},
            "'tune.values.batch.hgh' is unknown: did you mean 'high'?",
        ),
        ({"convert": 3}, "parameter 'convert' is 3: it takes a block of values for eigenvalues"),
    ],
)
def test_what_lies_within_values_is_checked_too(parameters: dict[str, Any], words: str) -> None:
    with pytest.raises(InputError) as caught:
        check_all(in_use() | parameters)
    assert words in str(caught.value)


def test_a_block_in_which_all_is_commented_out_has_its_defaults() -> None:
    raw = in_use() | {"augment": None, "search": {"evolution": None}}
    checked = check_parameters(raw, PIPELINES)
    assert checked["augment"] == BLOCKS["augment"]()
    assert checked["search"] == BLOCKS["search"]()


@pytest.fixture
def project(tmp_path: Path) -> Path:
    shutil.copytree(BASE, tmp_path / "conf" / "base")
    (tmp_path / "docs").mkdir()
    return tmp_path


def test_values_survive_when_comments_are_written(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = project / "conf" / "base" / "parameters_search.yml"
    file.write_text("search: {queries: 7, evolution: {population: 8}, limits: {macs: 3.0e+8}, ranker: {}}")
    assert main(project) == 0
    assert capsys.readouterr().out == "conf/base/parameters_search.yml written\ndocs/parameters.md written\n"
    values = yaml.safe_load(file.read_text())["search"]
    assert values["queries"] == 7
    assert values["evolution"] == {"population": 8}
    assert values["limits"] == {"macs": 3.0e8}
    assert "at least 1; default `60`)\n  queries: 7\n" in file.read_text()
    assert main(project) == 0
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("search: {querys: 7}", "no parameter has the name search.querys"),
        ("search: {evolution: {popu: 7}}", "no parameter has the name search.evolution.popu"),
        ("serach: {}", "no stage takes serach"),
        ("search: [", "parameters_search.yml is not valid YAML"),
        (None, "parameters_search.yml cannot be read: No such file"),
    ],
)
def test_nothing_is_written_over_values_of_no_parameter(
    project: Path, text: str | None, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    file = project / "conf" / "base" / "parameters_search.yml"
    file.unlink()
    if text is not None:
        file.write_text(text)
    assert main(project) == 1
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1
    assert not (project / "docs" / "parameters.md").exists()


def test_a_docstring_is_read_by_its_section() -> None:
    text = """What it is.

    Args:
        first: One line, ``code``.
        second: Two lines,
            see :func:`package.module.name`.

    Returns:
        third: not this.
    """
    assert entries(text, "Args") == {
        "first": "One line, `code`.",
        "second": "Two lines, see `package.module.name`.",
    }


def test_wrapped_comments_stay_within_a_line() -> None:
    for path, text in reference(PROJECT).items():
        if path.suffix == ".yml":
            assert max(map(len, text.splitlines())) <= 110
    known = describe("augment", BLOCKS["augment"])
    assert parameter_file(known, {"augment": None}).count("\naugment:\n  # ") == 1
