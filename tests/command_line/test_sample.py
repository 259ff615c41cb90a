from pathlib import Path

import pandas as pd
import pytest
from typer.testing import CliRunner

from contrastive_nas.command_line.main import app
from contrastive_nas.spaces import load_space
from contrastive_nas.tables import read_table

SPACE = load_space("nasbench201", channels=4, cells=1)


def run(*arguments: object):
    return CliRunner().invoke(app, ["sample", *map(str, arguments)])


def test_writes_a_table_that_ingestion_reads(tmp_path: Path):
    path = tmp_path / "list.csv"
    done = run("nasbench201", path, "--count", 30, "--options", '{"channels": 4, "cells": 1}')
    assert done.exit_code == 0, done.output
    assert "30 architectures of nasbench201" in done.output
    names = read_table(path, space="nasbench201", metrics=[]).frame["architecture"].tolist()
    assert len(set(names)) == 30
    for name in names:
        SPACE.validate(name)
    first = path.read_bytes()
    run("nasbench201", path, "--count", 30)
    assert path.read_bytes() == first
    run("nasbench201", path, "--count", 30, "--seed", 1)
    assert pd.read_csv(path)["architecture"].tolist() != names


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (("nasbench2001",), "nasbench2001"),
        (("nasbench201", "--options", "{"), "no JSON"),
        (("nasbench201", "--options", "[1]"), "no JSON object"),
    ],
)
def test_bad_use(tmp_path: Path, arguments: tuple[str, ...], word: str):
    done = run(arguments[0], tmp_path / "list.csv", *arguments[1:])
    assert done.exit_code == 1
    assert word in done.output
    assert not any(tmp_path.iterdir())
