"""Which elements of a module's parameters the nodes of its graph hold: each of them once.

A parameter may be used whole, in slices, alone and together with others, by several layers. Each node is
asked for what it uses and holds of it what no node before holds; so the parameters of a graph are those that
the module uses, however it uses them.
"""

import math
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

# Offset, sizes and strides of a view of a parameter, in elements of its storage.
Region = tuple[int, tuple[int, ...], tuple[int, ...]]


class ParameterPart(NamedTuple):
    """Elements of one trainable parameter.

    Attributes:
        name: of the parameter.
        size: number of elements.
        region: where they are; None stands for the whole parameter.
    """

    name: str
    size: int
    region: Region | None = None


class Claims:
    """What nodes hold so far."""

    def __init__(self) -> None:
        self._whole: set[str] = set()
        self._regions: dict[str, list[Region]] = {}
        self._held: dict[str, int] = {}

    def take(self, parts: Iterable[ParameterPart]) -> int:
        """Claim parts; gives how many of their elements nobody held before."""
        return sum(self._take(part) for part in parts)

    def touched(self, part: ParameterPart) -> bool:
        """Return whether anybody holds elements of the part's parameter."""
        return part.name in self._held

    def _take(self, part: ParameterPart) -> int:
        if part.name in self._whole:
            return 0
        held, regions = self._held.get(part.name, 0), self._regions.setdefault(part.name, [])
        if part.region is None:
            self._whole.add(part.name)
            new = part.size - held
        elif part.region in regions:
            return 0
        else:
            new = _elements_outside(part, regions)
            regions.append(part.region)
        self._held[part.name] = held + new
        return new


def _elements_outside(part: ParameterPart, regions: list[Region]) -> int:
    """How many elements of the part are in none of the regions."""
    assert part.region is not None
    first, last = _span(part.region)
    near = [region for region in regions if _span(region)[0] <= last and _span(region)[1] >= first]
    if not near:
        return part.size
    own = _elements(part.region)
    return len(np.setdiff1d(own, np.concatenate([_elements(region) for region in near]), assume_unique=False))


def _span(region: Region) -> tuple[int, int]:
    """First and last element."""
    offset, sizes, strides = region
    return offset, offset + sum((size - 1) * stride for size, stride in zip(sizes, strides, strict=True))


def _elements(region: Region) -> NDArray[np.int64]:
    offset, sizes, strides = region
    places = np.array([offset], dtype=np.int64)
    for size, stride in zip(sizes, strides, strict=True):
        places = np.add.outer(places, np.arange(size, dtype=np.int64) * stride)
    return np.unique(places)


def part_of(name: str, whole: int, region: Region) -> ParameterPart:
    """Return the part of a parameter of ``whole`` elements that a view of it shows."""
    _, sizes, strides = region
    count = math.prod(size for size, stride in zip(sizes, strides, strict=True) if stride)
    return ParameterPart(name, whole) if count >= whole else ParameterPart(name, count, region)
