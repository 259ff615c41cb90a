"""Recipes are typed and named errors tell what is wrong."""

from pathlib import Path

import pytest

from contrastive_nas.errors import InputError
from contrastive_nas.training.recipe import list_recipes, load_recipe


def test_all_recipes_load() -> None:
    recipes = {name: load_recipe(name) for name in list_recipes()}
    assert {recipe.augmentation.kind for name, recipe in recipes.items() if "imagenet" in name} == {"image"}
    assert all(recipe.source for recipe in recipes.values())


def test_overrides_are_merged() -> None:
    recipe = load_recipe("digits", {"optimizer": {"learning_rate": 0.01}, "epochs": 3})
    assert (recipe.optimizer.learning_rate, recipe.optimizer.name, recipe.epochs) == (0.01, "sgd", 3)


def test_own_file(tmp_path: Path) -> None:
    own = tmp_path / "own.yaml"
    own.write_text(
        "source: me\nepochs: 2\nbatch_size: 4\naugmentation: {kind: batch}\n"
        "optimizer: {name: adamw, learning_rate: 0.001}\nschedule: {kind: cosine}\n"
    )
    assert load_recipe(str(own)).optimizer.name == "adamw"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("epochs: [", "not valid YAML"),
        ("epochs: 2\nmagic: 1", "magic"),
        ("epochs: none", "epochs"),
    ],
)
def test_bad_files(tmp_path: Path, text: str, message: str) -> None:
    bad = tmp_path / "bad.yml"
    bad.write_text(text)
    with pytest.raises(InputError, match=message):
        load_recipe(str(bad))


def test_unknown_names() -> None:
    with pytest.raises(InputError, match="imagenet_resnet"):
        load_recipe("resnet")
    with pytest.raises(InputError, match="learning_speed"):
        load_recipe("digits", {"optimizer": {"learning_speed": 1}})
