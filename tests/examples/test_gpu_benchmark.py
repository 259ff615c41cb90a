"""The benchmark of GPUs runs on a processor too."""

import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

PROJECT = Path(__file__).parents[2]


@pytest.mark.slow
def test_the_benchmark_of_gpus_runs_without_one(tmp_path: Path) -> None:
    output = tmp_path / "found.csv"
    options = ["--device", "cpu", "--small", "--no-compile", "--only", "encoder,training,loader"]
    command = [sys.executable, "benchmarks/gpu.py", *options, "--output", str(output)]
    done = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=False, timeout=600)
    assert done.returncode == 0, done.stderr
    found = pd.read_csv(output)
    assert set(found["section"]) == {"encoder", "training", "loader"}
    assert found["holds"].dropna().astype(str).eq("True").all()
    speeds = found.loc[found["unit"] == "images/s", "value"].astype(float)
    assert len(speeds) == 5  # two number formats, two memory formats; the loader
    assert (speeds > 0).all()
