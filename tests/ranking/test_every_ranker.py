"""The shipped contract, over all rankers of the registry; and what the registry says of bad names."""

import numpy as np
import pytest

from contrastive_nas.errors import InputError
from contrastive_nas.graphs.schema import IntArray
from contrastive_nas.ranking.base import FloatArray, Posterior, Ranker
from contrastive_nas.ranking.encoder.features import EncoderFeatures
from contrastive_nas.ranking.graph_source import GraphSource
from contrastive_nas.ranking.registry import (
    create_ranker,
    create_ranker_with,
    list_rankers,
    ranker_options,
    takes_encoder,
)
from contrastive_nas.ranking.space_ranker import SpaceRanker, create_space_ranker
from contrastive_nas.ranking.transfer.weights import load_transfer
from contrastive_nas.ranking.zero_cost.proxies import PROXY_NAMES
from contrastive_nas.ranking.zero_cost.table import ProxyTable
from contrastive_nas.spaces import load_space
from contrastive_nas.spaces.wrapped.pool import Pool
from contrastive_nas.testing import check_ranker
from contrastive_nas.testing.ranker import example_graphs

WHOLE = load_space("nasbench201", channels=4, cells=1)
SPACE = Pool(WHOLE, list(dict.fromkeys(WHOLE.sample(np.random.default_rng(0), 60))))
# What searches and ``rank`` are likely to use, and the simplest; the others take longer.
QUICK = ("kriging", "transfer", "comparator", "gaussian_process", "macs", "ctnas")
# Networks are built and run: minutes each.
BUILT = {"statistics_and_proxies", *list_rankers("*az_nas"), *list_rankers("*vkdnw*"), *PROXY_NAMES} - {
    "synflow"
}
PROXIES = ProxyTable(load_space("nasbench201"))
GIVEN = {
    "space": lambda: load_space("nasbench201"),
    "model": lambda: load_transfer().without("nasbench201"),
    "features": EncoderFeatures,
    "proxies": lambda: PROXIES,
}


def make(name: str) -> Ranker:
    return create_ranker_with(name, GIVEN)


@pytest.mark.parametrize("name", QUICK)
def test_contract(name: str) -> None:
    check_ranker(lambda: make(name))


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in list_rankers() if name not in BUILT.union(QUICK)])
def test_contract_of_the_others(name: str) -> None:
    check_ranker(lambda: make(name))


class Broken(Ranker):
    """Breaks the contract in one of several ways."""

    def __init__(self, how: str) -> None:
        self.how = how

    def _learn(self, graphs: GraphSource, labelled: IntArray, labels: FloatArray, seed: int) -> None:
        self.shift = labels.mean() if self.how == "scale" else 0.0

    def posterior(self, rows: IntArray) -> Posterior:
        mean = np.asarray(rows, dtype=np.float64) + self.shift
        if self.how == "nan":
            mean[0] = np.nan
        return Posterior(mean, np.full(len(rows), 0.0 if self.how == "sure" else 1.0))

    def probability(self, first: IntArray, second: IntArray) -> FloatArray:
        return (
            np.full((len(first), len(second)), 0.6)
            if self.how == "wins"
            else super().probability(first, second)
        )


@pytest.mark.parametrize("how", ["scale", "nan", "sure", "wins"])
def test_the_contract_finds_what_is_broken(how: str) -> None:
    with pytest.raises(AssertionError):
        check_ranker(lambda: Broken(how), example_graphs())
    check_ranker(lambda: Broken("not"), example_graphs())


def test_names_and_options() -> None:
    assert {"transfer", "stacked", "comparator", "gaussian_process", "ctnas", "trees"} <= set(list_rankers())
    assert list_rankers("comparator*") == [
        "comparator",
        "comparator_described_graphs",
        "comparator_self_training",
        "comparator_squared_error",
    ]
    assert set(PROXY_NAMES) <= set(list_rankers())
    with pytest.raises(InputError, match="ranker 'transfr' is unknown: did you mean 'transfer'"):
        create_ranker("transfr")
    with pytest.raises(InputError, match="ranker 'transfer' has no option 'modl': did you mean 'model'"):
        create_ranker("transfer", modl=3)
    with pytest.raises(InputError, match="ranker 'trees' needs the option space"):
        create_ranker("trees")


def test_who_takes_an_encoder_is_known_without_importing_it() -> None:
    for name in list_rankers():
        assert takes_encoder(name) == ("features" in ranker_options(name)), name


def test_a_users_own_ranker(tmp_path) -> None:
    file = tmp_path / "own.py"
    file.write_text(
        "from contrastive_nas.ranking.gaussian_process.ranker import GaussianProcessRanker\n"
        "class Own(GaussianProcessRanker):\n    pass\nOther = object\n"
    )
    assert type(create_ranker(f"{file}:Own", space=SPACE)).__name__ == "Own"
    with pytest.raises(InputError, match=r"is not a contrastive_nas\.ranking\.base\.Ranker"):
        create_ranker(f"{file}:Other")


def test_scores_that_are_no_numbers_are_named() -> None:
    names = SPACE.sample(np.random.default_rng(0), 5)
    ranker = SpaceRanker(Broken("nan"), SPACE)
    ranker.fit(names[:2], np.array([1.0, 2.0]))
    with pytest.raises(InputError, match=r"Broken returned nan for .*: a ranker has to give a finite number"):
        ranker.scores(names)


def test_a_model_that_knows_the_searched_space_alone_is_refused() -> None:
    model = load_transfer()
    for name in model.spaces[1:]:
        model = model.without(name)
    with pytest.raises(InputError, match="no other space is left to learn from"):
        model.without(model.spaces[0])
    assert "nasbench201" not in _learned_from("nasbench201")


def _learned_from(name: str) -> dict[str, float]:
    ranker = create_space_ranker("transfer", SPACE, seed=0)
    ranker.fit([], np.zeros(0))
    return ranker.basis["similarity"]
