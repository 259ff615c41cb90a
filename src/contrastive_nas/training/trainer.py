"""The training loop: epochs, tests, checkpoints, and batch norm's statistics after training."""

import logging
import math
import time
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from contrastive_nas.checkpoints import Checkpoints
from contrastive_nas.errors import InputError
from contrastive_nas.progress import progress
from contrastive_nas.training.data.base import Batch
from contrastive_nas.training.data.feed import Feed
from contrastive_nas.training.data.transforms import Preparation
from contrastive_nas.training.devices import share_buffers
from contrastive_nas.training.scoring import Score, score
from contrastive_nas.training.seeding import seed_generators
from contrastive_nas.training.update import Updater

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Epoch:
    """One row of the history.

    Attributes:
        epoch: from 1.
        learning_rate: at its start.
        train_loss: mean over its images, of the weights as they were.
        test_loss: mean cross-entropy; NaN where the epoch was not tested.
        test_top1_accuracy: percent; NaN where the epoch was not tested.
        test_top5_accuracy: percent; NaN where the epoch was not tested.
        images_per_second: of training, over all devices.
        seconds: of training and testing since the start of the run, interruptions left out.
    """

    epoch: int
    learning_rate: float
    train_loss: float
    test_loss: float
    test_top1_accuracy: float
    test_top5_accuracy: float
    images_per_second: float
    seconds: float


@dataclass
class Progress:
    """Where a run is.

    Attributes:
        update: updates that are done.
        loss: summed over the images of the current epoch so far.
        training_seconds: spent on the updates of the current epoch.
        seconds: spent before this process started.
        history: finished epochs.
    """

    update: int = 0
    loss: float = 0.0
    training_seconds: float = 0.0
    seconds: float = 0.0
    history: list[Epoch] = field(default_factory=list)


class Trainer:
    """Trains a network by a plan, continues where a checkpoint left it.

    Args:
        updater: of the network.
        feed: training batches of this device.
        test: test batches of this device.
        test_preparation: normalisation of test images.
        checkpoints: where the state is kept; only the first process writes.
        identity: what a checkpoint must be of: space, architecture, recipe, ...
        test_every: epochs between two tests.
        tested: what the tests are of, in words, for the log.
    """

    def __init__(
        self,
        updater: Updater,
        feed: Feed,
        test: Iterable[Batch],
        test_preparation: Preparation,
        checkpoints: Checkpoints,
        identity: dict[str, Any],
        test_every: int = 1,
        tested: str = "test images",
    ) -> None:
        self._updater, self._feed, self._test = updater, feed, test
        self._test_preparation = test_preparation
        self._checkpoints = checkpoints
        self._identity = identity
        self._test_every, self._tested = test_every, tested
        self._rates = updater.plan.learning_rates()
        self._started = time.monotonic()
        self._progress = Progress()

    def run(self) -> list[Epoch]:
        """Train to the end of the plan; gives the history.

        Raises:
            InputError: the checkpoint is of another run, the loss is not finite, too many images are corrupt.
        """
        self._resume()
        plan, place = self._updater.plan, self._progress
        for epoch in range(len(place.history), plan.epochs):
            self._train_epoch(epoch)
            place.history.append(self._finished(epoch))
            place.loss = place.training_seconds = 0.0
            self._save_if_due()
            if self._updater.fabric.is_global_zero:
                _log(place.history[-1], plan.epochs, self._tested)
        return place.history

    def result(self) -> nn.Module:
        """Return the trained network: the moving average where the recipe has one."""
        average = self._updater.average
        network = self._updater.weights if average is None else average.module
        share_buffers(self._updater.fabric, network)
        return network

    def score(self) -> Score:
        """Return score of :meth:`result` on the test images, summed over all devices."""
        fabric = self._updater.fabric
        return score(self.result(), self._test, self._test_preparation, fabric.device).over_devices(fabric)

    def _train_epoch(self, epoch: int) -> None:
        updater, place = self._updater, self._progress
        plan, fabric = updater.plan, updater.fabric
        first = place.update - epoch * plan.updates_per_epoch
        remaining = self._feed.epoch(epoch, first)
        updater.network.train()
        loss = torch.tensor(place.loss, dtype=torch.float64, device=fabric.device)
        started, before = time.monotonic(), place.training_seconds

        def state() -> dict[str, Any]:
            place.loss = float(loss)
            place.training_seconds = before + time.monotonic() - started
            return self._state()

        if fabric.is_global_zero:
            remaining = progress(remaining, f"epoch {epoch + 1}", plan.updates_per_epoch - first)
        for batches in remaining:
            loss += torch.as_tensor(fabric.all_reduce(updater(place.update, batches), reduce_op="sum"))
            place.update += 1
            if fabric.is_global_zero:
                self._checkpoints.save_if_due(state)
        place.loss = float(loss)
        place.training_seconds = before + time.monotonic() - started

    def _finished(self, epoch: int) -> Epoch:
        plan, place = self._updater.plan, self._progress
        mean_loss = place.loss / plan.samples
        if not math.isfinite(mean_loss):
            raise InputError(
                f"the training loss is {mean_loss} in epoch {epoch + 1}: lower the learning rate"
            )
        tested = (epoch + 1) % self._test_every == 0 or epoch + 1 == plan.epochs
        if plan.recipe.settle_statistics and epoch + 1 == plan.epochs:
            self._settle_statistics()
        result = self.score() if tested else None
        return Epoch(
            epoch=epoch + 1,
            learning_rate=self._rates[epoch],
            train_loss=mean_loss,
            test_loss=result.mean_loss if result else math.nan,
            test_top1_accuracy=result.top1_accuracy if result else math.nan,
            test_top5_accuracy=result.top5_accuracy if result else math.nan,
            images_per_second=plan.samples / max(place.training_seconds, 1e-9),
            seconds=place.seconds + time.monotonic() - self._started,
        )

    def _settle_statistics(self) -> None:
        updater = self._updater
        device, plan = updater.fabric.device, updater.plan
        seed_generators("statistics", plan.seed, updater.fabric.global_rank)
        updates = self._feed.epoch(plan.epochs)
        batches = (batch.images.to(device) for update in updates for batch in update)
        settle_statistics(self.result(), map(updater.preparation, batches))

    def _save_if_due(self) -> None:
        if self._updater.fabric.is_global_zero:
            self._checkpoints.save_if_due(self._state)

    def _state(self) -> dict[str, Any]:
        updater, place = self._updater, self._progress
        if not math.isfinite(place.loss):
            raise InputError(
                f"the training loss is {place.loss} at update {place.update}: lower the learning rate"
            )
        return {
            "identity": self._identity,
            "progress": asdict(place) | {"seconds": place.seconds + time.monotonic() - self._started},
            "weights": updater.weights.state_dict(),
            "optimizer": updater.optimizer.state_dict(),
            "precision": updater.fabric._precision.state_dict(),
            "average": None if updater.average is None else updater.average.module.state_dict(),
        }

    def _resume(self) -> None:
        updater = self._updater
        state = updater.fabric.broadcast(self._checkpoints.load() if updater.fabric.is_global_zero else None)
        if state is None:
            return
        for name, wanted in self._identity.items():
            if state["identity"].get(name) != wanted:
                raise InputError(
                    f"the checkpoint is of a run with another {name}: {state['identity'].get(name)!r}, not "
                    f"{wanted!r}; choose another output folder"
                )
        history = [Epoch(**row) for row in state["progress"].pop("history")]
        self._progress = Progress(**state["progress"], history=history)
        updater.weights.load_state_dict(state["weights"])
        updater.optimizer.load_state_dict(state["optimizer"])
        updater.fabric._precision.load_state_dict(state["precision"])
        if updater.average is not None:
            updater.average.module.load_state_dict(state["average"])


def _log(row: Epoch, epochs: int, tested: str) -> None:
    logger.info(
        "epoch %d of %d: rate %.4g, training loss %.4f, %.0f images/s%s",
        row.epoch,
        epochs,
        row.learning_rate,
        row.train_loss,
        row.images_per_second,
        ""
        if math.isnan(row.test_loss)
        else f"; {tested}: top-1 {row.test_top1_accuracy:.2f} %, top-5 {row.test_top5_accuracy:.2f} %",
    )


@torch.no_grad()
def settle_statistics(network: nn.Module, images: Iterable[Tensor]) -> None:
    """Replace the moving statistics of batch norm by means over batches, with the weights as they are.

    After few updates the moving ones are noise: they still remember weights of long ago.

    Args:
        network: left in training mode.
        images: prepared batches, (batch, channels, height, width).
    """
    layers = [module for module in network.modules() if isinstance(module, nn.modules.batchnorm._BatchNorm)]
    if not layers:
        return
    momenta = [layer.momentum for layer in layers]
    for layer in layers:
        layer.reset_running_stats()
        layer.momentum = None  # a cumulative average
    network.train()
    for batch in images:
        network(batch)
    for layer, momentum in zip(layers, momenta, strict=True):
        layer.momentum = momentum
