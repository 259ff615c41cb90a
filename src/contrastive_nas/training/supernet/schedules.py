"""Which sub-networks an update trains, and what each learns from."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from contrastive_nas.spaces.base import Architecture
from contrastive_nas.training.loss import TrainingLoss, distillation_loss
from contrastive_nas.training.supernet.shared_weights import Supernet

Divergence = Callable[[Tensor, Tensor], Tensor]
# AlphaNet, section 4: orders of the two divergences, and the largest weight of a class in their gradients.
_ALPHAS = (-1.0, 1.0)
_LARGEST_WEIGHT = 5.0


class Schedule(ABC):
    """Losses of one batch, one after the other, so that each can be sent backwards before the next is made.

    Attributes:
        random_networks: random sub-networks per update.
    """

    random_networks: int

    @abstractmethod
    def losses(
        self, supernet: Supernet, rng: np.random.Generator, images: Tensor, targets: Tensor
    ) -> Iterator[Tensor]:
        """Yield mean losses of sub-networks on a batch; the first one is what a history shows.

        Args:
            supernet: in training mode.
            rng: draws the sub-networks; the same on all devices.
            images: (batch, C, H, W), augmented.
            targets: labels, (batch,), or probabilities, (batch, classes).
        """


class Sandwich(Schedule):
    """The largest network on the labels; the smallest and random ones on the largest one's outputs.

    Source: Yu et al., BigNAS: Scaling Up Neural Architecture Search with Big Single-Stage Models, ECCV 2020,
    section 3.1 (sandwich rule, in-place distillation). In a space with paths the largest and smallest are
    those of one random path.

    Args:
        loss: of the largest network.
        random_networks: random sub-networks per update.
        divergence: of a network's logits from the largest one's.
    """

    def __init__(self, loss: TrainingLoss, random_networks: int, divergence: Divergence) -> None:
        self._loss, self.random_networks, self._divergence = loss, random_networks, divergence

    def losses(
        self, supernet: Supernet, rng: np.random.Generator, images: Tensor, targets: Tensor
    ) -> Iterator[Tensor]:
        drawn = supernet.subnetworks
        path = drawn.sample(rng)
        logits = supernet(images, drawn.largest(path))
        yield self._loss(logits, images, targets)
        wanted = logits.detach()
        for architecture in (drawn.smallest(path), *(drawn.sample(rng) for _ in range(self.random_networks))):
            yield self._divergence(supernet(images, architecture), wanted)


class Progressive(Schedule):
    """Random networks whose elastic choices are free up to a group, on labels and on a trained teacher.

    Source: Cai et al., Once-for-All, ICLR 2020, section 3.2 and appendix B: the teacher is the largest
    network as it was after the first phase, in which it is trained alone.

    Args:
        loss: of labels.
        random_networks: random sub-networks per update; in the first phase there is one, the largest.
        freed: groups of elastic choices that are free.
        teacher: the supernet after the first phase; None in it.
        weight: share of the teacher in the loss.
        temperature: of both networks' logits.
    """

    def __init__(
        self,
        loss: TrainingLoss,
        random_networks: int,
        freed: int,
        teacher: Supernet | None,
        weight: float,
        temperature: float,
    ) -> None:
        self._loss, self._freed, self._teacher = loss, freed, teacher
        self.random_networks = random_networks if teacher is not None else 1
        self._weight, self._temperature = weight, temperature

    def losses(
        self, supernet: Supernet, rng: np.random.Generator, images: Tensor, targets: Tensor
    ) -> Iterator[Tensor]:
        drawn = supernet.subnetworks
        # Outputs of the largest network of every path that was drawn.
        taught: dict[Architecture, Tensor] = {}
        for _ in range(self.random_networks):
            architecture = drawn.sample(rng, self._freed)
            logits = supernet(images, architecture)
            loss = self._loss(logits, images, targets)
            if self._teacher is not None:
                largest = drawn.largest(architecture)
                if largest not in taught:
                    # In training mode: its moving statistics mix all paths, those of a batch do not.
                    with torch.no_grad():
                        taught[largest] = self._teacher(images, largest)
                learned = distillation_loss(logits, taught[largest], self._temperature)
                loss = (1.0 - self._weight) * loss + self._weight * learned
            yield loss


class OnePath(Schedule):
    """Random networks on the labels, each independent of the others.

    Source: Guo et al., Single Path One-Shot Neural Architecture Search with Uniform Sampling, ECCV 2020,
    section 3.2; there one network an update.

    Args:
        loss: of labels.
        random_networks: random sub-networks per update.
    """

    def __init__(self, loss: TrainingLoss, random_networks: int) -> None:
        self._loss, self.random_networks = loss, random_networks

    def losses(
        self, supernet: Supernet, rng: np.random.Generator, images: Tensor, targets: Tensor
    ) -> Iterator[Tensor]:
        for _ in range(self.random_networks):
            yield self._loss(supernet(images, supernet.subnetworks.sample(rng)), images, targets)


def kullback_leibler(logits: Tensor, wanted: Tensor) -> Tensor:
    """Return mean Kullback-Leibler divergence of (batch, classes) from the wanted ones."""
    return distillation_loss(logits, wanted, 1.0)


def adaptive_alpha(logits: Tensor, wanted: Tensor, largest_weight: float = _LARGEST_WEIGHT) -> Tensor:
    """Return a loss with the gradient of AlphaNet's adaptive divergence.

    Source: Wang et al., AlphaNet: Improved Training of Supernets with Alpha-Divergence, ICML 2021, equations
    5 and 8. With p the wanted and q the network's probabilities::

        D_alpha(p || q) = sum q ((p / q)^alpha - 1) / (alpha (alpha - 1)),    D_1 = KL(p || q)
        gradient        = -sum q (p / q)^alpha / alpha  gradient of log q

    Of two orders, each image takes the one whose divergence is larger: 1 punishes to miss what the teacher
    sees, -1 to see what it does not. Powers of p / q are clipped, as they have no bound for a negative order.

    Args:
        logits: (batch, classes).
        wanted: of the teacher, (batch, classes).
        largest_weight: bound of ``(p / q)^alpha``.
    """
    log_q = functional.log_softmax(logits, dim=1)
    q, log_ratio = log_q.detach().exp(), functional.log_softmax(wanted, dim=1) - log_q.detach()
    values, surrogates = [], []
    for alpha in _ALPHAS:
        powers = (alpha * log_ratio).exp().clamp(max=largest_weight)
        value = powers * log_ratio if alpha == 1.0 else (powers - 1.0) / (alpha * (alpha - 1.0))
        values.append((q * value).sum(dim=1))
        surrogates.append(-(q * powers / alpha * log_q).sum(dim=1))
    return torch.where(values[0] > values[1], surrogates[0], surrogates[1]).mean()
