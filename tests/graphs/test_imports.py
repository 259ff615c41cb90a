"""What importing the package of graphs costs."""

import subprocess
import sys

import pytest

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
