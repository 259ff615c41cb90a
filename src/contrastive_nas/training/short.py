"""Short trainings of small networks: what a query of a search costs.

They are retraining with a short recipe, on images that lie decoded in memory; a part of the training images
is held out, and a search may see accuracies on that part alone.
"""

import time
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import nn

from contrastive_nas.checkpoints import Checkpoints
from contrastive_nas.errors import InputError
from contrastive_nas.training.config import ShortSettings
from contrastive_nas.training.data.base import Batch, ImageSource, Subset
from contrastive_nas.training.data.feed import MemoryFeed, decode_all
from contrastive_nas.training.data.open import data_identity, open_sources
from contrastive_nas.training.data.order import Order
from contrastive_nas.training.data.prepare import Images, prepare_images
from contrastive_nas.training.data.transforms import Preparation, test_transform
from contrastive_nas.training.devices import make_fabric
from contrastive_nas.training.network import channels_last_is_safe
from contrastive_nas.training.plan import TrainingPlan
from contrastive_nas.training.recipe import load_recipe
from contrastive_nas.training.scoring import score
from contrastive_nas.training.trainer import Trainer
from contrastive_nas.training.update import make_updater

_TEST_BATCH = 1024
# Part of the identity of every accuracy that is kept. To be raised by whoever changes what may move one: the
# trainer, augmentation, the meaning of a recipe's values, initial weights or layers of this package's spaces.
# By hand, as a checksum of the source would have every label trained again after a comment or a rename.
TRAINING_VERSION = 2


@dataclass(frozen=True)
class ShortScore:
    """Accuracies in percent and processor seconds of one training.

    ``test_accuracy`` is None where nobody asked for it: a search looks at validation images alone.
    """

    valid_accuracy: float
    test_accuracy: float | None
    seconds: float


class ShortTraining:
    """Trains networks that take images of one shape, on one device.

    Args:
        settings: data set, held-out images, recipe.
        channels: of the networks' input.
        size: edge of the networks' input in pixels.
        classes: outputs of the networks.
        device: ``cpu`` or ``cuda``.

    Raises:
        InputError: images or recipe cannot be used, or the device is not there.
    """

    def __init__(
        self, settings: ShortSettings, channels: int, size: int, classes: int, device: str = "cpu"
    ) -> None:
        self._recipe = load_recipe(settings.recipe, settings.overrides)
        self._fabric = make_fabric(device)
        self._classes = classes
        train, test = open_sources(settings.data, classes)
        chosen, held_out = split_training_images(train, settings)
        images = prepare_images(settings.data, self._recipe, (chosen, test), channels, size)
        if images.memory is None:
            raise InputError(
                f"recipe {settings.recipe!r}: short trainings take augmentation of kind batch only"
            )
        self._train = images.memory
        self._valid = _decoded(images, held_out)
        self._test = _decoded(images, test)
        self._moments = images.preprocessing.mean, images.preprocessing.std, self._fabric.device

    def __call__(self, network: nn.Module, seed: int, *, tested: bool = True) -> ShortScore:
        """Trains a network with fresh weights, in place, and scores it once, at the end.

        Args:
            network: on the CPU, from where it is moved.
            seed: of the order of the images.
            tested: whether it is scored on test images too.

        Raises:
            InputError: the loss did not stay finite; the training ends with that epoch.
        """
        start = time.thread_time()
        last = channels_last_is_safe(network)
        memory_format = torch.channels_last if last else torch.contiguous_format
        network = network.to(memory_format=memory_format).train()
        preparation = Preparation(*self._moments, self._recipe.augmentation, channels_last=last)
        test_preparation = Preparation(*self._moments, channels_last=last)
        plan = TrainingPlan(self._recipe, len(self._train.labels), seed=seed)
        updater = make_updater(network, plan, self._fabric, preparation, self._classes)
        trainer = Trainer(
            updater,
            MemoryFeed(self._train, Order(plan, seed)),
            self._valid,
            test_preparation,
            Checkpoints(None),
            identity={},
            test_every=plan.epochs,
            tested="held-out training images",
        )
        valid = trainer.run()[-1].test_top1_accuracy
        test = None
        if tested:
            images = self._test, test_preparation, self._fabric.device
            test = score(trainer.result(), *images).top1_accuracy
        return ShortScore(valid, test, time.thread_time() - start)


def training_identity(settings: ShortSettings, device: str = "cpu") -> dict[str, Any]:
    """Return what decides an accuracy besides network and seed, as plain data.

    These are images, recipe, and the version of this code.

    A recipe counts by its content, not by its name. Kinds of device differ in the last bits, so each has
    accuracies of its own.

    Raises:
        InputError: no such recipe.
    """
    recipe = load_recipe(settings.recipe, settings.overrides)
    return {
        "data": data_identity(settings.data),
        "images": {"train": settings.train_images, "valid": settings.valid_images},
        "recipe": recipe.model_dump(mode="json", exclude={"source"}),
        "version": TRAINING_VERSION,
        **({} if device == "cpu" else {"device": device}),
    }


def split_training_images(source: ImageSource, settings: ShortSettings) -> tuple[Subset, Subset]:
    """Return images to train on and images held out, both with the classes in their proportions.

    The split is part of the data set and follows no seed, so that accuracies of different runs compare.

    Raises:
        InputError: there are not as many images.
    """
    from sklearn.model_selection import train_test_split

    try:
        chosen, held_out = train_test_split(
            np.arange(len(source)),
            train_size=settings.train_images,
            test_size=settings.valid_images,
            stratify=source.labels,
            random_state=0,
        )
    except ValueError:
        classes = len(np.unique(source.labels))
        raise InputError(
            f"{settings.data.name}: {len(source)} training images cannot be split into "
            f"{settings.train_images or 'the rest'} and {settings.valid_images} held out: together they may "
            f"be at most {len(source)}, and each part needs an image of each of the {classes} classes"
        ) from None
    return Subset(source, chosen), Subset(source, held_out)


def _decoded(images: Images, source: ImageSource) -> list[Batch]:
    size, channels = images.preprocessing.size, images.preprocessing.channels
    whole = decode_all(source, test_transform(size, None), channels, images.corrupt)
    return [Batch(*parts) for parts in zip(*(part.split(_TEST_BATCH) for part in whole), strict=True)]
