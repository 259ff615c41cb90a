"""The largest benchmark is read and checked without torch, which takes half a gigabyte."""

import subprocess
import sys

import record_writer

CODE = """
import sys

from contrastive_nas.tables import read_table

print(len(read_table(sys.argv[1]).frame), "torch" in sys.modules)
"""


def test_nasbench101(tmp_path) -> None:
    path = record_writer.write(tmp_path / "x.tfrecord", record_writer.rows())
    done = subprocess.run(
        [sys.executable, "-c", CODE, str(path)], capture_output=True, text=True, check=True, timeout=300
    )
    assert done.stdout.split() == ["3", "False"]
