"""Latencies of all networks from ten, on devices whose truth is known, and on real ones."""

from functools import cache
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import spearmanr

from contrastive_nas.errors import InputError
from contrastive_nas.graphs.costs import multiply_accumulates
from contrastive_nas.graphs.schema import column
from contrastive_nas.graphs.statistics.kinds import KINDS, node_kinds
from contrastive_nas.latency.device_table import DeviceTable, device_of, read_device_table
from contrastive_nas.latency.predictor import Descriptions, LatencyPredictor
from contrastive_nas.latency.simulated import count_work
from contrastive_nas.spaces import load_space

SPACE = load_space("nasbench201")
NETWORKS = SPACE.sample(np.random.default_rng(5), 700)


@cache
def descriptions() -> Descriptions:
    return Descriptions(SPACE)


@cache
def latencies(device: int) -> np.ndarray:
    """Milliseconds of ``NETWORKS`` on a device with its own rates of launches, products and traffic."""
    work = count_work(SPACE, NETWORKS)
    rng = np.random.default_rng([device, 77])
    traffic = column(work.operations, "in_shape").astype(float).prod(axis=1)
    rates = rng.uniform(0.3, 3, size=(3, len(KINDS)))[:, node_kinds(work.operations)]
    time = (
        rates[0] * 0.005 + rates[1] * multiply_accumulates(work.operations) * 3e-8 + rates[2] * traffic * 3e-7
    )
    return np.asarray(work.counts @ time * np.exp(0.02 * rng.normal(size=len(NETWORKS))))


def table(devices: range, rows: slice = slice(None)) -> DeviceTable:
    values = np.stack([latencies(device)[rows] for device in devices], axis=1)
    return DeviceTable(tuple(NETWORKS[rows]), tuple(f"d{device}x" for device in devices), values)


def fitted(known: DeviceTable | None, truth: np.ndarray, candidates: int = 300) -> LatencyPredictor:
    predictor = LatencyPredictor(descriptions(), known)
    chosen = predictor.choose(NETWORKS[:candidates], 10)
    assert len(set(chosen)) == 10
    predictor.fit({name: float(truth[NETWORKS.index(name)]) for name in chosen})
    return predictor


@pytest.mark.parametrize("devices", [None, range(1, 6)])
def test_ten_networks_tell_of_all(devices: range | None) -> None:
    truth = latencies(0)
    found = fitted(None if devices is None else table(devices), truth).predict(NETWORKS)
    assert spearmanr(found.milliseconds, truth).statistic > 0.97
    assert np.median(np.abs(found.milliseconds / truth - 1)) < 0.06
    assert ((found.low <= truth) & (truth <= found.high)).mean() > 0.8
    assert (found.low < found.milliseconds).all()
    assert (found.milliseconds < found.high).all()


def test_known_tables_of_other_networks_help_too() -> None:
    truth = latencies(0)
    rest = np.arange(300, 700)
    found = fitted(table(range(1, 6), slice(0, 300)), truth, 700).predict([NETWORKS[row] for row in rest])
    assert spearmanr(found.milliseconds, truth[rest]).statistic > 0.96


def test_gaps_in_known_tables_are_filled() -> None:
    known = table(range(1, 6))
    holes = np.random.default_rng(0).random(known.milliseconds.shape) < 0.3
    gappy = DeviceTable(known.architectures, known.devices, np.where(holes, np.nan, known.milliseconds))
    found = fitted(gappy, latencies(0)).predict(NETWORKS)
    assert spearmanr(found.milliseconds, latencies(0)).statistic > 0.96


def test_same_input_same_answer() -> None:
    first, second = (fitted(table(range(1, 4)), latencies(0)).predict(NETWORKS[:50]) for _ in range(2))
    np.testing.assert_array_equal(first.milliseconds, second.milliseconds)
    np.testing.assert_array_equal(first.high, second.high)


def test_units_do_not_matter() -> None:
    predictor = LatencyPredictor(descriptions())
    measured = {name: float(value) for name, value in zip(NETWORKS[:10], latencies(0), strict=False)}
    predictor.fit(measured)
    whole = predictor.predict(NETWORKS[:40]).milliseconds
    predictor.fit({name: 1000 * value for name, value in measured.items()})
    np.testing.assert_allclose(predictor.predict(NETWORKS[:40]).milliseconds, 1000 * whole)


def test_bad_measurements_are_refused() -> None:
    predictor = LatencyPredictor(descriptions())
    with pytest.raises(InputError, match="no latency was measured"):
        predictor.predict(NETWORKS[:2])
    with pytest.raises(InputError, match="not from 2"):
        predictor.fit(dict.fromkeys(NETWORKS[:2], 1.0))
    with pytest.raises(InputError, match=r"is -1\.0: milliseconds"):
        predictor.fit(dict.fromkeys(NETWORKS[:5], -1.0))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("device", "least"), [("titan_rtx_32", 0.96), ("gold_6240", 0.93), ("titanx_256", 0.94)]
)
def test_real_devices_are_ranked_from_ten_networks(data_folder: Path, device: str, least: float) -> None:
    whole = read_device_table(data_folder / "nasbench201_latency.parquet", SPACE)
    rows = np.random.default_rng(0).permutation(len(whole.architectures))[:2000]
    part = DeviceTable(
        tuple(whole.architectures[row] for row in rows), whole.devices, whole.milliseconds[rows]
    )
    truth = part.of(device)
    known = part.keep([name for name in part.devices if device_of(name) != device_of(device)])
    predictor = LatencyPredictor(descriptions(), known)
    chosen = predictor.choose(part.architectures, 10)
    predictor.fit({name: float(truth[part.architectures.index(name)]) for name in chosen})
    found = predictor.predict(part.architectures)
    assert spearmanr(found.milliseconds, truth).statistic > least
