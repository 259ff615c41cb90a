from pathlib import Path

import numpy as np
import pytest

from contrastive_nas.errors import InputError
from contrastive_nas.ranking.zero_cost import table as module
from contrastive_nas.ranking.zero_cost.proxies import PROXIES, PROXY_NAMES, ProxyScores
from contrastive_nas.ranking.zero_cost.table import ProxyTable
from contrastive_nas.spaces.nasbench201 import NASBench201

SPACE = NASBench201(cells=1)
BARE = "|none~0|+|none~0|none~1|+|skip_connect~0|none~1|none~2|"
SAME = "|avg_pool_3x3~0|+|none~0|none~1|+|skip_connect~0|none~1|none~2|"
OTHER = "|avg_pool_3x3~0|+|none~0|none~1|+|skip_connect~0|skip_connect~1|none~2|"


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Replaces the passes by numbers that count up."""
    made: list[int] = []

    def score(build: object, input_shape: object, *, seed: int, groups: object) -> ProxyScores:
        made.append(seed)
        return ProxyScores(dict.fromkeys(PROXY_NAMES, float(len(made))), dict.fromkeys(PROXIES, 0.5))

    monkeypatch.setattr(module, "zero_cost_scores", score)
    return made


def test_a_function_is_scored_once(calls: list[int], tmp_path: Path) -> None:
    table = ProxyTable(SPACE, tmp_path / "folder" / "scores.jsonl", seed=3)
    found = table.scores([BARE, OTHER, SAME, BARE])
    assert found["synflow"].tolist() == [1, 2, 1, 1]
    assert found["az_nas_seconds"].tolist() == [0.5] * 4
    assert calls == [3, 3]
    again = ProxyTable(SPACE, tmp_path / "folder" / "scores.jsonl", seed=3).scores([OTHER, SAME])
    assert again["naswot"].tolist() == [2, 1]
    assert len(calls) == 2


def test_an_interrupted_line_is_computed_again(calls: list[int], tmp_path: Path) -> None:
    path = tmp_path / "scores.jsonl"
    ProxyTable(SPACE, path).scores([BARE, OTHER])
    path.write_bytes(path.read_bytes()[:-20])
    assert ProxyTable(SPACE, path).scores([BARE, OTHER])["synflow"].tolist() == [1, 3]
    assert ProxyTable(SPACE, path).scores([BARE, OTHER])["synflow"].tolist() == [1, 3]
    assert len(calls) == 3


def test_undefined_scores_survive_the_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    values = dict.fromkeys(PROXY_NAMES, float("nan")) | {"trainability": -np.inf}
    monkeypatch.setattr(
        module, "zero_cost_scores", lambda *_, **__: ProxyScores(values, dict.fromkeys(PROXIES, 1.0))
    )
    ProxyTable(SPACE, tmp_path / "scores.jsonl").scores([BARE])
    row = ProxyTable(SPACE, tmp_path / "scores.jsonl").scores([BARE]).iloc[0]
    assert np.isnan(row["snip"])
    assert row["trainability"] == -np.inf


def test_files_of_other_settings_are_refused(calls: list[int], tmp_path: Path) -> None:
    path = tmp_path / "scores.jsonl"
    ProxyTable(SPACE, path, seed=1).scores([BARE])
    with pytest.raises(InputError, match="holds zero-cost scores of"):
        ProxyTable(SPACE, path, seed=2)
    path.write_text("nothing of the kind\n")
    with pytest.raises(InputError, match="not a file of zero-cost scores"):
        ProxyTable(SPACE, path)


def test_an_invalid_architecture_is_refused(calls: list[int]) -> None:
    with pytest.raises(InputError, match="broken"):
        ProxyTable(SPACE).scores([BARE, "broken"])
    assert calls == []


def test_only_the_groups_that_are_asked_for_are_computed(tmp_path: Path) -> None:
    path = tmp_path / "scores.jsonl"
    found = ProxyTable(SPACE, path, groups=["activations"]).scores([BARE])
    assert list(found) == ["naswot", "jacobian_covariance", "activations_seconds"]
    with pytest.raises(InputError, match="holds zero-cost scores of"):
        ProxyTable(SPACE, path)
