"""What a run will do: batch, learning rate and warm-up for the devices at hand, and the schedule."""

from dataclasses import dataclass

import torch
from timm.scheduler import create_scheduler_v2
from timm.scheduler.scheduler import Scheduler
from torch.optim import Optimizer

from contrastive_nas.errors import InputError
from contrastive_nas.training.recipe import Recipe

LONGEST_WARMUP = 0.1


@dataclass(frozen=True)
class TrainingPlan:
    """A recipe fitted to a data set and a number of devices.

    The rule: the whole batch is the recipe's batch per device, times devices, times accumulation; the
    learning rate is proportional to it (Goyal et al., 2017); beyond the reference batch the warm-up grows in
    proportion, so that it keeps its number of updates, to at most a tenth of the epochs. An epoch is cut into
    updates of nearly equal size, so that every image is seen exactly once.

    Attributes:
        recipe: what is fitted.
        samples: training images.
        devices: processes, one a device.
        accumulation: forward passes per update on every device.
        seed: of the noise of the schedule.
    """

    recipe: Recipe
    samples: int
    devices: int = 1
    accumulation: int = 1
    seed: int = 0

    def __post_init__(self) -> None:
        if self.samples < self.devices * self.accumulation:
            raise InputError(
                f"{self.samples} training images are too few for {self.devices} devices with "
                f"{self.accumulation} passes per update"
            )
        if self.recipe.schedule.warmup_place == "within" and self.warmup_epochs >= self.recipe.epochs:
            raise InputError(
                f"a warm-up of {self.warmup_epochs:g} epochs leaves nothing of {self.recipe.epochs} epochs: "
                "set schedule.warmup_epochs"
            )

    @property
    def batch(self) -> int:
        """Images per update over all devices, at most all."""
        return min(self.recipe.batch_size * self.devices * self.accumulation, self.samples)

    @property
    def updates_per_epoch(self) -> int:
        """Updates of an epoch; the last one is not smaller than the others by more than an image a device."""
        return min(-(-self.samples // self.batch), self.samples // (self.devices * self.accumulation))

    @property
    def learning_rate(self) -> float:
        """Largest learning rate, for the whole batch."""
        settings = self.recipe.optimizer
        batch = self.recipe.batch_size * self.devices * self.accumulation
        return settings.learning_rate * (
            batch / settings.reference_batch if settings.reference_batch else 1.0
        )

    @property
    def warmup_epochs(self) -> float:
        """Epochs of rising learning rate."""
        published = self.recipe.schedule.warmup_epochs
        reference = self.recipe.optimizer.reference_batch or self.batch
        longest = max(published, LONGEST_WARMUP * self.recipe.epochs)
        return min(published * max(1.0, self.batch / reference), longest)

    @property
    def epochs(self) -> int:
        """All epochs; a warm-up that extends the recipe is rounded up to whole ones."""
        extension = self.warmup_epochs if self.recipe.schedule.warmup_place == "before" else 0.0
        return self.recipe.epochs + int(-(-extension // 1))

    @property
    def updates(self) -> int:
        """Updates of the whole run."""
        return self.epochs * self.updates_per_epoch

    @property
    def share(self) -> float:
        """Mean number of images of an update on one device; devices average their gradients."""
        return self.samples / (self.updates_per_epoch * self.devices)

    def scheduler(self, optimizer: Optimizer) -> Scheduler:
        """Return timm's scheduler for an optimiser that was made with :attr:`learning_rate`."""
        settings = self.recipe.schedule
        linear = settings.kind == "linear"
        shortened = self.warmup_epochs if settings.warmup_place == "within" else 0.0
        scheduler, _ = create_scheduler_v2(
            optimizer,
            sched="poly" if linear else settings.kind,
            num_epochs=self.recipe.epochs - shortened,  # type: ignore[arg-type]  # fractions work
            decay_epochs=settings.decay_epochs,
            decay_rate=1.0 if linear else settings.decay_rate,
            min_lr=settings.final_rate,
            warmup_epochs=self.warmup_epochs,  # type: ignore[arg-type]  # fractions work
            warmup_lr=settings.warmup_rate,
            warmup_prefix=settings.warmup_place != "over",
            noise=list(settings.noise) if settings.noise else None,  # type: ignore[arg-type]
            noise_seed=self.seed,
            step_on_epochs=settings.unit == "epoch",
            updates_per_epoch=self.updates_per_epoch,
        )
        return scheduler

    def set_rate(self, scheduler: Scheduler, update: int) -> None:
        """Give the optimiser the learning rate of an update, counted from 0."""
        if self.recipe.schedule.unit == "epoch":
            scheduler.step(update // self.updates_per_epoch)
        else:
            scheduler.step_update(update)

    def learning_rates(self) -> list[float]:
        """Return the learning rate of the first update of every epoch."""
        optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=self.learning_rate)
        scheduler = self.scheduler(optimizer)
        rates = []
        for epoch in range(self.epochs):
            self.set_rate(scheduler, epoch * self.updates_per_epoch)
            rates.append(float(optimizer.param_groups[0]["lr"]))
        return rates

    def describe(self) -> str:
        """Return the plan in a few lines: batch, rule, schedule."""
        settings, rates = self.recipe.optimizer, self.learning_rates()
        reference = f"{settings.learning_rate:g} for {settings.reference_batch or 'any number of'} images"
        shown = sorted({0, 1, 2, 5, *(self.epochs * tenth // 10 for tenth in range(10)), self.epochs - 1})
        schedule = ", ".join(f"{epoch}: {rates[epoch]:.4g}" for epoch in shown if epoch < self.epochs)
        return "\n".join(
            [
                f"batch: {self.recipe.batch_size} images x {self.devices} devices x {self.accumulation} "
                f"passes = {self.batch}",
                f"learning rate: {self.learning_rate:.4g} ({reference}), {settings.name}",
                f"epochs: {self.epochs} of {self.updates_per_epoch} updates, {self.samples} images; "
                f"warm-up {self.warmup_epochs:g} epochs",
                f"learning rate at the start of epochs: {schedule}",
            ]
        )
