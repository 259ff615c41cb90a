"""What imports cost: graphs are there, and the largest benchmark is read, without torch (half a gigabyte)."""

import subprocess
import sys

import pytest
from tests.tables import record_writer

import contrastive_nas.graphs
from contrastive_nas.graphs.tracing.tracer import trace


def test_graphs_are_imported_without_torch() -> None:
    code = (
        "import sys, contrastive_nas.graphs, contrastive_nas.graphs.storage.store; "
        "sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_trace_is_found_when_it_is_asked_for() -> None:
    assert contrastive_nas.graphs.trace is trace


def test_other_names_are_not_found() -> None:
    with pytest.raises(AttributeError, match="no attribute 'tracer'"):
        _ = contrastive_nas.graphs.tracer


CODE = """
import sys

from contrastive_nas.tables import read_table

print(len(read_table(sys.argv[1]).frame), "torch" in sys.modules)
"""


def test_nasbench101_is_read_without_torch(tmp_path) -> None:
    path = record_writer.write(tmp_path / "x.tfrecord", record_writer.rows())
    done = subprocess.run(
        [sys.executable, "-c", CODE, str(path)], capture_output=True, text=True, check=True, timeout=300
    )
    assert done.stdout.split() == ["3", "False"]
