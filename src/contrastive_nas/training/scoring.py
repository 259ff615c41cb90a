"""How good a network is on test images."""

import math
from collections.abc import Iterable
from dataclasses import dataclass

import torch
from lightning_fabric import Fabric
from torch import Tensor, nn
from torch.nn import functional

from contrastive_nas.errors import InputError
from contrastive_nas.training.data.base import Batch
from contrastive_nas.training.data.transforms import Preparation

_TOP = 5


@dataclass(frozen=True)
class Score:
    """Counts over test images, which add up over devices.

    Attributes:
        confusion: int64, (classes, classes): rows true, columns predicted.
        top5: images whose class is among the five most probable.
        loss: cross-entropy, summed over the images.
    """

    confusion: Tensor
    top5: Tensor
    loss: Tensor

    @property
    def images(self) -> int:
        """Number of test images."""
        return int(self.confusion.sum())

    @property
    def top1_accuracy(self) -> float:
        """Percent of images whose most probable class is right."""
        return 100.0 * int(self.confusion.diagonal().sum()) / self.images

    @property
    def top5_accuracy(self) -> float:
        """Percent of images whose class is among the five most probable."""
        return 100.0 * int(self.top5) / self.images

    @property
    def mean_loss(self) -> float:
        """Mean cross-entropy."""
        return float(self.loss) / self.images

    def over_devices(self, fabric: Fabric) -> "Score":
        """Return the sum of the scores of all devices."""
        if fabric.world_size == 1:
            return self
        parts = [fabric.all_reduce(part, reduce_op="sum") for part in (self.confusion, self.top5, self.loss)]
        return Score(*map(torch.as_tensor, parts))


@torch.no_grad()
def score(
    network: nn.Module, batches: Iterable[Batch], preparation: Preparation, device: torch.device
) -> Score:
    """Score a network, which is left in the mode it was in.

    Args:
        network: takes prepared images, gives logits.
        batches: test images.
        preparation: of test images.
        device: where network and preparation are.
    """
    training = network.training
    network.eval()
    confusion = torch.zeros(0, dtype=torch.int64, device=device)
    top5 = torch.zeros((), dtype=torch.int64, device=device)
    loss = torch.zeros((), dtype=torch.float64, device=device)
    for batch in batches:
        labels = batch.labels.to(device, non_blocking=True)
        logits = network(preparation(batch.images.to(device, non_blocking=True))).float()
        classes = logits.shape[1]
        if not len(confusion):
            confusion = confusion.new_zeros(classes * classes)
        best = logits.topk(min(_TOP, classes), dim=1).indices
        confusion += torch.bincount(labels * classes + best[:, 0], minlength=classes * classes)
        top5 += (best == labels[:, None]).sum()
        loss += functional.cross_entropy(logits, labels, reduction="sum").double()
    network.train(training)
    if not len(confusion):
        raise InputError("there are no test images")
    classes = math.isqrt(len(confusion))
    return Score(confusion.view(classes, classes), top5, loss)
