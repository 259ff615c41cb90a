"""How the networks of a space share the weights of one supernet: what a space declares, and nothing more.

Sources: Guo et al., Single Path One-Shot Neural Architecture Search with Uniform Sampling, ECCV 2020 (paths);
Cai et al., Once-for-All, ICLR 2020, section 3.2 (elastic choices and kernels).
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from contrastive_nas.errors import InputError
from contrastive_nas.spaces.base import Architecture, SearchSpace


@dataclass(frozen=True)
class WeightSharing:
    """What a space declares.

    A choice is *elastic* where its options are nested, smallest first: every network has a part of the
    weights of the largest one, the first channels and the middle of the kernel. All other choices are
    *paths*, each option with weights of its own.

    Attributes:
        prefixes: maps, for an architecture, beginnings of the names of :meth:`SearchSpace.build`'s weights to
            beginnings of names in the supernet. A part of a network that only some options have, or that
            stands elsewhere in a deeper one, is thereby the same part. The longest beginning counts; names
            without one stay as they are.
        elastic: last words of the names of elastic choices (``kernel`` of ``stage1_kernel``), in the groups
            and the order in which progressive shrinking frees them; the first group is free from the start.
        kernels: sizes of elastic kernels, ascending; empty where there are none.
        covering: architectures that between them have every weight at its full size; None takes the largest
            network of every path.
    """

    prefixes: Callable[[Architecture], Mapping[str, str]]
    elastic: tuple[tuple[str, ...], ...] = ((),)
    kernels: tuple[int, ...] = ()
    covering: Callable[[], Iterable[Architecture]] | None = None


class Subnetworks:
    """The networks of a space as parts of each other.

    Args:
        space: declares how its networks share weights.

    Raises:
        InputError: it declares nothing.
    """

    def __init__(self, space: SearchSpace) -> None:
        sharing = space.weight_sharing()
        if sharing is None:
            raise InputError(
                f"{space.name} does not say how its networks share weights, so it has no supernet: "
                "a space does by weight_sharing()"
            )
        self.space, self.sharing = space, sharing
        groups = {word: group for group, words in enumerate(sharing.elastic) for word in words}
        self._last = [len(choice.options) - 1 for choice in space.choices]
        # The group of every choice; None for a path.
        self._group = [groups.get(choice.name.rpartition("_")[2]) for choice in space.choices]

    @property
    def is_elastic(self) -> bool:
        """Whether networks are parts of each other, and not paths alone."""
        return any(group is not None for group in self._group)

    @property
    def has_paths(self) -> bool:
        """Whether there are choices whose options have weights of their own."""
        return any(group is None for group in self._group)

    @property
    def groups(self) -> int:
        """Groups of elastic choices."""
        return len(self.sharing.elastic)

    def largest(self, architecture: Architecture) -> Architecture:
        """Return the network of the same path with every elastic choice at its largest."""
        return self._with_elastic(architecture, self._last)

    def smallest(self, architecture: Architecture) -> Architecture:
        """Return the network of the same path with every elastic choice at its smallest."""
        return self._with_elastic(architecture, [0] * len(self._last))

    def sample(self, rng: np.random.Generator, freed: int | None = None) -> Architecture:
        """Return a random network; elastic choices of the groups from ``freed`` on stay at their largest."""
        while True:
            decisions = [int(rng.integers(last + 1)) for last in self._last]
            found = self._decoded(
                last if freed is not None and group is not None and group >= freed else decision
                for decision, last, group in zip(decisions, self._last, self._group, strict=True)
            )
            if found is not None:
                return found

    def covering(self) -> list[Architecture]:
        """Return architectures that between them have every weight of the supernet at its full size."""
        if self.sharing.covering is not None:
            return list(self.sharing.covering())
        paths = [last + 1 for last, group in zip(self._last, self._group, strict=True) if group is None]
        found = (
            self._decoded(
                last if group is not None else number % (last + 1)
                for last, group in zip(self._last, self._group, strict=True)
            )
            for number in range(max(paths, default=1))
        )
        return [architecture for architecture in found if architecture is not None]

    def _with_elastic(self, architecture: Architecture, options: Sequence[int]) -> Architecture:
        own = self.space.encode(architecture)
        found = self._decoded(
            own_decision if group is None else option
            for own_decision, option, group in zip(own, options, self._group, strict=True)
        )
        assert found is not None
        return found

    def _decoded(self, decisions: Iterator[int]) -> Architecture | None:
        return self.space.decode(list(decisions))
