"""Damaged and hostile files of every format: never a crash, never more than 2 GB, never a wrong table."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

LARGEST = 2 << 30
# About three minutes of one processor.
LONGEST_SECONDS = 3600
HERE = Path(__file__).parent


def child(*arguments: str) -> dict:
    """What a child process printed; a crash of its own shows as its exit code."""
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=HERE,
        capture_output=True,
        text=True,
        check=False,
        timeout=LONGEST_SECONDS,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert not done.stderr, done.stderr[-3000:]
    return json.loads(done.stdout)


def check(result: dict, cases: int) -> None:
    assert result["peak_bytes"] < LARGEST
    assert len(result["counts"]) == 22
    for name, outcomes in result["counts"].items():
        assert "failed" not in outcomes, name
        assert sum(outcomes.values()) == cases
        # Damage is noticed nearly always, and some of it is only in places that do not matter.
        assert outcomes.get("refused", 0) + outcomes.get("read", 0) == cases


def test_damaged_files_of_every_format() -> None:
    check(child("fuzz.py", "1", "12"), 12)


@pytest.mark.slow
@pytest.mark.timeout(LONGEST_SECONDS)
def test_five_hundred_damaged_files_of_every_format() -> None:
    check(child("fuzz.py", "2", "500"), 500)


@pytest.mark.slow
def test_small_files_that_unpack_to_enormous_ones() -> None:
    for name, result in child("bombs.py").items():
        # One that is only long is read: what is the same is kept once.
        assert result["error"] or name == "repeated text", name
        assert result["peak_bytes"] < LARGEST, (name, result)
