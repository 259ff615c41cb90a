from pathlib import Path

import numpy as np
import pytest

from contrastive_nas.conversion.convert import convert
from contrastive_nas.errors import InputError
from contrastive_nas.graphs.canonical_form.canonical import canonical_batch, function_hashes
from contrastive_nas.graphs.statistics.network import STATISTICS, statistics
from contrastive_nas.graphs.statistics.spectrum import spectrum
from contrastive_nas.graphs.storage.store import open_store
from contrastive_nas.spaces.nasbench201 import NASBench201


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("contrastive_nas.conversion.convert.ARCHITECTURES_AT_ONCE", 7)


def test_a_store_holds_what_its_parts_give(tmp_path: Path) -> None:
    small, other = NASBench201(cells=1), NASBench201(cells=1, channels=8)
    other.name = "other"
    architectures = small.sample(np.random.default_rng(0), 30)
    convert(tmp_path / "s.arrow", [(small, iter(architectures)), (other, architectures[:5])], spectrum_size=5)
    store = open_store(tmp_path / "s.arrow")
    assert store.architectures.to_pylist() == architectures + architectures[:5]
    assert store.spaces.to_pylist() == ["nasbench201"] * 30 + ["other"] * 5
    assert store.statistic_names == STATISTICS
    expected = canonical_batch(small.graphs(architectures))
    first = store[:30]
    np.testing.assert_array_equal(first.batch().features, expected.features)
    np.testing.assert_array_equal(first.batch().edges, expected.edges)
    np.testing.assert_array_equal(first.function_hashes, function_hashes(expected))
    np.testing.assert_array_equal(first.statistics, statistics(expected))
    np.testing.assert_array_equal(first.spectrum, spectrum(expected, 5))


def test_graphs_can_be_kept_as_described(tmp_path: Path) -> None:
    space = NASBench201(cells=1)
    architectures = space.sample(np.random.default_rng(1), 10)
    for canonical_form in (True, False):
        convert(
            tmp_path / f"{canonical_form}.arrow",
            [(space, architectures)],
            spectrum_size=0,
            canonical_form=canonical_form,
        )
    described, canonical = open_store(tmp_path / "False.arrow"), open_store(tmp_path / "True.arrow")
    np.testing.assert_array_equal(described.function_hashes, canonical.function_hashes)
    np.testing.assert_array_equal(described.batch().features, space.graphs(architectures).features)


def test_every_invalid_row_is_named_and_nothing_is_written(tmp_path: Path) -> None:
    space = NASBench201(cells=1)
    architectures = space.sample(np.random.default_rng(2), 30)
    for row in (0, 3, 29):
        architectures[row] = f"broken{row}"
    with pytest.raises(InputError) as caught:
        convert(tmp_path / "s.arrow", [(space, architectures)], spectrum_size=0)
    for row in (0, 3, 29):
        assert f"row {row}: " in str(caught.value)
        assert f"broken{row}" in str(caught.value)
    assert "3 of 30" in str(caught.value)
    assert list(tmp_path.iterdir()) == []


def test_any_number_of_processes_writes_the_same_store(tmp_path: Path) -> None:
    space = NASBench201(cells=1)
    architectures = space.sample(np.random.default_rng(3), 40)
    for workers in (1, 2):
        convert(tmp_path / f"{workers}.arrow", [(space, architectures)], spectrum_size=3, workers=workers)
    assert (tmp_path / "1.arrow").read_bytes() == (tmp_path / "2.arrow").read_bytes()


def test_workers_name_every_invalid_row(tmp_path: Path) -> None:
    space = NASBench201(cells=1)
    architectures = space.sample(np.random.default_rng(4), 30)
    architectures[2] = architectures[28] = "broken"
    with pytest.raises(InputError, match=r"2 of 30.*row 2: .*row 28: "):
        convert(tmp_path / "s.arrow", [(space, architectures)], spectrum_size=0, workers=2)
    assert list(tmp_path.iterdir()) == []


def test_a_space_that_cannot_be_sent_is_converted_here(tmp_path: Path) -> None:
    class Local(NASBench201):
        name = "local"

    space = Local(cells=1)
    architectures = space.sample(np.random.default_rng(5), 10)
    convert(tmp_path / "s.arrow", [(space, architectures)], spectrum_size=0, workers=2)
    assert open_store(tmp_path / "s.arrow").architectures.to_pylist() == architectures
