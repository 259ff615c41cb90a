"""The rule of CI against loads that run code finds them, and nothing else."""

import importlib.util
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[1]
spec = importlib.util.spec_from_file_location("unsafe_loads", PROJECT / ".ci" / "unsafe_loads.py")
assert spec is not None
assert spec.loader is not None
unsafe_loads = importlib.util.module_from_spec(spec)
spec.loader.exec_module(unsafe_loads)

UNSAFE = [
    "import pickle\npickle.load(file)",
    "import dill as d\nd.loads(text)",
    "from pickle import load",
    "import torch\ntorch.load(file)",
    "import torch\ntorch.load(file, weights_only=False)",
    "import yaml\nyaml.load(file)",
    "import numpy\nnumpy.load(file, allow_pickle=True)",
    "import pandas\npandas.read_pickle(file)",
    "eval(text)",
    "import subprocess\nsubprocess.run(text, shell=True)",
    "import os\nos.system(text)",
]
SAFE = [
    "import torch\ntorch.load(file, weights_only=True)",
    "import yaml\nyaml.safe_load(file)",
    "model.eval()",
    "import json\njson.load(file)",
    "def read(pickle):\n    return pickle.load()",
]


@pytest.mark.parametrize("text", UNSAFE)
def test_unsafe_loads_are_found(text: str, tmp_path: Path) -> None:
    file = tmp_path / "module.py"
    file.write_text(text)
    assert len(list(unsafe_loads.problems(file))) == 1


@pytest.mark.parametrize("text", SAFE)
def test_safe_ones_pass(text: str, tmp_path: Path) -> None:
    file = tmp_path / "module.py"
    file.write_text(text)
    assert not list(unsafe_loads.problems(file))
