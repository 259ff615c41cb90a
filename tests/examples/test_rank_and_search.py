"""The example on one page runs, in a small setting, and its claims hold."""

import subprocess
import sys
from pathlib import Path

EXAMPLE = Path(__file__).parents[2] / "examples" / "rank_and_search.py"


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
