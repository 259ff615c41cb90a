"""Code is found by reading it."""

import sys
from pathlib import Path

import pytest

from contrastive_nas.execution.code import closure

MODULES = {
    "__init__.py": "VALUE = 1\n",
    "node.py": "from sample import middle\nimport json, numpy\n",
    "middle.py": "def work():\n    from .inner import deep\n    import scipy.stats\n",
    "inner/__init__.py": "from sample.inner import side\n",
    "inner/deep.py": "from ..registry import load\nNAME = 'second'\n",
    "inner/side.py": "",
    "registry.py": "P = {'first': 'sample.parts.first:A', 'second': 'sample.parts.second:B'}\nload = len\n",
    "parts/__init__.py": "",
    "parts/first.py": "",
    "parts/second.py": "from sample.only_second import x\n",
    "only_second.py": "x = 1\n",
    "typed.py": "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from sample import only_second\n",
    "reader.py": "from pathlib import Path\nTABLE = Path(__file__).parent / 'table.csv'\n",
    "table.csv": "1,2\n",
    "unused.py": "",
    "program/__init__.py": "",
    "program/__main__.py": "from sample import unused\n",
    "starter.py": "import sys\nCOMMAND = [sys.executable, '-m', 'sample.program']\n",
    "two.py": """
def work():
    return helper()

def helper():
    import sample.middle

def other():
    from sample import unused
""",
}


@pytest.fixture
def sample(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "sample"
    for name, text in MODULES.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    return folder


def test_imports_are_followed_also_inside_functions(sample: Path) -> None:
    found = closure("sample.node", "work", [])
    assert set(found.modules) == {
        "sample",
        "sample.node",
        "sample.middle",
        "sample.inner",
        "sample.inner.side",
        "sample.inner.deep",
        "sample.registry",
        # Its key is a word of sample.inner.deep.
        "sample.parts",
        "sample.parts.second",
        "sample.only_second",
    }
    assert found.libraries == {"numpy", "scipy"}
    assert "sample.node" not in sys.modules


def test_a_parameter_chooses_from_a_registry(sample: Path) -> None:
    assert "sample.parts.first" not in closure("sample.node", "work", []).modules
    assert "sample.parts.first" in closure("sample.node", "work", ["first"]).modules


def test_a_parameter_may_name_code(sample: Path, tmp_path: Path) -> None:
    own = tmp_path / "own.py"
    own.write_text("import helper\nfrom sample import unused\n")
    (tmp_path / "helper.py").write_text("")
    by_file = closure("sample.typed", "work", [f"{own}:Space"]).modules
    assert f"file {own}" in by_file
    assert "helper" in by_file
    assert "sample.unused" in by_file
    assert "sample.unused" in closure("sample.typed", "work", ["sample.unused:Thing"]).modules


def test_what_only_type_checkers_import_does_not_count(sample: Path) -> None:
    assert set(closure("sample.typed", "work", []).modules) == {"sample", "sample.typed"}


def test_files_beside_a_module_that_reads_them_count(sample: Path) -> None:
    before = closure("sample.reader", "work", []).modules
    (sample / "table.csv").write_text("1,3\n")
    assert before != closure("sample.reader", "work", []).modules
    assert closure("sample.typed", "work", []).modules.keys() == {"sample", "sample.typed"}


def test_an_edit_after_the_import_is_noticed(sample: Path) -> None:
    __import__("sample.unused")
    assert not closure("sample.unused", "work", []).outdated
    (sample / "unused.py").write_text("CHANGED = True\n")
    assert closure("sample.unused", "work", []).outdated == {"sample.unused"}
    for name in [name for name in sys.modules if name.partition(".")[0] == "sample"]:
        del sys.modules[name]
    __import__("sample.unused")
    assert not closure("sample.unused", "work", []).outdated


def test_what_other_functions_of_the_module_import_does_not_count(sample: Path) -> None:
    found = closure("sample.two", "work", []).modules
    assert "sample.middle" in found
    assert "sample.unused" not in found
    assert "sample.unused" in closure("sample.two", "other", []).modules
    assert "sample.unused" in closure("sample.two", "<lambda>", []).modules


def test_a_program_that_is_started_counts(sample: Path) -> None:
    found = closure("sample.starter", "work", []).modules
    assert {"sample.program.__main__", "sample.unused"} <= set(found)
