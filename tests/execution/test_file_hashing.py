"""Content is read once as long as nothing changed, and again as soon as anything may have."""

import hashlib
import os
import time
from pathlib import Path

import pytest

from contrastive_nas.execution import hashing
from contrastive_nas.execution.hashing import SETTLED_NS, Checksums


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The files whose content was read."""
    names: list[str] = []
    real = hashing._content

    def content(name: str) -> str:
        names.append(Path(name).name)
        return real(name)

    monkeypatch.setattr(hashing, "_content", content)
    return names


def settle() -> None:
    time.sleep(1.5 * SETTLED_NS / 1e9)


def test_unchanged_content_is_read_once_over_many_runs(tmp_path: Path, reads: list[str]) -> None:
    file = tmp_path / "large.bin"
    file.write_bytes(b"0" * (3 << 20))
    settle()
    for _ in range(3):
        checksums = Checksums(tmp_path / "memory.json")
        assert checksums.of(file) == hashlib.sha256(file.read_bytes()).hexdigest()
        checksums.flush()
    assert reads == ["large.bin"]


def test_a_change_that_hides_itself_is_seen(tmp_path: Path, reads: list[str]) -> None:
    file = tmp_path / "table"
    file.write_text("1 2 3 4")
    settle()
    checksums = Checksums(tmp_path / "memory.json")
    before = checksums.of(file)
    stat = file.stat()
    file.write_text("1 2 3 5")
    os.utime(file, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    assert file.stat().st_mtime_ns == stat.st_mtime_ns
    assert checksums.of(file) != before
    assert len(reads) == 2


def test_what_was_written_just_now_is_not_trusted(tmp_path: Path, reads: list[str]) -> None:
    file = tmp_path / "fresh"
    file.write_text("a")
    checksums = Checksums(tmp_path / "memory.json")
    checksums.of(file)
    checksums.of(file)
    assert len(reads) == 2


def test_a_folder_has_the_checksum_of_its_names_and_files(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    (folder / "inner").mkdir(parents=True)
    (folder / "a").write_text("1")
    (folder / "inner" / "b").write_text("2")
    checksums = Checksums(tmp_path / "memory.json")
    first = checksums.of(folder)
    (folder / "a").rename(folder / "c")
    assert checksums.of(folder) != first
    (folder / "c").rename(folder / "a")
    assert checksums.of(folder) == first


def test_a_damaged_memory_costs_time_only(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("x")
    memory = tmp_path / "memory.json"
    memory.write_text("{")
    checksums = Checksums(memory)
    assert len(checksums.of(file)) == 64
    checksums.flush()
    assert Checksums(memory)._known
