"""Training networks as queries: same bits, one training a function, failures recorded."""

import math
from pathlib import Path

import numpy as np
import pytest
import torch

from contrastive_nas.evaluators.parameters import TrainingParameters
from contrastive_nas.evaluators.training import TrainingEvaluator
from contrastive_nas.retraining.short import Images, learning_rates, train_short
from contrastive_nas.retraining.short_data import load_digits_images
from contrastive_nas.retraining.short_recipe import ShortRecipe
from contrastive_nas.spaces import load_space

ARCHITECTURE = "s8|plain:k3d1w8|residual:k1d1e1w8|inverted:k3d1e1w16"
OTHER = "s4|separable:k3d1w4|plain:k1d1w8|plain:k3d1w8"
FAILING_SPACE = """
from torch import nn
from contrastive_nas.spaces.compact_cnn import CompactCNN

class Broken(CompactCNN):
    def build(self, architecture):
        if architecture.startswith("s4"):
            raise RuntimeError("no such layer")
        return super().build(architecture)
"""


@pytest.fixture(scope="module")
def digits() -> Images:
    return load_digits_images()


def train(digits: Images, architecture: str, seed: int, recipe: ShortRecipe) -> tuple[float, torch.Tensor]:
    torch.manual_seed(seed)
    network = load_space("compact_cnn").build(architecture)
    score = train_short(network, digits, recipe, seed)
    return score.test_accuracy, torch.cat([weights.flatten() for weights in network.parameters()])


def test_parts_are_stratified_and_disjoint(digits: Images) -> None:
    parts = (digits.train, digits.valid, digits.test)
    assert [len(part.labels) for part in parts] == [597, 500, 700]
    rows = torch.cat([part.images.flatten(1) for part in parts])
    assert len(torch.unique(rows, dim=0)) == len(np.unique(rows.numpy(), axis=0)) == 1797
    for part in parts:
        shares = torch.bincount(part.labels, minlength=10) / len(part.labels)
        assert torch.allclose(shares, torch.full((10,), 0.1), atol=0.01)


def test_same_seed_gives_the_same_bits(digits: Images) -> None:
    recipe = ShortRecipe(epochs=2)
    first, again, other = (train(digits, ARCHITECTURE, seed, recipe) for seed in (0, 0, 1))
    assert first[0] == again[0]
    assert torch.equal(first[1], again[1])
    assert not torch.equal(first[1], other[1])


def test_learning_rate_peaks_where_the_recipe_says() -> None:
    rates = learning_rates(ShortRecipe(learning_rate=0.4, warm_up=0.25), 40)
    assert max(rates) == pytest.approx(0.4)
    assert rates.index(max(rates)) in (9, 10)
    assert np.all(np.diff(rates[:10]) > 0)
    assert np.all(np.diff(rates[11:]) < 0)


def test_divergence_is_recorded_not_raised(digits: Images) -> None:
    score, _ = train(digits, ARCHITECTURE, 0, ShortRecipe(epochs=1, learning_rate=1e30))
    assert math.isnan(score)


def test_functions_are_trained_once_and_answers_keep_their_order() -> None:
    parameters = TrainingParameters(recipe=ShortRecipe(epochs=1), seeds=(0,), workers=2)
    with TrainingEvaluator("compact_cnn", parameters) as evaluator:
        found = evaluator.evaluate([OTHER, ARCHITECTURE, OTHER])
        again = evaluator.evaluate([ARCHITECTURE])
    assert [one.architecture for one in found] == [OTHER, ARCHITECTURE, OTHER]
    assert [one.origin for one in found] == ["trained", "trained", "cached"]
    assert found[0].accuracy == found[2].accuracy
    assert again[0].origin == "cached"
    assert found[1].seconds > 0
    assert again[0].seconds == 0


def test_a_network_that_fails_is_recorded(tmp_path: Path) -> None:
    file = tmp_path / "broken.py"
    file.write_text(FAILING_SPACE)
    parameters = TrainingParameters(recipe=ShortRecipe(epochs=1), seeds=(0,), workers=1)
    with TrainingEvaluator(f"{file}:Broken", parameters) as evaluator:
        bad, good = evaluator.evaluate([OTHER, ARCHITECTURE])
    assert math.isnan(bad.accuracy)
    assert "no such layer" in bad.error
    assert good.accuracy > 10
