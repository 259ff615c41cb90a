"""Searches in which latency counts: limits hold on what was measured."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from contrastive_nas.errors import InputError
from contrastive_nas.latency import measured as measured_module
from contrastive_nas.latency.measuring import Device, Measured
from contrastive_nas.search.parameters import SearchParameters
from contrastive_nas.search.run import run_search
from contrastive_nas.spaces import load_space
from contrastive_nas.spaces.base import SearchSpace

SPACE = load_space("compact_cnn")


def milliseconds(architecture: str) -> float:
    """With luck of its own for each network, which no prediction knows."""
    graph = SPACE.graph(architecture)
    luck = 1 + 0.2 * np.sin(sum(map(ord, architecture)))
    return float(luck * (0.01 * len(graph) + 1e-5 * graph.out_shape.prod(axis=1).sum()))


def accuracy(architecture: str) -> float:
    return float(50 + 4 * np.log(milliseconds(architecture)))


class FormulaDevice(Device):
    """Gives what :func:`milliseconds` says."""

    @property
    def identity(self) -> dict[str, str]:
        return {"kind": "formula"}

    def measure(self, space: SearchSpace, architecture: str) -> Measured:
        return Measured(milliseconds(architecture))


@pytest.fixture(autouse=True)
def _a_device(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(measured_module, "open_device", lambda _: FormulaDevice())


def limit() -> float:
    return float(np.median([milliseconds(name) for name in SPACE.sample(np.random.default_rng(3), 60)]))


@pytest.mark.parametrize(
    "strategy",
    [
        "random",
        pytest.param("default", marks=pytest.mark.slow),
        pytest.param("nsga2", marks=pytest.mark.slow),
    ],
)
def test_every_network_that_is_paid_for_keeps_the_limit(strategy: str, tmp_path: Path) -> None:
    parameters = SearchParameters(queries=12, strategy=strategy, limits={"latency": limit()})
    found = run_search(SPACE, accuracy, parameters, folder=tmp_path)
    assert len(found.history) == 12
    truth = [milliseconds(name) for name in found.history["architecture"]]
    np.testing.assert_allclose(found.history["milliseconds"], truth)
    assert max(truth) <= limit()
    # Killed and started again it goes on alike.
    again = run_search(SPACE, accuracy, parameters, folder=tmp_path)
    pd.testing.assert_frame_equal(found.history, again.history)


def test_latency_is_an_objective() -> None:
    parameters = SearchParameters(queries=10, strategy="random", objectives=("latency",))
    found = run_search(SPACE, accuracy, parameters)
    truth = [milliseconds(name) for name in found.history["architecture"]]
    np.testing.assert_allclose(found.history["latency"], truth)
    assert found.history["on_front"].any()
    assert found.history["hypervolume"].is_monotonic_increasing


def test_a_column_of_the_table_is_not_measured() -> None:
    names = list(dict.fromkeys(SPACE.sample(np.random.default_rng(4), 200)))
    table = pd.DataFrame({"architecture": names, "latency": np.arange(len(names)) + 1.0})
    from contrastive_nas.spaces.wrapped.pool import Pool

    parameters = SearchParameters(queries=6, strategy="random", limits={"latency": 50.0})
    found = run_search(Pool(SPACE, names), accuracy, parameters, cost_table=table)
    assert "milliseconds" not in found.history
    assert set(found.history["architecture"]) <= set(names[:50])


def test_a_limit_that_nothing_meets_is_refused() -> None:
    parameters = SearchParameters(queries=6, strategy="random", limits={"latency": 1e-6})
    with pytest.raises(InputError, match=r"no architecture .* within latency <= 1e-06 \(least found"):
        run_search(SPACE, accuracy, parameters)
