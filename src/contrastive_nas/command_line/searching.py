"""``contrastive-nas search``: a search that really trains networks, without a Kedro project."""

import json
import logging
import math
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from contrastive_nas.command_line.networks import parse_options
from contrastive_nas.command_line.output import AsJson, Quiet, show_json, table_text
from contrastive_nas.errors import InputError
from contrastive_nas.quantities import LARGEST_SEED

if TYPE_CHECKING:
    from contrastive_nas.evaluators.parameters import TrainingParameters
    from contrastive_nas.search.parameters import SearchParameters
    from contrastive_nas.search.run import SearchResult
    from contrastive_nas.spaces.base import SearchSpace
    from contrastive_nas.training.config import DataSettings

logger = logging.getLogger(__name__)
HISTORY, SUMMARY, LABELS = "history.csv", "summary.json", "labels"
# Recipes of seconds to minutes a training, for handwritten digits and for photographs.
RECIPES = {"digits": "digits_short"}
OTHER_RECIPE = "cifar10_fast"
# Held out of other images: a tenth, as of handwritten digits a third would leave few to train on.
HELD_OUT = {"digits": 500}
OTHER_SHARE = 10
# Labels of the first round, and of each that follows.
ROUND = 5
# How the parts of a data set are called in its folder.
TEST_PARTS = ("test", "val", "valid", "validation")


def search(
    space: Annotated[str, typer.Argument(help="A space's name, or file.py:Class.")],
    out: Annotated[
        Path, typer.Option(help="Folder for the results; the same command continues a stopped search.")
    ],
    data: Annotated[
        str,
        typer.Option(
            help="Training images: 'digits'; a Parquet file; a folder with a folder of images per class; or "
            "a folder with both parts, train and test. Looked for here, then in CONTRASTIVE_NAS_DATA."
        ),
    ] = "digits",
    test_data: Annotated[
        str | None, typer.Option(help="Test images, if --data does not hold both parts.")
    ] = None,
    trainings: Annotated[int, typer.Option(min=1, help="Number of networks to train.")] = 20,
    repeats: Annotated[
        int,
        typer.Option(min=1, max=100, help="Number of trainings of each network; their mean is its accuracy."),
    ] = 1,
    seed: Annotated[int, typer.Option(min=0, max=LARGEST_SEED, help="Random seed of the search.")] = 0,
    recipe: Annotated[
        str | None,
        typer.Option(
            help="How a network is trained: a recipe's name or a YAML file; by default "
            f"{RECIPES['digits']} for digits, else {OTHER_RECIPE}."
        ),
    ] = None,
    epochs: Annotated[
        int | None,
        typer.Option(min=1, help="Number of passes over the training images; by default the recipe's."),
    ] = None,
    train_images: Annotated[
        int | None,
        typer.Option(min=1, help="Number of images to train on; by default all that are not held out."),
    ] = None,
    valid_images: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="Number of training images to hold out; their accuracy chooses the network; by default "
            f"{HELD_OUT['digits']} of digits, else a tenth.",
        ),
    ] = None,
    limit: Annotated[
        list[str] | None,
        typer.Option(metavar="COST=NUMBER", help="Largest cost of a network: macs=3e8, parameters=1e6."),
    ] = None,
    options: Annotated[str, typer.Option(help="Options of the space, as JSON.")] = "{}",
    workers: Annotated[
        int,
        typer.Option(
            min=0, max=1024, help="Number of processes that train networks; 0 means one per processor."
        ),
    ] = 0,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Search SPACE for the best network by training some of its networks, and test it in new trainings."""
    from contrastive_nas.evaluators.training import TrainingEvaluator
    from contrastive_nas.evaluators.workers import UnusableImagesError

    start = time.perf_counter()
    with _wrong_use():
        known_options = parse_options(options)
        known, limits = _limited(space, known_options, limit or [])
        training = _training(
            known, _find_data(data, test_data), recipe, epochs, (train_images, valid_images), repeats, workers
        )
        parameters = _parameters(trainings, limits, seed)
        _check_folder(out)
    logger.info(_intention(known, training, trainings))
    with TrainingEvaluator(space, training, known_options, labels=out / LABELS) as evaluator:
        try:
            result = _searched(known, evaluator, parameters, out)
        except UnusableImagesError as error:
            raise typer.BadParameter(str(error)) from None
        logger.info("Training %s again with new seeds, for its test accuracy", result.best_architecture)
        test = evaluator.final_accuracy(result.best_architecture)
        summary = _summary(known, result, test, training, seed) | evaluator.quality()
    summary["seconds"] = round(time.perf_counter() - start, 1)
    _write(out / SUMMARY, json.dumps(summary, indent=1) + "\n")
    if as_json:
        show_json(summary)
    else:
        typer.echo(_in_words(summary, out))


@contextmanager
def _wrong_use() -> Iterator[None]:
    """Tells what the command cannot be carried out for, before anything is trained."""
    try:
        yield
    except InputError as error:
        raise typer.BadParameter(str(error)) from None


def _limited(
    name: str, options: dict[str, Any], given: Sequence[str]
) -> "tuple[SearchSpace, dict[str, float]]":
    """The space, and limits that some of its networks respect."""
    from contrastive_nas.latency.parameters import LATENCY
    from contrastive_nas.spaces import load_space
    from contrastive_nas.spaces.costs import Costs
    from contrastive_nas.spaces.wrapped.limited import LimitedSpace

    space, pairs = load_space(name, **options), [_parse_limit(text) for text in given]
    limits = dict(pairs)
    if len(limits) < len(pairs):
        raise InputError("--limit names a cost twice: give each cost once")
    # What is to be measured is checked once it is.
    counted = {name: value for name, value in limits.items() if name != LATENCY}
    if counted:
        LimitedSpace(space, Costs(space, list(counted)), list(counted.values()))
    return space, limits


def _parse_limit(text: str) -> tuple[str, float]:
    name, _, number = text.partition("=")
    try:
        value = float(number)
    except ValueError:
        value = math.nan
    if not 0 < value < math.inf:
        raise InputError(f"--limit {text!r} is not COST=NUMBER with a number above 0, such as macs=3e8")
    return name.strip(), value


def _find_data(data: str, test_data: str | None) -> "DataSettings":
    """Where the images are, and of which kind."""
    from contrastive_nas.training.config import DataSettings
    from contrastive_nas.training.data.open import source_kind
    from contrastive_nas.typed import read_typed

    if data == "digits":
        if test_data is not None:
            raise InputError("--test-data: the digits have test images of their own, leave it out")
        return DataSettings(kind="digits", name="digits", workers=0)
    train, test = _parts(_existing("--data", data), test_data)
    for path in (train, test):
        if path.is_file() and path.suffix not in (".parquet", ".tar"):
            raise InputError(f"{path} is neither a Parquet file, a tar shard, nor a folder of images")
    kind = source_kind(str(train))
    if kind != source_kind(str(test)):
        raise InputError(f"{train} and {test} hold images in different formats")
    values = {"kind": kind, "name": Path(data).stem, "train": str(train), "test": str(test), "workers": 0}
    return read_typed(DataSettings, values)


def _parts(path: Path, test_data: str | None) -> tuple[Path, Path]:
    """Training and test images of a data set."""
    if test_data is not None:
        return path, _existing("--test-data", test_data)
    for ending in ("", ".parquet"):
        train = path / f"train{ending}"
        tests = [path / f"{part}{ending}" for part in TEST_PARTS if (path / f"{part}{ending}").exists()]
        if train.exists() and tests:
            return train, tests[0]
    raise InputError(
        f"--data {path} does not say which images are for the test: name them with --test-data, or name a "
        "folder that holds train and test, or train.parquet and test.parquet"
    )


def _existing(option: str, path: str) -> Path:
    from contrastive_nas.execution.datasets.raw_file import find_raw_file

    try:
        return find_raw_file(Path(path))
    except InputError as error:
        raise InputError(f"{option}: {error}") from None


def _training(
    space: "SearchSpace",
    data: "DataSettings",
    recipe: str | None,
    epochs: int | None,
    images: tuple[int | None, int | None],
    repeats: int,
    workers: int,
) -> "TrainingParameters":
    """How networks are trained; looks at the images' labels, and at one network."""
    from contrastive_nas.evaluators.parameters import TrainingParameters
    from contrastive_nas.training.data.open import open_sources
    from contrastive_nas.training.recipe import load_recipe
    from contrastive_nas.training.short import split_training_images
    from contrastive_nas.typed import read_typed

    name = recipe or RECIPES.get(data.kind, OTHER_RECIPE)
    known = load_recipe(name)
    if known.augmentation.kind != "batch":
        raise InputError(
            f"--recipe {name} augments single images; short trainings take one that augments batches"
        )
    overrides: dict[str, Any] = {}
    if epochs is not None:  # the rise of the learning rate keeps its share
        warmup = known.schedule.warmup_epochs * epochs / known.epochs
        overrides = {"epochs": epochs, "schedule": {"warmup_epochs": warmup}}
    train, _ = open_sources(data, _count_classes(space))
    chosen, held_out = images
    values = {
        "data": data,
        "recipe": name,
        "overrides": overrides,
        "train_images": chosen,
        "valid_images": held_out or HELD_OUT.get(data.kind) or max(len(train) // OTHER_SHARE, 1),
        "seeds": tuple(range(repeats)),
        "workers": workers,
    }
    found = read_typed(TrainingParameters, values)
    split_training_images(train, found)
    return found


def _count_classes(space: "SearchSpace") -> int:
    """Outputs of a random network of the space."""
    import numpy as np

    from contrastive_nas.training.network import count_outputs

    drawn = space.sample(np.random.default_rng(0), 1)
    if len(drawn) != 1:
        raise InputError(f"{space.name}: sample(rng, 1) gives {len(drawn)} architectures in place of one")
    architecture = space.read(drawn[0])
    channels, height, width = space.image_shape(architecture)
    if height != width:
        raise InputError(
            f"{space.name}: networks take images of {height} x {width}; training needs square images"
        )
    return count_outputs(space.build(architecture), channels, height)


def _parameters(trainings: int, limits: dict[str, float], seed: int) -> "SearchParameters":
    from contrastive_nas.search.parameters import SearchParameters
    from contrastive_nas.typed import read_typed

    first = min(ROUND, trainings)
    values = {"queries": trainings, "initial": first, "batch": ROUND, "limits": limits, "seed": seed}
    return read_typed(SearchParameters, values)


def _check_folder(folder: Path) -> None:
    import tempfile

    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise InputError(f"--out {folder} cannot be written: {error.strerror}") from None


def _intention(space: "SearchSpace", training: "TrainingParameters", trainings: int) -> str:
    from contrastive_nas.training.recipe import load_recipe

    epochs = load_recipe(training.recipe, training.overrides).epochs
    times = "once" if len(training.seeds) == 1 else f"{len(training.seeds)} times"
    networks = "1 network," if trainings == 1 else f"{trainings} networks, each"
    return (
        f"Searching {space.name}: {networks} trained {times} on {training.data.name} "
        f"for {'1 epoch' if epochs == 1 else f'{epochs} epochs'} ({training.recipe})"
    )


def _searched(
    space: "SearchSpace", evaluator: Any, parameters: "SearchParameters", out: Path
) -> "SearchResult":
    """The search; its history is written when it ends."""
    from contrastive_nas.search.run import run_search

    evaluator.prepare()  # processes start while the ranker is made
    result = run_search(space, evaluator, parameters, folder=out)
    _write(out / HISTORY, result.history.to_csv(index=False))
    return result


def _write(file: Path, text: str) -> None:
    from contrastive_nas.files import atomic_path

    with atomic_path(file) as path:
        path.write_text(text, encoding="utf-8")


def _summary(
    space: "SearchSpace", result: "SearchResult", test: float, training: "TrainingParameters", seed: int
) -> dict[str, Any]:
    """What was found and how; accuracies in percent. Nothing is known of networks that were not trained."""
    import pandas as pd

    from contrastive_nas.search.summary import summarise

    others = pd.DataFrame(columns=["architecture", "valid", "test"])
    found = summarise(
        result.history, others, others[:0], space, label="valid", test="test", best_test_accuracy=test
    )
    return {
        "space": space.name,
        "seed": seed,
        **found,
        "basis": result.basis,
        "training": training.model_dump(mode="json"),
    }


def _in_words(summary: dict[str, Any], out: Path) -> str:
    from contrastive_nas.quantities import duration
    from contrastive_nas.reporting.endings import describe_search

    ending = describe_search(summary)
    files = f"{out}: {HISTORY}, {SUMMARY}, ledger-*.jsonl; every training in {LABELS}/"
    rows = [*ending.rows, ("Time", duration(summary["seconds"])), ("Files", files)]
    return f"{ending.headline}\n{table_text(rows)}"
