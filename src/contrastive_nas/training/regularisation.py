"""Dropout, drop path and auxiliary heads, put on a network from outside.

A space's network says by attributes of its modules where they belong, and is otherwise untouched, so that its
weights and its computation graph stay the same:

* ``drop_path_branch = True`` on modules whose output may be dropped for an image: the body of a residual
  block, or an operation of a cell that is not the identity; in the order of their depth;
* ``auxiliary_source = True`` on the module whose output (batch, channels, height, width) an auxiliary head
  takes.

Dropout needs no mark: where a recipe names it, a network's own last layer of it gets the recipe's
probability, and without such a layer the input of the last linear layer is dropped. A recipe that names none
leaves dropout as the network brings it along.
"""

from typing import Any

import torch
from timm.layers import drop_path
from torch import Tensor, nn
from torch.nn import functional

from contrastive_nas.errors import InputError
from contrastive_nas.training.recipe import Recipe


class Regularisation:
    """What a recipe puts on a network.

    Args:
        network: the network; gets hooks that act in training mode only.
        recipe: says how much of each.

    Raises:
        InputError: the network has no place for what the recipe asks for.
    """

    def __init__(self, network: nn.Module, recipe: Recipe) -> None:
        self._grows_with_time = recipe.drop_path_grows == "time"
        self._largest = recipe.drop_path
        self._probability = [0.0]
        if recipe.dropout is not None:
            _set_dropout(network, recipe.dropout)
        if recipe.drop_path:
            self._probability = _add_drop_path(network, recipe.drop_path)

    def set_progress(self, share: float) -> None:
        """Adapt drop path to the share of the epochs that are done (DARTS, appendix A.1.2)."""
        if self._grows_with_time:
            self._probability[:] = [self._largest * share] * len(self._probability)


class WithAuxiliaryHead(nn.Module):
    """A network that in training mode also gives the logits of its auxiliary head.

    The head is that of DARTS: average pooling, 1x1 convolution to 128 channels, convolution to 768 channels
    over 2x2 pixels, each with batch norm and ReLU, then a linear layer.

    Args:
        network: has a module marked ``auxiliary_source``.
        example: images, (batch, channels, height, width), to learn the shapes from.

    Raises:
        InputError: no module, or more than one, is marked.
    """

    def __init__(self, network: nn.Module, example: Tensor) -> None:
        super().__init__()
        self.network = network
        marked = [module for module in network.modules() if getattr(module, "auxiliary_source", False)]
        if len(marked) != 1:
            raise InputError(
                f"an auxiliary head needs one module marked auxiliary_source, the network has {len(marked)}: "
                "set auxiliary_weight to 0"
            )
        self._features: list[Tensor] = []
        marked[0].register_forward_hook(self._keep)
        logits = _example_output(network, example)
        self.head = _auxiliary_head(self._features.pop(), logits.shape[1])

    def _keep(self, module: nn.Module, inputs: Any, output: Tensor) -> None:
        self._features[:] = [output]

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor] | Tensor:
        """Return logits and auxiliary logits in training mode, logits alone otherwise; each (batch,
        classes).
        """
        logits = self.network(images)
        features = self._features.pop()
        return (logits, self.head(features)) if self.training else logits


def _example_output(network: nn.Module, example: Tensor) -> Tensor:
    training = network.training
    network.eval()
    with torch.no_grad():
        output = network(example)
    network.train(training)
    return output


def _auxiliary_head(features: Tensor, classes: int) -> nn.Module:
    _, channels, height, width = features.shape
    edge = min(height, width)
    # 8x8 features of CIFAR are pooled 5x5 with stride 3, 14x14 or 7x7 ones of ImageNet with stride 2.
    pool = (
        nn.AvgPool2d(5, stride=3 if edge > 7 else 2, count_include_pad=False) if edge >= 7 else nn.Identity()
    )
    last = min(2, edge)
    return nn.Sequential(
        nn.ReLU(),
        pool,
        nn.Conv2d(channels, 128, 1, bias=False),
        nn.BatchNorm2d(128),
        nn.ReLU(),
        nn.Conv2d(128, 768, last, bias=False),
        nn.BatchNorm2d(768),
        nn.ReLU(),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(768, classes),
    )


def _set_dropout(network: nn.Module, probability: float) -> None:
    """Dropout that the network brings along gets the recipe's probability, else a hook drops."""
    own = [module for module in network.modules() if isinstance(module, nn.Dropout)]
    if own:
        own[-1].p = probability
    if own or not probability:
        return
    linear = [module for module in network.modules() if isinstance(module, nn.Linear)]
    if not linear:
        raise InputError("dropout needs a linear layer at the end of the network: set dropout to 0")

    def drop(module: nn.Module, inputs: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        return (functional.dropout(inputs[0], probability, module.training), *inputs[1:])

    linear[-1].register_forward_pre_hook(drop)


def _add_drop_path(network: nn.Module, largest: float) -> list[float]:
    """Hooks every marked branch; gives the list of probabilities that the hooks read."""
    branches = [module for module in network.modules() if getattr(module, "drop_path_branch", False)]
    if not branches:
        raise InputError(
            "drop path needs modules marked drop_path_branch, the network has none: set drop_path to 0"
        )
    probability = [largest * (depth + 1) / len(branches) for depth in range(len(branches))]

    def hook(depth: int) -> Any:
        def drop(module: nn.Module, inputs: Any, output: Tensor) -> Tensor:
            return drop_path(output, probability[depth], module.training)

        return drop

    for depth, branch in enumerate(branches):
        branch.register_forward_hook(hook(depth))
    return probability
