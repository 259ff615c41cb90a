"""The loss of a batch: labels, smoothed and mixed, a teacher's logits, an auxiliary head."""

import torch
from timm.data import Mixup
from torch import Tensor, nn
from torch.nn import functional

from contrastive_nas.training.recipe import Recipe

Moments = tuple[tuple[float, ...], tuple[float, ...]]


class Mixing:
    """Mixup and cutmix of a batch by timm.

    Args:
        recipe: alphas and label smoothing.
        classes: number of classes.
    """

    def __init__(self, recipe: Recipe, classes: int) -> None:
        self._mixup = Mixup(
            mixup_alpha=recipe.mixup,
            cutmix_alpha=recipe.cutmix,
            label_smoothing=recipe.label_smoothing,
            num_classes=classes,
        )

    def __call__(self, images: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        """Mixed images and the probabilities of their classes, (batch, classes)."""
        # timm mixes even numbers of images only; an odd one is mixed with itself, then left out.
        odd = len(images) % 2
        images = torch.cat([images, images[-1:]]) if odd else images
        labels = torch.cat([labels, labels[-1:]]) if odd else labels
        mixed, targets = self._mixup(images, labels)
        return mixed[: len(mixed) - odd], targets[: len(targets) - odd]


class TrainingLoss:
    """The loss that a recipe trains with.

    Args:
        recipe: label smoothing, weights of distillation and of the auxiliary head.
        teacher: a trained network in evaluation mode; None for none.
    """

    def __init__(self, recipe: Recipe, teacher: nn.Module | None = None) -> None:
        self._smoothing = recipe.label_smoothing
        self._auxiliary = recipe.auxiliary_weight
        self._distillation = recipe.distillation
        self._teacher = teacher

    def __call__(self, outputs: Tensor | tuple[Tensor, Tensor], images: Tensor, targets: Tensor) -> Tensor:
        """Mean loss of a batch.

        Args:
            outputs: logits, (batch, classes), or logits and auxiliary logits.
            images: what the network saw, for the teacher.
            targets: labels, (batch,), or probabilities, (batch, classes), which are smoothed already.
        """
        logits, auxiliary = outputs if isinstance(outputs, tuple) else (outputs, None)
        smoothing = self._smoothing if targets.ndim == 1 else 0.0
        loss = functional.cross_entropy(logits, targets, label_smoothing=smoothing)
        if self._teacher is not None:
            weight, temperature = self._distillation.weight, self._distillation.temperature
            with torch.no_grad():
                wanted = self._teacher(images)
            loss = (1.0 - weight) * loss + weight * distillation_loss(logits, wanted, temperature)
        if auxiliary is not None:
            loss = loss + self._auxiliary * functional.cross_entropy(
                auxiliary, targets, label_smoothing=smoothing
            )
        return loss


class Renormalised(nn.Module):
    """A network fed with images that were normalised for another one.

    Args:
        network: to be fed.
        given: mean and standard deviation per channel that the images were normalised with.
        wanted: those that the network was trained with.
    """

    scale: Tensor
    shift: Tensor

    def __init__(self, network: nn.Module, given: Moments, wanted: Moments) -> None:
        super().__init__()
        self.network = network
        (mean, std), (own_mean, own_std) = ((torch.tensor(part) for part in pair) for pair in (given, wanted))
        self.register_buffer("scale", (std / own_std).view(-1, 1, 1))
        self.register_buffer("shift", ((mean - own_mean) / own_std).view(-1, 1, 1))

    def forward(self, images: Tensor) -> Tensor:
        """Return logits, (batch, classes), of images (batch, channels, height, width)."""
        return self.network(images * self.scale + self.shift)


def distillation_loss(logits: Tensor, wanted: Tensor, temperature: float) -> Tensor:
    """Return T^2 times the mean Kullback-Leibler divergence of softened outputs (Hinton et al., 2015,
    section 2).
    """
    student = functional.log_softmax(logits / temperature, dim=1)
    teacher = functional.log_softmax(wanted / temperature, dim=1)
    return temperature**2 * functional.kl_div(student, teacher, reduction="batchmean", log_target=True)
