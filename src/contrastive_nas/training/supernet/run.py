"""One training of a supernet, from settings to a file of weights."""

import logging
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

import pandas as pd
from lightning_fabric import Fabric

from contrastive_nas.checkpoints import Checkpoints
from contrastive_nas.errors import InputError
from contrastive_nas.files import atomic_path
from contrastive_nas.identity import digest
from contrastive_nas.spaces.base import SearchSpace
from contrastive_nas.spaces.registry import load_space
from contrastive_nas.training.data.open import open_sources
from contrastive_nas.training.data.prepare import Images, prepare_images
from contrastive_nas.training.data.transforms import Preparation
from contrastive_nas.training.devices import make_deterministic, make_fabric
from contrastive_nas.training.loss import TrainingLoss
from contrastive_nas.training.network import count_outputs
from contrastive_nas.training.plan import TrainingPlan
from contrastive_nas.training.recipe import Recipe, load_recipe
from contrastive_nas.training.scoring import Score, score
from contrastive_nas.training.short import split_training_images
from contrastive_nas.training.supernet.config import SupernetSettings, SupernetTraining
from contrastive_nas.training.supernet.schedules import (
    OnePath,
    Progressive,
    Sandwich,
    Schedule,
    adaptive_alpha,
    kullback_leibler,
)
from contrastive_nas.training.supernet.shared_weights import Supernet
from contrastive_nas.training.supernet.update import SupernetUpdater, make_supernet_updater
from contrastive_nas.training.supernet.weights_file import SupernetHeader, save_supernet
from contrastive_nas.training.trainer import Trainer, settle_statistics

logger = logging.getLogger(__name__)
WEIGHTS, HISTORY = "supernet.safetensors", "history.parquet"
# Batches that statistics are taken of for the test after an epoch; enough for a history.
_BATCHES = 16


class SupernetTrainer(Trainer):
    """A :class:`Trainer` whose tests are of the largest network with statistics of its own."""

    def score(self) -> Score:
        """Return score of the largest network on the held-out images, summed over all devices."""
        updater, device = self._updater, self._updater.fabric.device
        supernet = self.result()
        assert isinstance(supernet, Supernet)
        network = supernet.extract(supernet.active).to(device)
        updates = self._feed.epoch(0)
        batches = (
            batch.images.to(device)
            for _, update in zip(range(_BATCHES), updates, strict=False)
            for batch in update
        )
        settle_statistics(network, map(self._test_preparation, batches))
        return score(network, self._test, self._test_preparation, device).over_devices(updater.fabric)

    def keep(self) -> None:
        """Save the state, so that a run that is started again does not begin this phase anew."""
        if self._updater.fabric.is_global_zero:
            self._checkpoints.save(self._state())


def train_supernet(settings: SupernetSettings) -> None:
    """Train a supernet; the first process writes weights and history into ``settings.output``.

    Raises:
        InputError: settings, images or space cannot be used.
    """
    make_deterministic()
    fabric = make_fabric(settings.device, settings.precision)
    recipe = load_recipe(settings.recipe, settings.overrides)
    check_recipe(recipe)
    space = load_space(settings.space, **settings.space_options)
    supernet = Supernet(space, settings.seed)
    check_schedule(settings, supernet)
    channels, size, classes = _images_of(space, supernet.active)
    train, _ = open_sources(settings.data, classes)
    images = prepare_images(settings.data, recipe, split_training_images(train, settings), channels, size)
    history: list[pd.DataFrame] = []
    teacher: Supernet | None = None
    for phase, plan in enumerate(phase_plans(settings, recipe, images.samples, fabric.world_size, supernet)):
        if fabric.is_global_zero:
            logger.info("supernet of %s, phase %d\n%s", space.name, phase + 1, plan.describe())
        schedule = _schedule(settings, recipe, phase, teacher)
        trainer = _make_trainer(settings, supernet, images, plan, schedule, classes, phase, fabric)
        rows = pd.DataFrame([asdict(row) for row in trainer.run()])
        trainer.keep()
        history.append(rows.assign(phase=phase + 1))
        supernet.load_state_dict(trainer.result().state_dict())
        if phase == 0:
            teacher = _teacher(supernet, fabric)
    if fabric.is_global_zero:
        table = pd.concat(history, ignore_index=True)
        renamed = {name: name.replace("test_", "valid_") for name in table.columns}
        with atomic_path(settings.output / HISTORY) as partial:
            table.rename(columns=renamed).to_parquet(partial, index=False)
        save_supernet(supernet, _header(settings, images, classes), settings.output / WEIGHTS)
    fabric.barrier()


def check_recipe(recipe: Recipe) -> None:
    """Raise InputError where a recipe asks for what networks of shared weights cannot have."""
    if recipe.auxiliary_weight:
        raise InputError("a supernet has no auxiliary head: set auxiliary_weight to 0")
    if recipe.drop_path and recipe.drop_path_grows == "time":
        raise InputError("drop path of a supernet grows with depth: set drop_path_grows to depth")


def check_schedule(settings: SupernetTraining, supernet: Supernet) -> None:
    """Raise InputError where a schedule needs a largest network, and the space has none."""
    if settings.schedule != "one_path" and not supernet.subnetworks.is_elastic:
        raise InputError(
            f"{supernet.space.name} has no largest network, as the schedule {settings.schedule} needs: set "
            "schedule to one_path"
        )


def phase_plans(
    settings: SupernetTraining, recipe: Recipe, samples: int, devices: int, supernet: Supernet
) -> Iterator[TrainingPlan]:
    """Return the plan of every phase; schedules other than ``progressive`` have one."""
    # The first group of choices is free from the start, so that its phase is the teacher's.
    for phase in range(supernet.subnetworks.groups if settings.schedule == "progressive" else 1):
        chosen = recipe
        if phase:
            optimizer = recipe.optimizer.model_copy(
                update={"learning_rate": recipe.optimizer.learning_rate * settings.shrinking_rate}
            )
            chosen = recipe.model_copy(update={"epochs": settings.shrinking_epochs, "optimizer": optimizer})
        yield TrainingPlan(chosen, samples, devices, settings.accumulation, _phase_seed(settings, phase))


def _phase_seed(settings: SupernetTraining, phase: int) -> int:
    seed = settings.seed if isinstance(settings, SupernetSettings) else 0
    # Other orders of images and other networks in every phase.
    return seed + 1_000_003 * phase


def _schedule(settings: SupernetTraining, recipe: Recipe, phase: int, teacher: Supernet | None) -> Schedule:
    loss = TrainingLoss(recipe)
    match settings.schedule:
        case "sandwich":
            divergence = adaptive_alpha if settings.divergence == "alpha" else kullback_leibler
            return Sandwich(loss, settings.random_networks, divergence)
        case "progressive":
            learned = recipe.distillation
            options = teacher if phase else None, learned.weight, learned.temperature
            return Progressive(loss, settings.random_networks, phase + 1, *options)
        case "one_path":
            return OnePath(loss, settings.random_networks)


def _make_trainer(
    settings: SupernetSettings,
    supernet: Supernet,
    images: Images,
    plan: TrainingPlan,
    schedule: Schedule,
    classes: int,
    phase: int,
    fabric: Fabric,
) -> SupernetTrainer:
    moments = images.preprocessing.mean, images.preprocessing.std, fabric.device
    last = settings.channels_last and (fabric.device.type != "cpu" or supernet.channels_last_is_safe())
    preparation = Preparation(*moments, plan.recipe.augmentation, channels_last=last)
    updater: SupernetUpdater = make_supernet_updater(
        supernet.train(), plan, fabric, preparation, schedule, classes
    )
    return SupernetTrainer(
        updater,
        images.feed(plan, fabric.global_rank, fabric.device),
        images.test_feed(fabric.global_rank, fabric.world_size),
        Preparation(*moments, channels_last=last),
        Checkpoints(settings.output / "checkpoint" / str(phase + 1), settings.checkpoint_seconds),
        _identity(settings, plan),
        settings.test_every,
        "largest network, held-out training images",
    )


def _identity(settings: SupernetSettings, plan: TrainingPlan) -> dict[str, Any]:
    """What may not change between the start of a run and its continuation."""
    own = settings.model_dump(
        mode="json",
        exclude={"data", "recipe", "overrides", "output", "checkpoint_seconds", "device", "test_every"},
    )
    return {
        "settings": digest(own),
        "data": settings.data.model_dump_json(exclude={"workers", "train", "test", "images"}),
        "number of training images": plan.samples,
        "recipe": plan.recipe.model_dump_json(),
        "number of devices": plan.devices,
    }


def _images_of(space: SearchSpace, largest: str) -> tuple[int, int, int]:
    """Channels and edge of the largest network's images, and its classes."""
    channels, height, width = space.image_shape(largest)
    if height != width:
        raise InputError(f"{space.name} takes images of {height} x {width}; training needs squares")
    return channels, height, count_outputs(space.build(largest), channels, height)


def _teacher(supernet: Supernet, fabric: Fabric) -> Supernet:
    teacher = Supernet(supernet.space)
    teacher.load_state_dict(supernet.state_dict())
    teacher.requires_grad_(False)
    fabric.to_device(teacher)
    return teacher.train()


def _header(settings: SupernetSettings, images: Images, classes: int) -> SupernetHeader:
    return SupernetHeader(
        space=settings.space,
        space_options=settings.space_options,
        preprocessing=images.preprocessing,
        classes=images.train.classes or tuple(map(str, range(classes))),
        data=settings.data.model_dump(mode="json"),
        recipe=f"{settings.recipe}, {settings.schedule}",
        train_images=settings.train_images,
        valid_images=settings.valid_images,
    )
