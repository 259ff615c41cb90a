"""Which networks are measured, against all alternatives."""

import numpy as np

from contrastive_nas.latency.design import choose_rows

LEVEL, NOISE = 9.0, 0.01


def unknown_after(features: np.ndarray, rows: list[int]) -> float:
    """Sum over rows of the posterior variance of what differs between them, by the joint Gaussian."""
    centred = features - features.mean(axis=0)
    cross = centred @ features[rows].T
    covariance = features[rows] @ features[rows].T + LEVEL + NOISE * np.eye(len(rows))
    left = centred @ centred.T - cross @ np.linalg.solve(covariance, cross.T)
    return float(np.trace(left))


def test_every_row_is_the_best_next_one() -> None:
    features = np.random.default_rng(0).normal(size=(30, 4)) * [2.0, 1.0, 0.5, 0.1]
    chosen: list[int] = []
    for row in choose_rows(features, NOISE, 5, LEVEL):
        others = [other for other in range(30) if other not in chosen]
        assert row == min(others, key=lambda other: unknown_after(features, [*chosen, other]))
        chosen.append(row)


def test_no_row_is_chosen_twice_and_no_more_than_there_are() -> None:
    features = np.random.default_rng(1).normal(size=(6, 3))
    assert sorted(choose_rows(features, NOISE, 10, LEVEL)) == list(range(6))


def test_leaves_less_unknown_than_random_rows() -> None:
    rng = np.random.default_rng(2)
    features = rng.normal(size=(500, 8)) * np.geomspace(1, 0.1, 8)
    chosen = unknown_after(features, choose_rows(features, NOISE, 10, LEVEL))
    drawn = [unknown_after(features, rng.permutation(500)[:10].tolist()) for _ in range(50)]
    assert chosen < min(drawn)
