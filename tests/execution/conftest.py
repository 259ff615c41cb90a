"""Fixtures of the tests of the caching runner."""

import sys
from pathlib import Path

import pytest
from tiny_project import TinyProject


@pytest.fixture
def tiny(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> TinyProject:
    """A project of its own, never run; the process stands in its folder."""
    monkeypatch.delenv("CONTRASTIVE_NAS_DATA", raising=False)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.path", list(sys.path))
    return TinyProject.create(tmp_path)
