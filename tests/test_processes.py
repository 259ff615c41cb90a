"""Processes that are killed at work."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from contrastive_nas.processes import KilledError, Processes


def test_one_that_kills_its_process_does_not_harm_the_others() -> None:
    processes = Processes(2)
    try:
        good = [processes.submit(processes.run, abs, -number) for number in range(6)]
        bad = processes.submit(processes.run, os._exit, 1)
        more = [processes.submit(processes.run, abs, -number) for number in range(6)]
        with pytest.raises(KilledError, match="killed 2 times"):
            bad.result()
        assert [one.result() for one in good + more] == [*range(6), *range(6)]
    finally:
        processes.close()


def test_what_a_call_raises_reaches_the_caller() -> None:
    processes = Processes(1)
    try:
        with pytest.raises(ZeroDivisionError):
            processes.submit(processes.run, divmod, 1, 0).result()
        assert processes.submit(processes.run, divmod, 7, 2).result() == (3, 1)
    finally:
        processes.close()


SCRIPT = """
from contrastive_nas.processes import Processes
{guard}
    processes = Processes(1)
    print(processes.submit(processes.run, abs, -7).result())
    processes.close()
"""


@pytest.mark.parametrize(("guard", "code"), [("if True:", 1), ("if __name__ == '__main__':", 0)])
def test_a_script_that_would_start_itself_again_is_told_so(guard: str, code: int, tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(SCRIPT.format(guard=guard))
    done = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, check=False)
    assert done.returncode == code, done.stderr
    assert done.stdout.strip() == ("" if code else "7")
    assert done.stderr.count("put what it runs under if __name__ == '__main__':") == code
