"""What all commands have in common: JSON, ``--quiet``, exit codes, and one line for what is wrong."""

import json
import logging
from pathlib import Path

import pytest
from typer.testing import CliRunner

from contrastive_nas.command_line.main import COMMANDS, app
from contrastive_nas.command_line.output import short_number, show_json
from contrastive_nas.progress import progress

NAMES = [command.__name__ for command in COMMANDS]


def fails(*arguments: object) -> tuple[int, str]:
    done = CliRunner().invoke(app, list(map(str, arguments)))
    assert len(done.stderr.splitlines()) == 1, done.output
    assert done.stdout == ""
    return done.exit_code, done.stderr


@pytest.mark.parametrize("name", NAMES)
def test_a_misspelt_option_is_wrong_use_of_every_command(name: str) -> None:
    code, text = fails(name, "--nonsense")
    assert code == 2
    assert "--nonsense" in text
    assert f"{name} --help" in text


@pytest.mark.parametrize("name", NAMES)
def test_every_command_has_help(name: str) -> None:
    assert CliRunner().invoke(app, [name, "--help"]).exit_code == 0


def test_a_misspelt_command_or_general_option_is_wrong_use() -> None:
    assert fails("rnak")[0] == 2
    assert "'rank'" in fails("rnak")[1]
    assert "--version" in fails("--versoin")[1]


def test_what_cannot_be_done_is_a_failure(tmp_path: Path) -> None:
    code, text = fails("inspect", tmp_path / "absent.csv")
    assert code == 1
    assert "no such file" in text


def test_wrong_use_told_by_a_command_is_short() -> None:
    assert fails("clean")[1].startswith("Error: say which runs to keep")
    assert fails("sample", "nasbench201", "x.csv", "--count", 1)[1].startswith(
        "Error: Invalid value for '--count'"
    )


def test_inspect_prints_json(tmp_path: Path) -> None:
    path = tmp_path / "own.csv"
    path.write_text("architecture,x_test_accuracy,note\na,90,new\nb,200,\nc,70,\n")
    found = json.loads(CliRunner().invoke(app, ["inspect", str(path), "--json", "--rows", "1"]).stdout)
    assert found["format"] == "tidy_csv"
    assert found["spaces"] == []
    assert (found["architectures"], found["rows_read"], found["problems"]) == (2, 3, 1)
    assert "is 200" in found["first_problems"][0]
    assert found["accuracies"]["x_test_accuracy"] == {"count": 2, "min": 70.0, "mean": 80.0, "max": 90.0}
    assert found["other_columns"] == ["note"]
    assert found["first_rows"] == [{"architecture": "a", "x_test_accuracy": 90.0}]


def test_numbers_that_json_does_not_know_are_null(capsys: pytest.CaptureFixture[str]) -> None:
    show_json({"a": [float("nan"), 1.5], "b": (float("inf"),)})
    assert json.loads(capsys.readouterr().out) == {"a": [None, 1.5], "b": [None]}


def test_quiet_leaves_errors_alone(tmp_path: Path) -> None:
    path = tmp_path / "own.csv"
    path.write_text("architecture,x_test_accuracy\na,90\nb,70\n")
    logger = logging.getLogger("contrastive_nas")
    before = logger.level
    done = CliRunner().invoke(app, ["inspect", str(path), "--quiet"])
    assert done.stderr == ""
    assert logger.level == before
    code, text = fails("inspect", tmp_path / "absent.csv", "-q")
    assert (code, text.startswith("Error: ")) == (1, True)


def test_a_hushed_program_shows_no_bar(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    assert list(progress([1, 2], "counting")) == [1, 2]
    assert "counting" in capsys.readouterr().err
    logger = logging.getLogger("contrastive_nas")
    monkeypatch.setattr(logger, "level", logging.ERROR)
    logger.manager._clear_cache()
    assert list(progress([1, 2], "counting")) == [1, 2]
    assert capsys.readouterr().err == ""
    logger.manager._clear_cache()


@pytest.mark.parametrize(("number", "text"), [(12, "12"), (858_426, "858 K"), (4_089_284_608, "4.09 G")])
def test_short_numbers(number: int, text: str) -> None:
    assert short_number(number) == text
