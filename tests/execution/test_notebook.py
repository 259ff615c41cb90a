"""A notebook's session caches as the command does."""

import nbclient
import nbformat
import pytest
from tiny_project import TinyProject


def cell_output(tiny: TinyProject, *cells: str) -> str:
    """What the last cell of a notebook prints."""
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    nbclient.NotebookClient(
        notebook, kernel_name="python3", resources={"metadata": {"path": str(tiny.folder)}}, timeout=600
    ).execute()
    return "".join(
        output.get("text", "") for output in notebook.cells[-1].outputs if output.get("name") == "stdout"
    )


@pytest.mark.slow
def test_a_notebook_skips_what_has_not_changed(tiny: TinyProject) -> None:
    tiny.session()
    report = cell_output(
        tiny, "%load_ext kedro.ipython", "session.run()", "print(catalog.load('report')['area'])"
    )
    assert report.strip() == "144"
    assert tiny.ran() == set()
    assert tiny.record()["runner"] == "CachingRunner"


@pytest.mark.slow
def test_an_edit_in_a_running_notebook_is_not_mistaken(tiny: TinyProject) -> None:
    edit = "import pathlib; p = pathlib.Path('src/tiny/deep/far.py'); p.write_text('STEP = 5\\n')"
    again = "%reload_kedro\nsession.run()"
    cell_output(tiny, "%load_ext kedro.ipython", "session.run()", edit, again)
    assert tiny.ran() == {"total", "shape", "report"}
    assert tiny.value("report")["total"] == 20
