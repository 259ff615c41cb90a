"""An error of code that users name is told with its place in their file."""

import sys
from pathlib import Path

import numpy as np
import pytest

from contrastive_nas.user_code import blame, load_named

CODE = """
import numpy as np

def fails():
    raise KeyError("first\\nsecond")

def calls():
    return np.linalg.inv(np.zeros((2, 2)))
"""


def blamed(function) -> str | None:
    with pytest.raises(Exception) as caught:  # noqa: PT011  whatever it raises
        function()
    return blame(caught.value)


def test_the_last_line_of_the_users_file_is_named(tmp_path: Path) -> None:
    file = tmp_path / "my code.py"
    file.write_text(CODE)
    fails = load_named(f"{file}:fails", "function")
    assert blamed(fails) == f"{file}, line 5, in fails: KeyError: 'first\\nsecond'"
    calls = load_named(f"{file}:calls", "function")
    assert blamed(calls) == f"{file}, line 8, in calls: LinAlgError: Singular matrix"


def test_a_module_of_the_user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "users_module.py").write_text(CODE)
    monkeypatch.syspath_prepend(tmp_path)
    fails = load_named("users_module:fails", "function")
    assert str(blamed(fails)).startswith(f"{tmp_path / 'users_module.py'}, line 5, in fails: KeyError")
    del sys.modules["users_module"]


@pytest.mark.parametrize("target", ["contrastive_nas.files:atomic_path", "numpy.linalg:inv"])
def test_errors_of_this_package_and_of_libraries_are_nobody_elses(target: str) -> None:
    load_named(target, "function")
    assert blamed(lambda: np.linalg.inv(np.zeros((2, 2)))) is None
