"""A store that takes graphs over from an earlier one is the same file as one made anew."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from contrastive_nas.conversion.convert import convert
from contrastive_nas.errors import InputError
from contrastive_nas.graphs.schema import GraphBatch
from contrastive_nas.spaces import list_spaces, load_space
from contrastive_nas.spaces.nasbench201 import NASBench201


class Counting(NASBench201):
    """Notes what it is asked for; as a class of a test's function it would not reach other processes."""

    def __init__(self) -> None:
        super().__init__(cells=1)
        self.made: list[str] = []

    def graphs(self, architectures: Sequence[str]) -> GraphBatch:
        self.made += architectures
        return super().graphs(architectures)


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("contrastive_nas.conversion.convert.ARCHITECTURES_AT_ONCE", 7)


def converted(path: Path, *spaces: tuple, known: Path | None = None, workers: int = 1) -> bytes:
    convert(path, spaces, spectrum_size=4, known=known, workers=workers)
    return path.read_bytes()


@pytest.mark.parametrize("name", list_spaces())
def test_the_same_bytes_in_every_space(tmp_path: Path, name: str) -> None:
    space = load_space(name)
    rng = np.random.default_rng(0)
    architectures = space.sample(rng, 24)
    # Some known, in another order and among others; one chunk is all known, one all new.
    earlier = [*space.sample(rng, 3), *reversed(architectures[:12]), architectures[22]]
    converted(tmp_path / "earlier.arrow", (space, earlier))
    fresh = converted(tmp_path / "fresh.arrow", (space, architectures))
    known = tmp_path / "earlier.arrow"
    assert converted(tmp_path / "grown.arrow", (space, architectures), known=known) == fresh
    # What was put together serves as well as what was made at once.
    known = tmp_path / "grown.arrow"
    assert converted(tmp_path / "again.arrow", (space, architectures), known=known) == fresh


def test_only_what_is_new_is_made(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    space = Counting()
    architectures = list(dict.fromkeys(space.sample(np.random.default_rng(1), 40)))
    converted(tmp_path / "earlier.arrow", (space, architectures[5:]))
    space.made.clear()
    with caplog.at_level("INFO", "contrastive_nas"):
        converted(tmp_path / "s.arrow", (space, architectures), known=tmp_path / "earlier.arrow")
    assert space.made == architectures[:5]
    assert f"5 graphs made, {len(architectures) - 5} taken from the earlier store" in caplog.text


def test_processes_and_several_spaces(tmp_path: Path) -> None:
    small, other = NASBench201(cells=1), NASBench201(cells=1, channels=8)
    other.name = "other"
    architectures = small.sample(np.random.default_rng(2), 30)
    both = ((small, architectures), (other, architectures[::-1]))
    # The same strings mean other graphs in the other space.
    converted(tmp_path / "earlier.arrow", (small, architectures[:20]), (other, architectures[10:12]))
    fresh = converted(tmp_path / "fresh.arrow", *both)
    for workers in (1, 2):
        known = tmp_path / "earlier.arrow"
        assert converted(tmp_path / "grown.arrow", *both, known=known, workers=workers) == fresh


def test_invalid_rows_are_named_by_their_place_in_the_whole_list(tmp_path: Path) -> None:
    space = NASBench201(cells=1)
    architectures = space.sample(np.random.default_rng(3), 20)
    converted(tmp_path / "earlier.arrow", (space, architectures))
    architectures[3], architectures[15] = "broken", "wrong"
    with pytest.raises(InputError, match=r"2 of 20.*row 3: .*broken.*row 15: .*wrong"):
        converted(tmp_path / "s.arrow", (space, architectures), known=tmp_path / "earlier.arrow")
    assert not (tmp_path / "s.arrow").exists()


def test_a_store_of_another_form_is_refused(tmp_path: Path) -> None:
    space = NASBench201(cells=1)
    architectures = space.sample(np.random.default_rng(4), 3)
    convert(tmp_path / "earlier.arrow", [(space, architectures)], spectrum_size=5)
    with pytest.raises(InputError, match="other statistics or another number of eigenvalues"):
        converted(tmp_path / "s.arrow", (space, architectures), known=tmp_path / "earlier.arrow")
    with pytest.raises(InputError, match="no such graph store"):
        converted(tmp_path / "s.arrow", (space, architectures), known=tmp_path / "none.arrow")
