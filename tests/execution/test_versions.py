"""Artifacts land whole or not at all, and are known by their content."""

import errno
import resource
from pathlib import Path

import pytest

from contrastive_nas.execution.datasets import JsonArtifact, PathArtifact
from contrastive_nas.execution.datasets.artifact import UnusableArtifact
from contrastive_nas.execution.hashing import Checksums
from contrastive_nas.execution.versions import StorageError, Versions

ORIGIN = {"fingerprint": "f" * 64}
OTHER = {"fingerprint": "e" * 64}


def checksums(folder: Path) -> Checksums:
    return Checksums(folder / "memory.json")


def test_versions_are_found_by_fingerprint_and_shown_by_the_link(tmp_path: Path) -> None:
    versions = Versions(tmp_path / "data" / "numbers.txt")
    first = versions.add(ORIGIN, lambda path: path.write_text("1"))
    second = versions.add(OTHER, lambda path: path.write_text("2"))
    assert versions.link.read_text() == "2"
    assert versions.current() == second
    assert versions.find(ORIGIN["fingerprint"]) == [first]
    versions.show(first)
    assert versions.link.read_text() == "1"
    assert versions.all() == [second, first]


def test_folders_are_artifacts_too(tmp_path: Path) -> None:
    dataset = PathArtifact(str(tmp_path / "model"))

    def write(path: Path) -> None:
        path.mkdir()
        (path / "weights").write_bytes(b"123")

    dataset.save(write)
    assert (dataset.load() / "weights").read_bytes() == b"123"
    (tmp_path / "model" / "weights").write_bytes(b"124")
    with pytest.raises(UnusableArtifact, match="model is damaged"):
        dataset.load()


def test_equal_results_are_kept_once(tmp_path: Path) -> None:
    versions = Versions(tmp_path / "numbers.txt")
    for _ in range(2):
        versions.add(ORIGIN, lambda path: path.write_text("1"))
    assert len(versions.all()) == 1
    for _ in range(2):
        versions.add(None, lambda path: path.write_text("1"))
    assert len(versions.all()) == 2


def test_a_damaged_version_is_replaced_by_the_next(tmp_path: Path) -> None:
    versions = Versions(tmp_path / "numbers.txt")
    damaged = versions.add(ORIGIN, lambda path: path.write_text("1"))
    damaged.path.write_text("2")
    assert not damaged.is_whole(checksums(tmp_path))
    good = versions.add(ORIGIN, lambda path: path.write_text("1"))
    assert versions.find(ORIGIN["fingerprint"]) == [good, damaged]
    assert versions.link.read_text() == "1"


def test_a_writer_that_fails_leaves_what_was_there(tmp_path: Path) -> None:
    dataset = PathArtifact(str(tmp_path / "numbers.txt"))
    dataset.save(lambda path: path.write_text("1"))

    def full(path: Path) -> None:
        path.write_text("half")
        raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(StorageError, match=r"cannot write .*numbers\.txt: No space left on device"):
        dataset.save(full)
    assert dataset.load().read_text() == "1"
    assert len(list(dataset.versions.folder.iterdir())) == 1


def test_a_limit_of_the_system_leaves_what_was_there(tmp_path: Path) -> None:
    dataset = JsonArtifact(str(tmp_path / "numbers.json"))
    dataset.save([1])
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, limits[1]))
    try:
        with pytest.raises(StorageError, match=r"cannot write .*numbers\.json: File too large"):
            dataset.save(list(range(1000)))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert dataset.load() == [1]


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError, match=r"cannot write .*file/numbers\.json: Not a directory"):
        JsonArtifact(str(tmp_path / "file" / "numbers.json")).save([1])


def test_not_a_number_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Exception, match="not JSON compliant"):
        JsonArtifact(str(tmp_path / "numbers.json")).save({"tau": float("nan")})
    assert not (tmp_path / "numbers.json").exists()
