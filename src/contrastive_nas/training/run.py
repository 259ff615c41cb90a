"""One training run from settings to exported network."""

import json
import logging
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import torch
from lightning_fabric import Fabric
from torch import nn

from contrastive_nas.checkpoints import Checkpoints
from contrastive_nas.errors import InputError
from contrastive_nas.files import atomic_path
from contrastive_nas.spaces.registry import load_space
from contrastive_nas.training.config import RunSettings
from contrastive_nas.training.data.open import open_sources
from contrastive_nas.training.data.prepare import Images, Preprocessing, prepare_images
from contrastive_nas.training.data.transforms import Preparation
from contrastive_nas.training.devices import make_deterministic, make_fabric
from contrastive_nas.training.export import Header, load_network, save_network
from contrastive_nas.training.loss import Renormalised
from contrastive_nas.training.network import (
    Built,
    NetworkName,
    build_network,
    channels_last_is_safe,
    count_outputs,
    latency,
)
from contrastive_nas.training.onnx_export import export_onnx, require_onnx
from contrastive_nas.training.plan import TrainingPlan
from contrastive_nas.training.recipe import Recipe, load_recipe
from contrastive_nas.training.regularisation import WithAuxiliaryHead
from contrastive_nas.training.results import WEIGHTS
from contrastive_nas.training.scoring import Score
from contrastive_nas.training.seeding import seed_generators
from contrastive_nas.training.supernet.inherited import inherited_weights
from contrastive_nas.training.supernet.weights_file import file_digest
from contrastive_nas.training.timm_export import export_timm
from contrastive_nas.training.trainer import Epoch, Trainer
from contrastive_nas.training.update import make_updater

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Metrics:
    """What a run reports, written as ``metrics.json``.

    Attributes:
        space: name of the space.
        architecture: of the network.
        dataset: name of the data set.
        recipe: name of the recipe.
        seed: of the run.
        test_top1_accuracy: percent, after the last epoch.
        test_top5_accuracy: percent, after the last epoch.
        epochs: of the plan.
        seconds: of training and testing.
        macs: multiply-accumulates for one image.
        params: trainable parameters.
        images_per_second: of training, over all devices, mean.
        devices: processes.
        latency_milliseconds: of one image on the CPU.
        corrupt_images: left out.
        onnx_difference: largest relative difference of a logit; None without that export.
    """

    space: str
    architecture: str
    dataset: str
    recipe: str
    seed: int
    test_top1_accuracy: float
    test_top5_accuracy: float
    epochs: int
    seconds: float
    macs: int
    params: int
    images_per_second: float
    devices: int
    latency_milliseconds: float
    corrupt_images: int
    onnx_difference: float | None


def retrain(settings: RunSettings) -> None:
    """Train, test and export a network; the first process writes into ``settings.output``.

    Raises:
        InputError: settings, images or network cannot be used.
    """
    if "onnx" in settings.exports:
        require_onnx()
    make_deterministic()
    fabric = make_fabric(settings.device, settings.precision)
    recipe = load_recipe(settings.recipe, settings.overrides)
    built = build_network(network_name(settings), settings.data.image_size, settings.seed)
    if settings.supernet is not None:
        space = load_space(settings.space, **settings.space_options)
        built.network.load_state_dict(inherited_weights(settings.supernet, space, settings.architecture))
    sources = open_sources(settings.data, built.classes)
    images = prepare_images(settings.data, recipe, sources, built.channels, built.size)
    plan = TrainingPlan(recipe, images.samples, fabric.world_size, settings.accumulation, settings.seed)
    if fabric.is_global_zero:
        logger.info("%s\n%s", settings.architecture, plan.describe())
    trainer = _make_trainer(settings, built, images, plan, fabric)
    history = trainer.run()
    score = trainer.score()
    corrupt = _corrupt_images(fabric, images)
    trained = trainer.result()
    if fabric.is_global_zero:
        _write_results(settings, built, images, plan, history, score, corrupt, trained)
    fabric.barrier()


def network_name(settings: RunSettings) -> NetworkName:
    """Return the network that settings ask for."""
    return NetworkName(settings.space, settings.space_options, settings.architecture)


def _make_trainer(
    settings: RunSettings, built: Built, images: Images, plan: TrainingPlan, fabric: Fabric
) -> Trainer:
    recipe, preprocessing = plan.recipe, images.preprocessing
    network = built.network
    if recipe.auxiliary_weight:
        seed_generators("auxiliary", settings.seed)
        network = WithAuxiliaryHead(network, torch.zeros(2, built.channels, built.size, built.size))
    last = settings.channels_last and (fabric.device.type != "cpu" or channels_last_is_safe(network))
    if last:
        network = network.to(memory_format=torch.channels_last)
    if settings.compile:
        network.compile()
    moments = preprocessing.mean, preprocessing.std, fabric.device
    updater = make_updater(
        network,
        plan,
        fabric,
        Preparation(*moments, recipe.augmentation, last),
        built.classes,
        None if settings.teacher is None else _teacher(settings.teacher, built, preprocessing, fabric),
    )
    return Trainer(
        updater,
        images.feed(plan, fabric.global_rank, fabric.device),
        images.test_feed(fabric.global_rank, fabric.world_size),
        Preparation(*moments, channels_last=last),
        Checkpoints(settings.output / "checkpoint", settings.checkpoint_seconds),
        _identity(settings, recipe, plan),
        settings.test_every,
    )


def _identity(settings: RunSettings, recipe: Recipe, plan: TrainingPlan) -> dict[str, Any]:
    """What may not change between the start of a run and its continuation."""
    return {
        "architecture": settings.architecture,
        "space": settings.space,
        "space options": json.dumps(settings.space_options, sort_keys=True),
        "data": settings.data.model_dump_json(exclude={"workers", "train", "test", "images"}),
        "number of training images": plan.samples,
        "recipe": recipe.model_dump_json(),
        "number of devices": plan.devices,
        "accumulation": plan.accumulation,
        "seed": settings.seed,
        "precision": settings.precision,
        "teacher": str(settings.teacher),
        "supernet": settings.supernet and file_digest(settings.supernet),
    }


def _teacher(weights: Path, student: Built, preprocessing: Preprocessing, fabric: Fabric) -> nn.Module:
    """A trained network that takes the student's images.

    Raises:
        InputError: its images or classes are others.
    """
    built, header = load_network(weights)
    if (built.channels, built.classes) != (student.channels, student.classes):
        raise InputError(
            f"teacher {weights} has {built.channels} channels and {built.classes} classes, the student "
            f"{student.channels} and {student.classes}"
        )
    try:
        count_outputs(built.network, student.channels, student.size)
    except InputError as error:
        raise InputError(f"teacher {weights} {error}") from None
    logger.info(
        "teacher: %s, %.2f %% on %s", header.name.architecture, header.test_top1_accuracy, header.dataset
    )
    theirs = header.preprocessing
    adapted = Renormalised(built.network, (preprocessing.mean, preprocessing.std), (theirs.mean, theirs.std))
    return adapted.eval().requires_grad_(False).to(fabric.device)


def _corrupt_images(fabric: Fabric, images: Images) -> int:
    """Different corrupt images over all devices: training images are shared out anew in every epoch."""
    gathered: list[Any] = [None] * fabric.world_size
    if fabric.world_size == 1:
        return len(images.corrupt.messages)
    torch.distributed.all_gather_object(gathered, list(images.corrupt.messages))
    return len({message for messages in gathered for message in messages})


def _write_results(
    settings: RunSettings,
    built: Built,
    images: Images,
    plan: TrainingPlan,
    history: list[Epoch],
    score: Score,
    corrupt: int,
    trained: nn.Module,
) -> None:
    network = trained.network if isinstance(trained, WithAuxiliaryHead) else trained
    network = network.cpu().to(memory_format=torch.contiguous_format).eval()
    classes = images.train.classes or tuple(map(str, range(built.classes)))
    header = Header(
        name=network_name(settings),
        preprocessing=images.preprocessing,
        classes=classes,
        dataset=settings.data.name,
        recipe=settings.recipe,
        test_top1_accuracy=score.top1_accuracy,
        test_top5_accuracy=score.top5_accuracy,
    )
    save_network(network, header, settings.output / WEIGHTS)
    difference = None
    if "onnx" in settings.exports:
        difference = export_onnx(network, built.channels, built.size, settings.output / "network.onnx")
    if "timm" in settings.exports:
        export_timm(network, header, built.macs, settings.output / "timm")
    _write_table(pd.DataFrame([asdict(row) for row in history]), settings.output / "history.parquet")
    confusion = pd.DataFrame(score.confusion.cpu().numpy(), columns=list(classes))
    confusion.insert(0, "class", list(classes))
    _write_table(confusion, settings.output / "confusion.parquet")
    metrics = Metrics(
        space=settings.space,
        architecture=settings.architecture,
        dataset=settings.data.name,
        recipe=settings.recipe,
        seed=settings.seed,
        test_top1_accuracy=score.top1_accuracy,
        test_top5_accuracy=score.top5_accuracy,
        epochs=plan.epochs,
        seconds=history[-1].seconds,
        macs=built.macs,
        params=built.parameters,
        images_per_second=float(len(history) / sum(1.0 / row.images_per_second for row in history)),
        devices=plan.devices,
        latency_milliseconds=latency(network, built.channels, built.size),
        corrupt_images=corrupt,
        onnx_difference=difference,
    )
    with atomic_path(settings.output / "metrics.json") as partial:
        partial.write_text(json.dumps(asdict(metrics), indent=2), encoding="utf-8")
    logger.info("test top-1 %.2f %%, top-5 %.2f %%", score.top1_accuracy, score.top5_accuracy)


def _write_table(table: pd.DataFrame, path: Path) -> None:
    with atomic_path(path) as partial:
        table.to_parquet(partial, index=False)
