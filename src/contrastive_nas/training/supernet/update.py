"""One update of a supernet: gradients of several sub-networks, summed over them and averaged over devices."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

import numpy as np
import torch
from lightning_fabric import Fabric
from timm.utils import ModelEmaV3
from torch import Tensor, nn
from torch.optim import Optimizer

from contrastive_nas.spaces.base import Architecture
from contrastive_nas.training.data.base import Batch
from contrastive_nas.training.data.transforms import Preparation
from contrastive_nas.training.loss import Mixing, TrainingLoss
from contrastive_nas.training.plan import TrainingPlan
from contrastive_nas.training.regularisation import Regularisation
from contrastive_nas.training.seeding import derive_seed
from contrastive_nas.training.supernet.schedules import Schedule
from contrastive_nas.training.supernet.shared_weights import Supernet
from contrastive_nas.training.update import Updater, make_optimizer


@dataclass
class SupernetUpdater(Updater):
    """An update of the weights that all networks share.

    Attributes:
        schedule: which sub-networks an update trains.
    """

    schedule: Schedule

    def _accumulate(self, update: int, batches: Sequence[Batch]) -> Tensor:
        total = torch.zeros((), device=self.fabric.device)
        for number, batch in enumerate(batches):
            # The sub-networks follow the update alone: they are the same on all devices.
            rng = np.random.default_rng(derive_seed("networks", self.plan.seed, update, number))
            images, targets, labels = self._prepared(batch)
            shown: Tensor | None = None
            losses = self.schedule.losses(cast(Supernet, self.network), rng, images, targets)
            while True:
                with self.fabric.autocast():
                    loss = next(losses, None)
                if loss is None:
                    break
                shown = loss.detach() if shown is None else shown
                self.fabric.backward(loss * (len(labels) / self.plan.share))
            assert shown is not None
            total += shown * len(labels)
        self._average_gradients()
        return total

    def _average_gradients(self) -> None:
        """The mean over devices, of all gradients at once.

        Sub-networks leave different weights without a gradient in every pass, which DistributedDataParallel
        does not allow for several passes per update; they are the same weights on all devices.
        """
        if self.fabric.world_size == 1:
            return
        gradients = [weight.grad for weight in self.weights.parameters() if weight.grad is not None]
        flat = torch.cat([gradient.flatten() for gradient in gradients])
        mean = torch.as_tensor(self.fabric.all_reduce(flat, reduce_op="mean"))
        parts = mean.split([gradient.numel() for gradient in gradients])
        for gradient, part in zip(gradients, parts, strict=True):
            gradient.copy_(part.view_as(gradient))


def make_supernet_updater(
    supernet: Supernet,
    plan: TrainingPlan,
    fabric: Fabric,
    preparation: Preparation,
    schedule: Schedule,
    classes: int,
) -> SupernetUpdater:
    """Return optimiser, learning rates and loss of a recipe for a supernet in training mode.

    Dropout and drop path act in the largest network alone (BigNAS, section 3.2).

    Raises:
        InputError: the recipe asks for what the networks have no place for, or for an unknown optimiser.
    """
    recipe = plan.recipe
    # Checks at once that there is a place, and has no other effect: its hooks act on this module alone.
    regularisation = Regularisation(supernet.space.build(supernet.active), recipe)

    def regularise(module: nn.Module, architecture: Architecture) -> None:
        if architecture == supernet.subnetworks.largest(architecture):
            Regularisation(module, recipe)

    supernet.prepare_modules(regularise)
    optimizer = make_optimizer(fabric.to_device(supernet), plan, fabric, every_weight=False)
    return SupernetUpdater(
        plan=plan,
        fabric=fabric,
        network=supernet,
        optimizer=cast(Optimizer, fabric.setup_optimizers(optimizer)),
        scheduler=plan.scheduler(optimizer),
        preparation=preparation,
        loss=TrainingLoss(recipe),
        regularisation=regularisation,
        mixing=Mixing(recipe, classes) if recipe.mixup or recipe.cutmix else None,
        average=None if recipe.ema_decay is None else ModelEmaV3(supernet, decay=recipe.ema_decay),
        weights=supernet,
        schedule=schedule,
    )
