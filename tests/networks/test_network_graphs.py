"""Graphs of many networks: in processes, kept, and one failure alone."""

import os
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from contrastive_nas.errors import InputError
from contrastive_nas.graphs import ComputationGraph
from contrastive_nas.networks import tracing
from contrastive_nas.networks.listing import ListedNetwork, list_given
from contrastive_nas.networks.tracing import trace_networks

TWO = ("timm:test_resnet", "timm:test_efficientnet")


def same(first: ComputationGraph, second: ComputationGraph) -> bool:
    parts = ("features", "edges", "attributes")
    return all(np.array_equal(getattr(first, part), getattr(second, part)) for part in parts)


def test_graphs_are_those_of_one_process_and_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    networks = list_given(TWO).networks
    found = trace_networks(networks, workers=2, kept=tmp_path)
    assert [*found.graphs] == [*TWO]
    assert not found.refused
    for network in networks:
        assert same(found.graphs[network.name], network.make())
    assert len([*tmp_path.iterdir()]) == 2
    monkeypatch.setattr(tracing, "_make", None)  # nothing is left to be made
    again = trace_networks(networks, kept=tmp_path)
    assert all(same(again.graphs[name], found.graphs[name]) for name in TWO)


def test_another_size_and_another_tracer_are_made_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (whole,), (small,) = (list_given(TWO[:1], size).networks for size in (None, (64, 64)))
    first = trace_networks([whole], kept=tmp_path).graphs[TWO[0]]
    second = trace_networks([small], kept=tmp_path).graphs[TWO[0]]
    assert not same(first, second)
    monkeypatch.setattr(tracing, "_tracer", lambda: "another")
    trace_networks([whole], kept=tmp_path)
    assert len([*tmp_path.iterdir()]) == 3


def test_a_damaged_graph_is_made_anew(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    networks = list_given(TWO[:1]).networks
    good = trace_networks(networks, kept=tmp_path).graphs[TWO[0]]
    (file,) = tmp_path.iterdir()
    whole = file.read_bytes()
    for damaged in (b"", b"nonsense", whole[: len(whole) // 2]):
        file.write_bytes(damaged)
        assert same(trace_networks(networks, kept=tmp_path).graphs[TWO[0]], good)
        assert "damaged" in caplog.text
        caplog.clear()
        assert file.read_bytes() == whole


def test_a_folder_that_cannot_be_written_costs_nothing_else(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").write_text("")
    found = trace_networks(list_given(TWO[:1]).networks, kept=tmp_path / "file")
    assert [*found.graphs] == [TWO[0]]
    assert "is not kept for later" in caplog.text


def refuse() -> ComputationGraph:
    raise InputError("it cannot be traced")


def test_one_that_fails_or_kills_its_process_does_not_stop_the_others() -> None:
    networks = [
        ListedNetwork("refused", refuse, elsewhere=False),
        ListedNetwork("killed", partial(os._exit, 1)),
        *list_given(TWO).networks,
    ]
    found = trace_networks(networks, workers=2)
    assert [*found.graphs] == [*TWO]
    assert found.refused["refused"] == "it cannot be traced"
    assert "killed 2 times" in found.refused["killed"]
