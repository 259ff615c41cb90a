import numpy as np
import pytest
from scipy.special import ndtri
from scipy.stats import rankdata

from contrastive_nas.ranking.transfer.space_scale import SpaceScale, similarity


def test_statistics_are_taken_as_normal_quantiles_of_their_ranks():
    values = np.random.default_rng(0).integers(0, 40, (300, 2)).astype(float) ** 3
    points = SpaceScale.of(values).standardise(values)
    for column in range(2):
        np.testing.assert_allclose(points[:, column], ndtri((rankdata(values[:, column]) - 0.5) / 300))


def test_networks_that_were_not_looked_at_have_a_place_too():
    scale = SpaceScale.of(np.array([[1.0, 5.0], [2.0, 5.0], [3.0, 5.0], [4.0, 5.0]]))
    points = scale.standardise(np.array([[2.5, 5.0], [-100.0, 7.0], [100.0, 5.0]]))
    np.testing.assert_allclose(points[:, 0], ndtri([0.5, 0.125, 0.875]), atol=1e-12)
    # What does not vary says nothing, also where another network differs.
    assert (points[:, 1] == 0).all()


def test_correlation_is_that_of_the_quantiles():
    rng = np.random.default_rng(1)
    values = rng.normal(size=(3000, 4)) @ rng.normal(size=(4, 4))
    expected = np.corrcoef(np.stack([rankdata(column) for column in values.T]))
    # Rank correlations and those of normal scores differ little for Gaussians.
    np.testing.assert_allclose(SpaceScale.of(values).correlation, expected, atol=0.03)


def test_similarity_of_spaces():
    rng = np.random.default_rng(2)
    common = rng.normal(size=(6, 6))
    first, second = (SpaceScale.of(rng.normal(size=(5000, 6)) @ common) for _ in range(2))
    rescaled = SpaceScale.of(rng.normal(size=(5000, 6)) @ common * 1000 + 7)
    other = SpaceScale.of(rng.normal(size=(5000, 6)) @ rng.normal(size=(6, 6)))
    assert similarity(first.correlation, first.correlation) == pytest.approx(1)
    assert similarity(first.correlation, second.correlation) > 0.99
    assert similarity(first.correlation, rescaled.correlation) > 0.99
    assert similarity(first.correlation, other.correlation) < 0.9


def test_spaces_that_differ_in_different_things_have_nothing_to_do_with_each_other():
    varied, same = np.random.default_rng(3).normal(size=(50, 3)), np.zeros((50, 3))
    first = SpaceScale.of(np.concatenate([varied, same], axis=1))
    second = SpaceScale.of(np.concatenate([same, varied], axis=1))
    assert similarity(first.correlation, second.correlation) == 0


def test_a_space_of_equal_networks_is_like_none():
    equal = SpaceScale.of(np.ones((5, 3)))
    assert similarity(equal.correlation, equal.correlation) == 0
