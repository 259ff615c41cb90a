"""What the package knows by name is listed whole, for people and for programs."""

import importlib.metadata
import json
import subprocess
from pathlib import Path

import pytest
from typer.testing import CliRunner

from contrastive_nas.command_line.main import app
from contrastive_nas.ranking.registry import create_ranker, list_rankers
from contrastive_nas.spaces import list_spaces, load_space

ROOT = Path(__file__).parents[2]


def listed(command: str, *options: str) -> str:
    done = CliRunner().invoke(app, [command, *options])
    assert done.exit_code == 0, done.output
    return done.output


@pytest.mark.parametrize(("command", "names"), [("spaces", list_spaces()), ("rankers", list_rankers())])
def test_every_name_has_one_line(command: str, names: list[str]) -> None:
    lines = listed(command).splitlines()
    assert [line.split()[0] for line in lines[1:]] == names
    assert all(len(line) < 140 for line in lines)
    rows = json.loads(listed(command, "--json"))
    assert [next(iter(row.values())) for row in rows] == names
    assert all(len(row["about"]) > 10 and not row["about"].endswith((",", "without")) for row in rows)


def test_sizes_of_spaces_are_exact_for_programs() -> None:
    sizes = {row["space"]: row["architectures"] for row in json.loads(listed("spaces", "--json"))}
    assert sizes["nasbench201"] == 15_625
    assert sizes["nasbench101"] == 423_624
    assert sizes == {name: load_space(name).size for name in list_spaces()}


def test_the_version_is_that_of_the_package() -> None:
    assert listed("--version").strip() == f"contrastive-nas {importlib.metadata.version('contrastive-nas')}"


def test_make_alone_starts_nothing() -> None:
    done = subprocess.run(
        ["make", "--no-print-directory"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    targets = (ROOT / "Makefile").read_text().partition(".PHONY: help ")[2].partition("\n")[0].split()
    assert [line.split()[1] for line in done.stdout.splitlines()] == targets


def test_an_unknown_option_is_one_line() -> None:
    done = CliRunner().invoke(app, ["rankers", "--jsn"])
    assert done.exit_code == 2
    assert "--jsn" in done.output


def test_a_listed_ranker_can_be_made() -> None:
    assert create_ranker("macs").answers_without_labels
