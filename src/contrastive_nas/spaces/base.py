"""What every search space offers."""

import inspect
import itertools
import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import wraps
from typing import TYPE_CHECKING, Any

import numpy as np

from contrastive_nas.errors import InputError
from contrastive_nas.graphs.schema import ComputationGraph, GraphBatch
from contrastive_nas.identity import class_name, described, own_source
from contrastive_nas.spaces.checks import FailedCodeError, failed_code, parse_rows
from contrastive_nas.spaces.foreign import check_text, literal

if TYPE_CHECKING:
    from torch import nn

    from contrastive_nas.spaces.weight_sharing import WeightSharing

Architecture = str
LISTABLE = 1_000_000


@dataclass(frozen=True)
class Choice:
    """One categorical decision of a space.

    Attributes:
        name: unique in the space, e.g. ``stage1_kernel``.
        options: what can be chosen, in the space's own spelling.
    """

    name: str
    options: tuple[str, ...]


class SearchSpace(ABC):
    """A set of networks, each written as one string, the architecture.

    A point of the space is also a vector of categorical decisions (``choices``), which is what policies and
    optimisers work on: ``encode`` and ``decode`` translate. Several vectors may stand for one architecture
    (unused layers).
    """

    name: str
    input_shape: tuple[int, int, int]

    # What the space was made with, by the names of its parameters.
    _options: dict[str, Any] | None = None

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        if "__init__" in vars(cls):
            cls.__init__ = _noting_options(cls.__init__)  # type: ignore[method-assign]
        # A faster way to many graphs that a class inherits does not know a graph of its own.
        if "graph" in vars(cls) and "graphs" not in vars(cls):
            cls.graphs = SearchSpace.graphs  # type: ignore[method-assign]

    @property
    def identity(self) -> dict[str, Any]:
        """What tells this space from others, as plain data: name, class, options, text of a user's file."""
        kind = type(self)
        return {
            "name": self.name,
            "class": class_name(kind),
            "options": described(self._options or {}),
            "source": own_source(kind),
        }

    def __repr__(self) -> str:
        size = f"{self.size:,}" if self.size <= LISTABLE else f"{self.size:.3g}"
        images = "x".join(map(str, self.input_shape))
        return f"<space {self.name}: {size} architectures, {len(self.choices)} choices, images of {images}>"

    @property
    @abstractmethod
    def choices(self) -> tuple[Choice, ...]:
        """The decisions, in a fixed order."""

    @abstractmethod
    def decode(self, decisions: Sequence[int]) -> Architecture | None:
        """Return the architecture for one option number per choice; None where the combination is
        impossible.
        """

    @abstractmethod
    def encode(self, architecture: Architecture) -> tuple[int, ...]:
        """Return one option number per choice; unused ones take option 0, so that equal strings give equal
        vectors.

        Raises:
            InputError: the string is no architecture of this space; the message says why.
        """

    @abstractmethod
    def build(self, architecture: Architecture) -> "nn.Module":
        """Return the network with fresh weights, in training mode.

        Raises:
            InputError: as :meth:`encode`.
        """

    @abstractmethod
    def graph(self, architecture: Architecture) -> ComputationGraph:
        """Return the computation graph of :meth:`build`'s network, made without building it.

        Raises:
            InputError: as :meth:`encode`.
        """

    def image_shape(self, architecture: Architecture) -> tuple[int, int, int]:
        """Return (C, H, W) of the images that :meth:`build`'s network takes; ``input_shape`` unless it is a
        choice.

        Raises:
            InputError: as :meth:`encode`.
        """
        self.validate(architecture)
        return self.input_shape

    @property
    @abstractmethod
    def size(self) -> int:
        """Number of architectures (distinct strings)."""

    def enumerate(self) -> Iterator[Architecture]:
        """Yield all architectures, each once, in a fixed order; spaces override this where they can be
        faster.

        Raises:
            NotImplementedError: the choices have too many combinations to be listed.
        """
        widths = [len(choice.options) for choice in self.choices]
        if math.prod(widths) > LISTABLE:
            raise NotImplementedError(f"{self.name} has {self.size:.3g} architectures: too many to list")
        decoded = map(self.decode, itertools.product(*map(range, widths)))
        yield from dict.fromkeys(name for name in decoded if name is not None)

    def validate(self, architecture: Architecture) -> None:
        """Raise InputError unless the string is an architecture of this space.

        Where a space takes several spellings of one architecture, :meth:`read` gives the one that it uses.
        """
        check_text(self.name, architecture)
        self.encode(architecture)

    def read(self, given: object) -> Architecture:
        """Return an architecture in the space's own spelling, from how people and other projects write it.

        Blanks around a string do not count; spaces say themselves which other forms they know.

        Raises:
            InputError: it is no architecture of this space in any known form.
        """
        try:
            translated = self.translate(literal(given))
        except InputError as error:
            raise InputError(f"{self.name}: {str(given)[:300]}: {error}") from None
        architecture = given.strip() if translated is None and isinstance(given, str) else translated
        check_text(self.name, given if architecture is None else architecture)
        assert architecture is not None
        self.validate(architecture)
        return architecture

    def translate(self, given: object) -> Architecture | None:
        """Return the string of an architecture in another project's form (tuple, list, dictionary); None if
        unknown.

        Raises:
            InputError: the form is known, but the architecture is not whole.
        """
        return None

    def weight_sharing(self) -> "WeightSharing | None":
        """Return how the networks share the weights of one supernet; None where the space does not say."""
        return None

    def graphs(self, architectures: Sequence[Architecture]) -> GraphBatch:
        """Return the graphs of many architectures; spaces override this where they can be faster.

        Raises:
            InvalidArchitecturesError: some are not in the space; all these rows are named, none is converted.
            FailedCodeError: :meth:`graph` raised something else than InputError.
        """
        return GraphBatch.from_graphs(parse_rows(self.name, architectures, self._checked_graph))

    def _checked_graph(self, architecture: Architecture) -> ComputationGraph:
        try:
            graph = self.graph(architecture)
        except (InputError, MemoryError, OSError):
            raise
        except Exception as error:
            raise failed_code(self.name, architecture, type(self).graph, error) from error
        if not isinstance(graph, ComputationGraph):
            raise FailedCodeError(
                f"{self.name}: graph({architecture!r:.200}) gave {graph!r:.60}, not a graph"
            )
        return graph

    def decode_many(self, decisions: Sequence[Sequence[int]]) -> list[Architecture | None]:
        """Return :meth:`decode` of many vectors; spaces override this where they can be faster."""
        return [self.decode(vector) for vector in decisions]

    def sample(self, rng: np.random.Generator, count: int) -> list[Architecture]:
        """Return ``count`` architectures, independent: every choice uniform, impossible combinations
        redrawn.
        """
        widths = np.array([len(choice.options) for choice in self.choices])
        found: list[Architecture] = []
        while len(found) < count:
            for decisions in rng.integers(0, widths, size=(count - len(found), len(widths))):
                architecture = self.decode(decisions.tolist())
                if architecture is not None:
                    found.append(architecture)
        return found

    def mutate(self, architecture: Architecture, rng: np.random.Generator) -> Architecture:
        """Return a different architecture, one decision away where the space allows it."""
        decisions = self.encode(architecture)
        while True:
            changed = list(decisions)
            position = int(rng.integers(len(changed)))
            others = len(self.choices[position].options) - 1
            if others == 0:
                continue
            changed[position] = (changed[position] + 1 + int(rng.integers(others))) % (others + 1)
            mutant = self.decode(changed)
            if mutant is not None and mutant != architecture:
                return mutant

    def mutate_many(
        self, architectures: Sequence[Architecture], rng: np.random.Generator
    ) -> list[Architecture]:
        """Return a mutant of each; for spaces that check many mutants together faster than one by one."""
        return [self.mutate(architecture, rng) for architecture in architectures]

    def crossover_many(
        self, parents: Sequence[tuple[Architecture, Architecture]], rng: np.random.Generator
    ) -> list[Architecture]:
        """Return a child of each pair, as :meth:`mutate_many` gives mutants."""
        return [self.crossover(first, second, rng) for first, second in parents]

    def crossover(self, first: Architecture, second: Architecture, rng: np.random.Generator) -> Architecture:
        """Return an architecture with every decision from one of two parents; ``first`` if there is no
        mixture.
        """
        parents = np.array([self.encode(first), self.encode(second)])
        for _ in range(16):
            mask = rng.integers(0, 2, size=parents.shape[1])
            child = self.decode(np.where(mask, parents[1], parents[0]).tolist())
            if child is not None:
                return child
        return first


def _noting_options(make: Callable[..., None]) -> Callable[..., None]:
    """``__init__`` that keeps its arguments; of several, one inside the other, those of the outermost."""
    signature = inspect.signature(make)

    @wraps(make)
    def noting(space: SearchSpace, *values: Any, **named: Any) -> None:
        if space._options is None:
            try:
                bound = signature.bind(space, *values, **named)
            except TypeError:
                pass  # the call below says what is wrong
            else:
                bound.apply_defaults()
                space._options = dict(list(bound.arguments.items())[1:])
        make(space, *values, **named)

    return noting
