"""One update of a network: the same for a search's short trainings and for ImageNet."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from lightning_fabric import Fabric
from lightning_fabric.wrappers import _FabricModule
from timm.optim import create_optimizer_v2
from timm.scheduler.scheduler import Scheduler
from timm.utils import ModelEmaV3
from torch import Tensor, nn
from torch.optim import Optimizer

from contrastive_nas.errors import InputError
from contrastive_nas.training.data.base import Batch
from contrastive_nas.training.data.transforms import Preparation
from contrastive_nas.training.loss import Mixing, TrainingLoss
from contrastive_nas.training.plan import TrainingPlan
from contrastive_nas.training.regularisation import Regularisation
from contrastive_nas.training.seeding import seed_generators


@dataclass
class Updater:
    """Everything that an update needs.

    Attributes:
        plan: the recipe, batch sizes and learning rates.
        fabric: devices and precision.
        network: as Fabric wraps it.
        optimizer: as Fabric wraps it.
        scheduler: of the learning rate.
        preparation: augmentation on the device.
        loss: of a batch.
        regularisation: hooks that depend on time.
        mixing: mixup and cutmix; None for none.
        average: moving average of the weights; None for none.
        weights: the module that ``average`` follows, without wrappers.
    """

    plan: TrainingPlan
    fabric: Fabric
    network: nn.Module
    optimizer: Optimizer
    scheduler: Scheduler
    preparation: Preparation
    loss: TrainingLoss
    regularisation: Regularisation
    mixing: Mixing | None
    average: ModelEmaV3 | None
    weights: nn.Module

    def __call__(self, update: int, batches: Sequence[Batch]) -> Tensor:
        """Trains on the batches of one update; gives this device's share of the loss, summed over its images.

        Args:
            update: number of the update since the start, from 0.
            batches: one per forward pass.
        """
        plan = self.plan
        plan.set_rate(self.scheduler, update)
        self.regularisation.set_progress((update // plan.updates_per_epoch) / plan.epochs)
        seed_generators("update", plan.seed, self.fabric.global_rank, update)
        total = self._accumulate(update, batches)
        clip = plan.recipe.optimizer.clip
        if clip is not None:
            self.fabric.clip_gradients(self.network, self.optimizer, max_norm=clip, error_if_nonfinite=False)
        self.optimizer.step()
        self.optimizer.zero_grad()
        if self.average is not None:
            self.average.update(self.weights, step=update + 1)
        return total

    def _accumulate(self, update: int, batches: Sequence[Batch]) -> Tensor:
        """Gradients of all batches, the mean over all devices; the loss summed over this device's images."""
        total = torch.zeros((), device=self.fabric.device)
        for number, batch in enumerate(batches):
            synchronise = number == len(batches) - 1
            assert isinstance(self.network, _FabricModule)
            with self.fabric.no_backward_sync(self.network, enabled=not synchronise):
                total += self._backward(batch)
        return total

    def _prepared(self, batch: Batch) -> tuple[Tensor, Tensor, Tensor]:
        """Images as the network takes them, targets of the loss, and labels."""
        labels = batch.labels.to(self.fabric.device, non_blocking=True)
        images = self.preparation(batch.images.to(self.fabric.device, non_blocking=True))
        images, targets = self.mixing(images, labels) if self.mixing else (images, labels)
        return images, targets, labels

    def _backward(self, batch: Batch) -> Tensor:
        """Loss summed over the batch; every image of an epoch has the same weight in the gradients."""
        images, targets, labels = self._prepared(batch)
        loss = self.loss(self.network(images), images, targets)
        self.fabric.backward(loss * (len(labels) / self.plan.share))
        return loss.detach() * len(labels)


def make_updater(
    network: nn.Module,
    plan: TrainingPlan,
    fabric: Fabric,
    preparation: Preparation,
    classes: int,
    teacher: nn.Module | None = None,
) -> Updater:
    """Return optimiser, schedule and loss of a recipe for a network in training mode.

    Raises:
        InputError: the recipe asks for what the network has no place for, or for an unknown optimiser.
    """
    recipe = plan.recipe
    regularisation = Regularisation(network, recipe)
    optimizer = make_optimizer(network, plan, fabric)
    wrapped, wrapped_optimizer = fabric.setup(network, optimizer)
    return Updater(
        plan=plan,
        fabric=fabric,
        network=wrapped,
        optimizer=wrapped_optimizer,
        scheduler=plan.scheduler(optimizer),
        preparation=preparation,
        loss=TrainingLoss(recipe, teacher),
        regularisation=regularisation,
        mixing=Mixing(recipe, classes) if recipe.mixup or recipe.cutmix else None,
        average=None if recipe.ema_decay is None else ModelEmaV3(network, decay=recipe.ema_decay),
        weights=network,
    )


def make_optimizer(
    network: nn.Module, plan: TrainingPlan, fabric: Fabric, *, every_weight: bool = True
) -> Optimizer:
    """Return the optimiser of a recipe, with the plan's learning rate.

    Args:
        network: whose weights are trained.
        plan: has the recipe.
        fabric: has the device.
        every_weight: whether every update has a gradient for every weight.

    Raises:
        InputError: it is unknown, or does not take the recipe's options.
    """
    settings = plan.recipe.optimizer
    options: dict[str, Any] = {} if settings.epsilon is None else {"eps": settings.epsilon}
    # Twice as fast for the many small tensors of small networks; on CUDA it would exclude clipping in fp16.
    # It takes no weight whose first gradient comes in a later update than that of others.
    if settings.name in ("sgd", "momentum") and fabric.device.type == "cpu" and every_weight:
        options["fused"] = True
    try:
        return create_optimizer_v2(
            network,
            opt=settings.name,
            lr=plan.learning_rate,
            weight_decay=settings.weight_decay,
            momentum=settings.momentum,
            filter_bias_and_bn=not settings.decay_norm_and_bias,
            **options,
        )
    except (ValueError, TypeError) as error:
        raise InputError(f"optimizer {settings.name!r}: {error}") from None
