"""What is learned from several made-up spaces holds in another one, and is kept in a file as it is."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.linalg import fractional_matrix_power
from scipy.optimize import minimize

from contrastive_nas.errors import InputError
from contrastive_nas.graphs.statistics.network import STATISTICS
from contrastive_nas.ranking.metrics import spearman_rho
from contrastive_nas.ranking.transfer.model import (
    CAPACITY,
    EVIDENCE,
    RELATION_POWER,
    SHARED,
    LabelledSpace,
    TransferModel,
    fit_transfer,
)
from contrastive_nas.ranking.transfer.space_scale import SpaceScale, similarity
from contrastive_nas.ranking.transfer.weights import load_transfer, save_transfer

WIDTH = len(STATISTICS)


def made_up(name: str, seed: int, direction: np.ndarray, noise: float = 0.3) -> LabelledSpace:
    """A space with its own units of statistics and of accuracies; good is what lies in ``direction``."""
    rng = np.random.default_rng(seed)
    points = rng.normal(size=(400, WIDTH))
    good = points @ direction / np.linalg.norm(direction) + noise * rng.normal(size=400)
    statistics = rng.normal(0, 5, WIDTH) + points * rng.uniform(0.1, 10, WIDTH)
    return LabelledSpace(name, statistics, 90 + np.exp(rng.normal() + good / 3))


def few(seed: int) -> np.ndarray:
    """A direction with a dozen statistics."""
    rng = np.random.default_rng(seed)
    return np.where(np.arange(WIDTH) < 12, rng.normal(size=WIDTH), 0)


@pytest.fixture(scope="module")
def spaces() -> list[LabelledSpace]:
    return [made_up(f"space{seed}", seed, few(0)) for seed in range(4)]


@pytest.fixture(scope="module")
def model(spaces: list[LabelledSpace]) -> TransferModel:
    return fit_transfer(spaces[:3])


def scores(model: TransferModel, space: LabelledSpace) -> np.ndarray:
    return model.scores(space.statistics, SpaceScale.of(space.statistics))


def test_a_space_without_labels_is_ranked(spaces: list[LabelledSpace], model: TransferModel) -> None:
    assert spearman_rho(scores(model, spaces[3]), spaces[3].labels) > 0.75
    alone = fit_transfer(spaces[:1])
    assert spearman_rho(scores(alone, spaces[3]), spaces[3].labels) < spearman_rho(
        scores(model, spaces[3]), spaces[3].labels
    )


def test_only_comparisons_within_a_space_count(spaces: list[LabelledSpace], model: TransferModel) -> None:
    moved = [
        LabelledSpace(space.name, space.statistics, np.exp(number * space.labels / 20) - 1e6 * number)
        for number, space in enumerate(spaces[:3], start=1)
    ]
    np.testing.assert_array_equal(scores(fit_transfer(moved), spaces[3]), scores(model, spaces[3]))


def test_units_of_a_space_do_not_matter(spaces: list[LabelledSpace], model: TransferModel) -> None:
    given = spaces[3]
    other = LabelledSpace("other", given.statistics * 4 + 3, given.labels)
    np.testing.assert_allclose(scores(model, other), scores(model, given), atol=1e-6)


def test_probabilities_are_calibrated_on_spaces_left_out(
    spaces: list[LabelledSpace], model: TransferModel
) -> None:
    """Not sure where spaces contradict each other, sure where they agree."""
    contrary = [made_up(f"space{seed}", seed, few(seed)) for seed in range(4)]
    unsure = fit_transfer(contrary[:3])
    assert np.ptp(scores(unsure, contrary[3])) < 0.3 * np.ptp(scores(model, spaces[3]))
    gaps = np.subtract.outer(scores(model, spaces[3]), scores(model, spaces[3]))
    wins = np.subtract.outer(spaces[3].labels, spaces[3].labels)[gaps > 0] > 0
    assert wins.mean() == pytest.approx((1 / (1 + np.exp(-gaps[gaps > 0]))).mean(), abs=0.06)


def test_weights_are_the_most_probable_ones(spaces: list[LabelledSpace]) -> None:
    """Found by descent on the joint density of all weights, a few statistics varying."""
    varying = 6
    fixed = [
        LabelledSpace(space.name, np.where(np.arange(WIDTH) < varying, space.statistics, 1.0), space.labels)
        for space in spaces
    ]
    model, scale = fit_transfer(fixed[:3]), SpaceScale.of(fixed[3].statistics)
    parts = [*(known[:varying, :varying].astype(float) for known in model.correlations)]
    target = scale.correlation[:varying, :varying]
    relations = np.array([[similarity(a, b) for a in [*parts, target]] for b in [*parts, target]])
    inverse = np.linalg.inv(SHARED + (1 - SHARED) * relations**RELATION_POWER + 1e-6 * np.diag([1, 1, 1, 0]))
    prior = fractional_matrix_power(target / np.linalg.eigvalsh(target).mean(), 0.25)

    def surprise(flat: np.ndarray) -> float:
        weights = flat.reshape(4, varying)
        found = 0.5 * np.einsum("sd,st,td->", weights, inverse, weights)
        for known, trend, own in zip(parts, model.trends[:, :varying], weights @ prior, strict=False):
            found += EVIDENCE * (0.5 * own @ known @ own - own @ trend)
        return found

    best = minimize(surprise, np.zeros(4 * varying), method="BFGS", options={"gtol": 1e-7}).x
    shared = SHARED + (1 - SHARED) * model.relations(scale) ** RELATION_POWER
    found = model._transferred(scale, shared)
    np.testing.assert_allclose(found[:varying], prior @ best[-varying:], atol=1e-4)
    assert not found[varying:].any()


def test_where_no_space_is_near_networks_are_counted(
    spaces: list[LabelledSpace], model: TransferModel
) -> None:
    far = replace(model, correlations=model.correlations[:, ::-1].copy())
    scale = SpaceScale.of(spaces[3].statistics)
    assert far.relations(scale).max() < 0.6 < model.relations(scale).max()
    assert set(np.flatnonzero(far.weights(scale))) <= set(CAPACITY)
    assert len(np.flatnonzero(model.weights(scale))) == WIDTH


def test_only_networks_that_were_trained_alike_are_compared(spaces: list[LabelledSpace]) -> None:
    """A recipe that makes everything better is worth nothing."""
    space = spaces[0]
    groups = np.arange(400) % 2
    apart = [fit_transfer([LabelledSpace("a", space.statistics, space.labels + 50 * groups * up, groups)])
             for up in (0, 1)]  # fmt: skip
    np.testing.assert_array_equal(apart[0].trends, apart[1].trends)
    assert np.corrcoef(apart[0].trends[0], fit_transfer([space]).trends[0])[0, 1] > 0.95


def test_networks_unlike_all_that_is_known(spaces: list[LabelledSpace], model: TransferModel) -> None:
    known = np.concatenate([space.statistics for space in spaces[:3]])
    assert model.unlike(known).max() < 0.02
    strange = known[:1].copy()
    strange[0, :7] = 1e6
    assert model.unlike(strange) == pytest.approx([7 / WIDTH], abs=0.02)


def test_missing_labels_are_left_out(spaces: list[LabelledSpace]) -> None:
    known = spaces[0]
    labels = np.where(np.arange(400) < 100, np.nan, known.labels)
    found = fit_transfer([LabelledSpace("a", known.statistics, labels)])
    assert np.isfinite(found.trends).all()
    assert np.corrcoef(found.trends[0], fit_transfer(spaces[:1]).trends[0])[0, 1] > 0.9


def test_few_labels_among_many_networks_calibrate_probabilities(spaces: list[LabelledSpace]) -> None:
    rare = np.where(np.arange(4000) % 400 < 2, np.tile(spaces[0].labels, 10), np.nan)
    many = LabelledSpace("many", np.tile(spaces[0].statistics, (10, 1)), rare)
    assert np.isfinite(fit_transfer([many, spaces[1]]).temperatures).all()


@pytest.mark.parametrize("case", ["none", "twice", "equal"])
def test_what_cannot_be_learned_from_is_refused(spaces: list[LabelledSpace], case: str) -> None:
    given = {
        "none": [],
        "twice": [spaces[0], spaces[0]],
        "equal": [LabelledSpace("flat", spaces[0].statistics, np.ones(400))],
    }[case]
    with pytest.raises(InputError, match="transfer"):
        fit_transfer(given)


def test_a_file_holds_the_model_exactly(spaces, model: TransferModel, tmp_path) -> None:
    save_transfer(model, tmp_path / "a.safetensors")
    again = load_transfer(tmp_path / "a.safetensors")
    assert again.spaces == model.spaces
    np.testing.assert_array_equal(scores(again, spaces[3]), scores(model, spaces[3]))
    save_transfer(again, tmp_path / "b.safetensors")
    assert (tmp_path / "a.safetensors").read_bytes() == (tmp_path / "b.safetensors").read_bytes()


def test_other_files_are_refused(tmp_path) -> None:
    with pytest.raises(InputError, match="no such file"):
        load_transfer(tmp_path / "absent")
    (tmp_path / "broken").write_bytes(b"nothing")
    with pytest.raises(InputError, match="not a file of a transfer model"):
        load_transfer(tmp_path / "broken")
