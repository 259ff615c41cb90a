"""The code that people are shown runs: docs/graphs.md, the example on one page, the notebooks."""

import re
import runpy
import subprocess
import sys
from pathlib import Path
from typing import Any

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


NOTEBOOKS = ROOT / "notebooks"


def execute(name: str, folder: Path, **values: object) -> list[dict[str, Any]]:
    """Run a notebook with other values for some of the names that it sets; give what its cells show."""
    notebook = nbformat.read(NOTEBOOKS / name, as_version=4)
    for cell in notebook.cells:
        for key, value in values.items():
            cell.source = re.sub(rf"^{key} = \S+", f"{key} = {value!r}", cell.source, flags=re.M)
    NotebookClient(notebook, timeout=600, resources={"metadata": {"path": str(folder)}}).execute()
    return [output for cell in notebook.cells for output in cell.get("outputs", [])]


@pytest.mark.parametrize("file", sorted(NOTEBOOKS.glob("*.ipynb")), ids=lambda file: file.stem)
def test_notebooks_are_kept_without_outputs(file: Path) -> None:
    notebook = nbformat.read(file, as_version=4)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert code
    assert [cell for cell in code if cell.outputs or cell.execution_count] == []
    assert notebook.cells[0].source.startswith("# ")


@pytest.mark.slow
def test_a_first_search_is_shown_in_a_notebook(tmp_path: Path) -> None:
    shown = execute("first_search.ipynb", tmp_path, NETWORKS=40, TRAININGS=6, EPOCHS=1)
    assert any("image/svg+xml" in output.get("data", {}) for output in shown)
    assert any("test accuracy" in output.get("text", "") for output in shown)


@pytest.mark.slow
def test_an_own_space_is_searched_on_own_images_in_a_notebook(tmp_path: Path) -> None:
    shown = execute("own_space_and_data.ipynb", tmp_path, TRAININGS=5, EPOCHS=2)
    assert any("test accuracy" in output.get("text", "") for output in shown)


@pytest.mark.slow
def test_the_notebook_reads_the_catalog_and_draws_the_search(tmp_path: Path) -> None:
    project = Project.create(tmp_path)
    project.run("search")
    shown = execute("reading_results.ipynb", tmp_path, ENVIRONMENT="test")
    assert any("application/vnd.plotly.v1+json" in output.get("data", {}) for output in shown)
    assert any("best_architecture" in str(output.get("data", {})) for output in shown)
