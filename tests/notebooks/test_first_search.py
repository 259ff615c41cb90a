"""The notebook runs on what a search left."""

from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient
from tests.pipelines.project import ROOT, Project


@pytest.mark.slow
def test_it_reads_the_catalog_and_draws_the_search(tmp_path: Path) -> None:
    project = Project.create(tmp_path)
    project.run("search")
    notebook = nbformat.read(ROOT / "notebooks" / "first_search.ipynb", as_version=4)
    for cell in notebook.cells:
        cell.source = cell.source.replace('ENVIRONMENT = "base"', 'ENVIRONMENT = "test"')
    NotebookClient(notebook, timeout=300, resources={"metadata": {"path": str(tmp_path)}}).execute()
    shown = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    assert any("application/vnd.plotly.v1+json" in output.get("data", {}) for output in shown)
    assert any("best_architecture" in str(output.get("data", {})) for output in shown)
