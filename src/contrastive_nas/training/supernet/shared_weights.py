"""The weights of a supernet, and every network of its space as a part of them.

A sub-network is the very module that the space builds, called with parts of the shared weights in place of
its own (``torch.func.functional_call``). So there is no second description of a network: outputs of the
supernet are those of the extracted network, and gradients reach the shared weights through the parts.
"""

from collections import OrderedDict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn import functional

from contrastive_nas.errors import InputError
from contrastive_nas.spaces.base import Architecture, SearchSpace
from contrastive_nas.spaces.weight_sharing import Subnetworks
from contrastive_nas.training.network import channels_last_is_safe
from contrastive_nas.training.seeding import seed_generators

# Modules without memory that are kept; to build one anew takes some milliseconds.
_KEPT_MODULES = 256


@dataclass(frozen=True)
class _Subnetwork:
    """A module without memory, and per tensor its name there, its name in the supernet and its shape."""

    module: nn.Module
    places: tuple[tuple[str, str, torch.Size], ...]


class Supernet(nn.Module):
    """Shared weights of all networks of a space.

    A weight of a sub-network is ``W[:o, :i]`` of the shared ``W``, its first channels. A kernel of 5 is the
    middle of that of 7, as a vector of 25 times a trained matrix of 25 x 25, and one of 3 is made of that of
    5 in the same way (Once-for-All, section 3.2); matrices begin as the identity. Batch norms share their
    moving statistics too, which are then those of a mixture: see
    :mod:`contrastive_nas.training.supernet.inherited`.

    Args:
        space: declares how its networks share weights.
        seed: of the first weights, those of the space's own modules.

    Attributes:
        subnetworks: the networks as parts of each other.
        active: the network that :meth:`forward` is by default, at first the largest.

    Raises:
        InputError: the space declares nothing, or something that does not fit its networks.
    """

    def __init__(self, space: SearchSpace, seed: int = 0) -> None:
        super().__init__()
        self.space = space
        self.subnetworks = Subnetworks(space)
        covering = self.subnetworks.covering()
        self.active = covering[0]
        self.weights = nn.Module()
        for name, tensor in self._full_size(covering, seed).items():
            _register(self.weights, name, tensor)
        for name, tensor in self._transforms().items():
            _register(self.weights, name, tensor)
        self._known: dict[str, Tensor] = {}
        self._kept: OrderedDict[Architecture, _Subnetwork] = OrderedDict()
        self._prepare: Callable[[nn.Module, Architecture], None] | None = None

    def forward(self, images: Tensor, architecture: Architecture | None = None) -> Tensor:
        """Return logits of a sub-network, (batch, classes).

        Args:
            images: (batch, C, H, W); of another size than the sub-network's they are resized.
            architecture: of the sub-network; the active one by default.
        """
        architecture = architecture or self.active
        found = self._subnetwork(architecture)
        found.module.train(self.training)
        size = self.space.image_shape(architecture)[1:]
        if images.shape[2:] != size:
            images = functional.interpolate(images, size, mode="bilinear", antialias=True)
        logits: Tensor = functional_call(
            found.module, self._parts(found, architecture), (images,), tie_weights=False
        )
        return logits

    def extract(self, architecture: Architecture) -> nn.Module:
        """Return the network that the space builds, with copies of its weights, in evaluation mode.

        Raises:
            InputError: no architecture of the space.
        """
        parts = self.parts(architecture)
        network = self.space.build(architecture).to(next(self.parameters()).dtype)
        network.load_state_dict(parts)
        return network.eval()

    def parts(self, architecture: Architecture) -> dict[str, Tensor]:
        """Return parts of the shared weights by the names of the module; views, but for smaller kernels.

        Raises:
            InputError: no architecture of the space, or one that the supernet has no weights for.
        """
        return self._parts(self._subnetwork(architecture), architecture)

    def channels_last_is_safe(self) -> bool:
        """Return whether all networks can be trained on the CPU with channels last in memory."""
        drawn = self.subnetworks
        # The fewer channels, the less safe: the smallest network of a path answers for all of them.
        with torch.device("meta"):
            return all(
                channels_last_is_safe(self.space.build(drawn.smallest(path))) for path in drawn.covering()
            )

    def prepare_modules(self, prepare: Callable[[nn.Module, Architecture], None]) -> None:
        """Have every module prepared before it is used, such as with hooks for drop path."""
        self._prepare = prepare
        self._kept.clear()

    def _parts(self, found: _Subnetwork, architecture: Architecture) -> dict[str, Tensor]:
        known = self._tensors()
        try:
            return {name: self._part(known, shared, shape) for name, shared, shape in found.places}
        except (KeyError, RuntimeError) as error:
            raise InputError(f"the supernet has no weights for {architecture!r}: {error}") from None

    def _part(self, known: dict[str, Tensor], name: str, shape: torch.Size) -> Tensor:
        part = known[name]
        if part.shape == shape:
            return part
        for dimension, length in enumerate(shape[:2]):
            part = part.narrow(dimension, 0, length)
        return self._smaller(known, name, part, shape[-1]) if part.shape != shape else part

    def _smaller(self, known: dict[str, Tensor], name: str, kernel: Tensor, wanted: int) -> Tensor:
        """A kernel of the wanted size, (outputs, inputs, wanted, wanted), of one of the largest."""
        sizes = [size for size in self.subnetworks.sharing.kernels[::-1] if size >= wanted]
        for larger, size in pairwise(sizes):
            edge = (larger - size) // 2
            middle = kernel[:, :, edge : edge + size, edge : edge + size]
            matrix = known[_transform(name, larger, size)]
            kernel = functional.linear(middle.flatten(2), matrix).unflatten(2, (size, size))
        return kernel

    def _subnetwork(self, architecture: Architecture) -> _Subnetwork:
        found = self._kept.get(architecture)
        if found is None:
            self.space.validate(architecture)
            with torch.device("meta"):
                module = self.space.build(architecture)
            if self._prepare is not None:
                self._prepare(module, architecture)
            places = tuple(
                (name, shared, tensor.shape) for name, shared, tensor in self._named(architecture, module)
            )
            found = self._kept[architecture] = _Subnetwork(module, places)
            if len(self._kept) > _KEPT_MODULES:
                self._kept.popitem(last=False)
        return found

    def _named(self, architecture: Architecture, module: nn.Module) -> Iterator[tuple[str, str, Tensor]]:
        """Name in the module, name in the supernet and tensor, of all weights and statistics."""
        prefixes = self.subnetworks.sharing.prefixes(architecture)
        for name, tensor in module.state_dict(keep_vars=True).items():
            words = name.split(".")
            for length in range(len(words) - 1, 0, -1):
                shared = prefixes.get(".".join(words[:length]))
                if shared is not None:
                    yield name, ".".join([shared, *words[length:]]), tensor
                    break
            else:
                yield name, name, tensor

    def _full_size(self, covering: list[Architecture], seed: int) -> dict[str, Tensor]:
        found: dict[str, Tensor] = {}
        for architecture in covering:
            seed_generators("weights", seed)
            for name, shared, tensor in self._named(architecture, self.space.build(architecture)):
                known = found.setdefault(shared, tensor)
                pairs = list(zip(tensor.shape, known.shape, strict=True))
                if all(new >= old for new, old in pairs) and tensor.shape != known.shape:
                    found[shared] = tensor
                elif not all(new <= old for new, old in pairs):
                    raise InputError(
                        f"{self.space.name}: no covering architecture has all of the weight {name} of "
                        f"{architecture!r}: {list(tensor.shape)} beside {list(known.shape)}"
                    )
        return found

    def _transforms(self) -> dict[str, Tensor]:
        sizes = self.subnetworks.sharing.kernels[::-1]
        return {
            _transform(name, larger, size): nn.Parameter(torch.eye(size**2))
            for name, tensor in self.weights.named_parameters()
            if sizes and tensor.ndim == 4 and tensor.shape[-1] == sizes[0]
            for larger, size in pairwise(sizes)
        }

    def _tensors(self) -> dict[str, Tensor]:
        if not self._known:
            self._known = {**dict(self.weights.named_parameters()), **dict(self.weights.named_buffers())}
        return self._known

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> "Supernet":
        self._known = {}
        super()._apply(fn, recurse)
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> "Supernet":
        copied = Supernet(self.space)
        copied.to(next(self.parameters()))
        copied.load_state_dict(self.state_dict())
        copied.active = self.active
        return copied.train(self.training)


def _transform(name: str, larger: int, size: int) -> str:
    """Name of the matrix of a kernel's weight."""
    return f"{name.removesuffix('.weight')}.{larger}to{size}_matrix"


def _register(root: nn.Module, name: str, tensor: Tensor) -> None:
    """Puts a weight or a statistic at its place in a tree of modules."""
    *path, last = name.split(".")
    for word in path:
        if word not in dict(root.named_children()):
            root.add_module(word, nn.Module())
        root = root.get_submodule(word)
    if isinstance(tensor, nn.Parameter):
        root.register_parameter(last, tensor)
    else:
        root.register_buffer(last, tensor)
