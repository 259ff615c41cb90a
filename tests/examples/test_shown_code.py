"""The code that people are shown runs: docs/graphs.md, the example on one page, the notebook."""

import re
import runpy
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient
from tests.pipelines.project import ROOT, Project

DOCUMENT = ROOT / "docs" / "graphs.md"
EXAMPLE = ROOT / "examples" / "rank_and_search.py"


def test_what_the_document_shows_runs(tmp_path: Path) -> None:
    shown = tmp_path / "shown.py"
    shown.write_text("\n".join(re.findall(r"```python\n(.*?)```", DOCUMENT.read_text(), re.S)))
    names = runpy.run_path(str(shown))
    assert len(names["graph"].op) == len(names["graph"].features) > 60


def test_the_example_runs() -> None:
    small = ["--networks", "60", "--trained", "6", "--queries", "7", "--epochs", "1"]
    done = subprocess.run(
        [sys.executable, str(EXAMPLE), *small], capture_output=True, text=True, check=False, timeout=300
    )
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert [line[0] for line in lines if line[0] != " "] == ["1", "2", "3", "4", "5", "5"]
    assert "the composed graph is the same" in done.stdout
    assert "default search, 7 trainings" in done.stdout
    assert 150 <= len(EXAMPLE.read_text(encoding="utf-8").splitlines()) <= 250


@pytest.mark.slow
def test_the_notebook_reads_the_catalog_and_draws_the_search(tmp_path: Path) -> None:
    project = Project.create(tmp_path)
    project.run("search")
    notebook = nbformat.read(ROOT / "notebooks" / "first_search.ipynb", as_version=4)
    for cell in notebook.cells:
        cell.source = cell.source.replace('ENVIRONMENT = "base"', 'ENVIRONMENT = "test"')
    NotebookClient(notebook, timeout=300, resources={"metadata": {"path": str(tmp_path)}}).execute()
    shown = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    assert any("application/vnd.plotly.v1+json" in output.get("data", {}) for output in shown)
    assert any("best_architecture" in str(output.get("data", {})) for output in shown)
