"""A write lands whole or leaves what was there."""

import errno
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from contrastive_nas.files import atomic_path


@contextmanager
def files_of_at_most(size: int) -> Iterator[None]:
    """The system refuses larger files, as it refuses all on a full disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.parametrize(
    "write",
    [
        lambda path: path.write_bytes(bytes(10_000)),
        # Its errors are none of Python's for files.
        lambda path: save_file({"weights": np.zeros(10_000)}, path),
    ],
    ids=["bytes", "weights"],
)
def test_a_refused_write_is_an_error_of_the_system_and_leaves_the_old_file(write, tmp_path: Path) -> None:
    target = tmp_path / "file"
    target.write_text("old")
    with (
        files_of_at_most(1000),
        pytest.raises(OSError, match="File too large") as refused,
        atomic_path(target) as partial,
    ):
        write(partial)
    assert refused.value.errno == errno.EFBIG
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
    assert target.read_text() == "old"


def test_other_errors_stay_what_they_are(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="wrong"), atomic_path(tmp_path / "file"):
        raise ValueError("wrong")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("place", "kind"),
    [
        ("folder", IsADirectoryError),
        ("text/file", NotADirectoryError),
        ("text/deep/file", NotADirectoryError),
    ],
)
def test_a_place_that_no_file_can_have_is_named(tmp_path: Path, place: str, kind: type[OSError]) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "text").write_text("old")
    with pytest.raises(kind) as refused, atomic_path(tmp_path / place):
        pytest.fail("nothing is written")
    assert refused.value.filename == str(tmp_path / place)
    assert (tmp_path / "text").read_text() == "old"
