"""Training networks as queries: same bits, one training a function, failures recorded."""

import io
import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image
from pydantic import ValidationError
from sklearn.datasets import load_digits

from contrastive_nas.errors import InputError
from contrastive_nas.evaluators.parameters import TrainingParameters
from contrastive_nas.evaluators.training import TrainingEvaluator
from contrastive_nas.spaces import load_space
from contrastive_nas.training.config import DataSettings, ShortSettings
from contrastive_nas.training.data.arrays import digits_source
from contrastive_nas.training.short import ShortTraining, split_training_images

ARCHITECTURE = "s8|plain:k3d1w16|residual:k1d1e1w16|inverted:k3d1e1w16"
OTHER = "s4|separable:k3d1w4|plain:k1d1w16|plain:k3d1w16"
ONE_EPOCH: dict[str, Any] = {"epochs": 1, "schedule": {"warmup_epochs": 0.25}}
TWO_EPOCHS = ONE_EPOCH | {"epochs": 2}
FAILING_SPACE = """
from pathlib import Path
from contrastive_nas.spaces.compact_cnn import CompactCNN

class Broken(CompactCNN):
    def build(self, architecture):
        if architecture.startswith("s4"):
            with Path(__file__).with_name("built").open("a") as stream:
                stream.write("x")
            raise RuntimeError("no such layer")
        return super().build(architecture)
"""
# Networks that differ by what the graph holds as an attribute (slope), and by what it does not hold (axis).
ATTRIBUTES_SPACE = """
import torch
from torch import nn
from contrastive_nas.graphs import trace
from contrastive_nas.spaces import Choice, SearchSpace

class Axis(nn.Module):
    def __init__(self, axis):
        super().__init__()
        self.axis = axis

    def forward(self, x):
        return torch.cummax(x, self.axis)[0]

class Attributes(SearchSpace):
    name = "attributes"
    choices = (Choice("attribute", ("slope 0.01", "slope -1.0", "axis 2", "axis 3")),)
    size, classes, input_shape = 4, 10, (1, 8, 8)

    def decode(self, decisions):
        return self.choices[0].options[decisions[0]]

    def encode(self, architecture):
        return (self.choices[0].options.index(architecture),)

    def build(self, architecture):
        kind, value = architecture.split()
        layer = nn.LeakyReLU(float(value)) if kind == "slope" else Axis(int(value))
        return nn.Sequential(layer, nn.Flatten(), nn.Linear(64, 64), layer if kind == "slope" else nn.ReLU(),
                             nn.Linear(64, 10))

    def graph(self, architecture):
        return trace(self.build(architecture), self.input_shape)
"""


def png(rng: np.random.Generator) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(rng.integers(0, 256, (12, 12, 3), dtype=np.uint8)).save(buffer, "PNG")
    return buffer.getvalue()


def training(**overrides: Any) -> ShortTraining:
    return ShortTraining(ShortSettings(overrides=overrides), channels=1, size=8, classes=10)


def train(architecture: str, seed: int, **overrides: Any) -> tuple[float, torch.Tensor]:
    torch.manual_seed(seed)
    network = load_space("compact_cnn").build(architecture)
    score = training(**overrides)(network, seed)
    return score.test_accuracy, torch.cat([weights.flatten() for weights in network.parameters()])


def test_parts_are_stratified_and_disjoint() -> None:
    source, test = digits_source(train=True), digits_source(train=False)
    chosen, held_out = split_training_images(source, ShortSettings())
    parts = [
        np.array([np.asarray(part.read(n, 1)) for n in range(len(part))]) for part in (chosen, held_out, test)
    ]
    assert [len(part) for part in parts] == [597, 500, 700]
    everything = np.concatenate(parts).reshape(1797, -1)
    np.testing.assert_array_equal(np.unique(everything, axis=0), np.unique(load_digits().data, axis=0))
    for part in (chosen, held_out, test):
        np.testing.assert_allclose(np.bincount(part.labels) / len(part), 0.1, atol=0.01)


def test_some_of_the_images_can_be_trained_on() -> None:
    settings = ShortSettings(train_images=100, valid_images=50)
    chosen, held_out = split_training_images(digits_source(train=True), settings)
    assert (len(chosen), len(held_out)) == (100, 50)
    too_many = ShortSettings(train_images=1000, valid_images=500)
    with pytest.raises(InputError, match="1097 training images cannot be split into 1000 and 500"):
        split_training_images(digits_source(train=True), too_many)


def test_same_seed_gives_the_same_bits() -> None:
    first, again, other = (train(ARCHITECTURE, seed, **TWO_EPOCHS) for seed in (0, 0, 1))
    assert first[0] == again[0]
    assert torch.equal(first[1], again[1])
    assert not torch.equal(first[1], other[1])


def test_divergence_ends_a_training() -> None:
    with pytest.raises(InputError, match="loss is nan in epoch 1"):
        train(ARCHITECTURE, 0, **ONE_EPOCH, optimizer={"learning_rate": 1e30})


def test_a_recipe_that_is_not_there_is_named() -> None:
    with pytest.raises(ValidationError, match="recipe 'digit' is unknown"):
        TrainingParameters(recipe="digit")
    with pytest.raises(ValidationError, match="epochs is 0: Input should be greater than 0"):
        TrainingParameters(overrides={"epochs": 0})


def test_images_are_those_of_a_file(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    rows = [{"image": {"bytes": png(rng)}, "label": n % 3} for n in range(60)]
    pd.DataFrame(rows).to_parquet(tmp_path / "images.parquet")
    path = str(tmp_path / "images.parquet")
    data = DataSettings(kind="parquet", name="noise", train=path, test=path)
    parameters = TrainingParameters(data=data, valid_images=30, overrides=ONE_EPOCH, seeds=(0,), workers=1)
    options: dict[str, object] = {"input_shape": [3, 12, 12], "classes": 3}
    with TrainingEvaluator("compact_cnn", parameters, options) as evaluator:
        (found,) = evaluator.evaluate([ARCHITECTURE])
    assert found.error == ""
    assert 0 <= found.accuracy <= 100


def test_functions_are_trained_once_and_answers_keep_their_order() -> None:
    parameters = TrainingParameters(overrides=ONE_EPOCH, seeds=(0,), workers=2)
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
    parameters = TrainingParameters(overrides=ONE_EPOCH, seeds=(0,), workers=1)
    with TrainingEvaluator(f"{file}:Broken", parameters) as evaluator:
        bad, good = evaluator.evaluate([OTHER, ARCHITECTURE])
    assert math.isnan(bad.accuracy)
    assert "no such layer" in bad.error
    assert good.accuracy > 10


def test_a_network_that_fails_is_not_trained_with_further_seeds(tmp_path: Path) -> None:
    file = tmp_path / "broken.py"
    file.write_text(FAILING_SPACE)
    parameters = TrainingParameters(overrides=ONE_EPOCH, seeds=(0, 1, 2), workers=1)
    with TrainingEvaluator(f"{file}:Broken", parameters) as evaluator:
        (bad,) = evaluator.evaluate([OTHER])
        again = evaluator.evaluate([OTHER])
    assert "no such layer" in bad.error
    assert again[0].origin == "cached"
    assert (tmp_path / "built").read_text() == "x"


def test_an_accuracy_does_not_depend_on_who_trains_what() -> None:
    found = []
    for workers in (1, 3):
        parameters = TrainingParameters(overrides=ONE_EPOCH, seeds=(0, 1, 2), workers=workers)
        with TrainingEvaluator("compact_cnn", parameters) as evaluator:
            found.append([one.scores for one in evaluator.measure([ARCHITECTURE, OTHER])])
    accuracies = [[[(s.valid_accuracy, s.test_accuracy) for s in one] for one in scores] for scores in found]
    assert accuracies[0] == accuracies[1]


def test_a_search_looks_at_no_test_image(tmp_path: Path) -> None:
    parameters = TrainingParameters(overrides=ONE_EPOCH, seeds=(0,), workers=1)
    with TrainingEvaluator("compact_cnn", parameters, labels=tmp_path) as evaluator:
        (query,) = evaluator.evaluate([ARCHITECTURE])
        (file,) = tmp_path.iterdir()
        (kept,) = [json.loads(line) for line in file.read_text().splitlines()[1:]]
        assert kept["test_accuracy"] is None
        assert kept["valid_accuracy"] == query.accuracy
        # Whoever wants both has the network trained again, to the same validation accuracy.
        (both,) = evaluator.measure([ARCHITECTURE])
    assert both.valid_accuracy == query.accuracy
    assert both.test_accuracy > 0


def test_the_largest_network_of_a_batch_begins_first(monkeypatch: pytest.MonkeyPatch) -> None:
    begun: list[str] = []
    begin = TrainingEvaluator._begin

    def noted(evaluator: TrainingEvaluator, architecture: str, *rest: Any, **options: Any) -> Any:
        begun.append(architecture)
        return begin(evaluator, architecture, *rest, **options)

    monkeypatch.setattr(TrainingEvaluator, "_begin", noted)
    parameters = TrainingParameters(overrides=ONE_EPOCH, seeds=(0,), workers=1)
    with TrainingEvaluator("compact_cnn", parameters) as evaluator:
        answers = evaluator.evaluate([OTHER, ARCHITECTURE])
    assert [answer.architecture for answer in answers] == [OTHER, ARCHITECTURE]
    assert begun == [ARCHITECTURE, OTHER]


def test_a_final_accuracy_comes_with_its_spread() -> None:
    parameters = TrainingParameters(overrides=ONE_EPOCH, seeds=(0,), workers=1)
    with TrainingEvaluator("compact_cnn", parameters, final_seeds=(7, 8)) as evaluator:
        assert evaluator.quality() == {}
        mean = evaluator.final_accuracy(ARCHITECTURE)
        (found,) = evaluator.measure([ARCHITECTURE], (7, 8))
        quality = evaluator.quality()
    first, second = (score.test_accuracy for score in found.scores)
    assert mean == (first + second) / 2
    assert quality == {"final_trainings": 2, "final_deviation": pytest.approx(abs(first - second) / 2**0.5)}


def test_images_that_are_not_there_end_the_search(tmp_path: Path) -> None:
    data = DataSettings(kind="parquet", name="own", train=str(tmp_path / "none.parquet"), test="test.parquet")
    parameters = TrainingParameters(data=data, seeds=(0,), workers=1)
    with (
        TrainingEvaluator("compact_cnn", parameters) as evaluator,
        pytest.raises(InputError, match=r"none\.parquet cannot be read"),
    ):
        evaluator.evaluate([ARCHITECTURE, OTHER])


def test_s2_networks_that_differ_by_an_attribute_are_trained_each(tmp_path: Path) -> None:
    file = tmp_path / "attributes.py"
    file.write_text(ATTRIBUTES_SPACE)
    names = ["slope 0.01", "slope -1.0", "axis 2", "axis 3"]
    settings = TrainingParameters(overrides=ONE_EPOCH, seeds=[0], workers=1)
    with TrainingEvaluator(f"{file}:Attributes", settings) as evaluator:
        answers = evaluator.evaluate(names)
    assert [answer.origin for answer in answers] == ["trained"] * 4
