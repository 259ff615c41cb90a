"""Architectures as other projects write them: Python literals, index tuples, padded dictionaries."""

import ast
import logging
from collections.abc import Mapping, Sequence
from functools import cache

from contrastive_nas.errors import InputError

logger = logging.getLogger(__name__)
# A padded Once-for-All dictionary has some 300 characters, a NASLib tuple of NAS-Bench-101 some 170.
LONGEST_LITERAL = 10_000
_CHARACTERS_SHOWN = 120
_LITERAL_STARTS = ("(", "[", "{")


def check_text(space: str, architecture: object) -> None:
    """Raise InputError unless an architecture is a string."""
    if not isinstance(architecture, str):
        raise InputError(
            f"{space}: {_shown(architecture)} is not an architecture string of the space; its read() takes "
            "other forms"
        )


def _shown(given: object) -> str:
    return repr(given)[:_CHARACTERS_SHOWN]


def literal(given: object) -> object:
    """Return what a text of a Python tuple, list or dictionary of plain values stands for; else ``given``
    itself.
    """
    if not isinstance(given, str) or len(given) > LONGEST_LITERAL:
        return given
    text = given.strip()
    if not text.startswith(_LITERAL_STARTS):
        return given
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError, TypeError, RecursionError, MemoryError):
        return given


def indices(given: object, length: int, below: int) -> tuple[int, ...] | None:
    """Return ``given`` as a tuple of ``length`` whole numbers from 0 to ``below`` - 1; None where it is
    none.
    """
    if not isinstance(given, Sequence) or isinstance(given, str) or len(given) != length:
        return None
    if not all(type(index) is int and 0 <= index < below for index in given):
        return None
    return tuple(given)


@cache
def note_indices(space: str, project: str) -> None:
    """Say once whose numbering bare indices are taken for, as other projects number otherwise."""
    logger.info("%s: architectures that are tuples of indices are read in the notation of %s", space, project)


def once_for_all(fields: Mapping[str, object]) -> str:
    """Return ``224|k5e4,k7e3|...`` of a Once-for-All dictionary.

    Args:
        fields: kernels ``ks``, expansions ``e``, depths ``d``, resolution ``r``.

    Raises:
        InputError: a part is missing or no list of whole numbers, or the lengths do not fit each other.
    """
    side = fields.get("r")
    sides = [side] if type(side) is int else _numbers(fields, "r")
    if len(sides) != 1:
        raise InputError(f"one resolution r is needed, not {sides[:5]}")
    depths = _numbers(fields, "d")
    return elastic_stages(sides[0], _numbers(fields, "ks", True), _numbers(fields, "e", True), depths)


def _numbers(fields: Mapping[str, object], name: str, padded: bool = False) -> list[int]:
    values = fields.get(name)
    kinds = (int, type(None)) if padded else (int,)
    if not isinstance(values, list | tuple) or not all(type(value) in kinds for value in values):
        raise InputError(f"{name} of the sub-network is {str(values)[:60]!r}, not a list of whole numbers")
    return list(values)


def elastic_stages(
    resolution: int,
    kernels: Sequence[int | None],
    expansions: Sequence[int | None],
    depths: Sequence[int],
) -> str:
    """Return ``224|k5e4,k7e3|...``: resolution, then each stage's layers, those beyond its depth left out.

    Args:
        resolution: of the input, in pixels.
        kernels: one for each of the supernet's layers, as many a stage in every stage, anything or None
            beyond a stage's depth; or only of the layers that exist.
        expansions: likewise.
        depths: layers that exist, one for each stage.

    Raises:
        InputError: the lengths do not fit each other, or None stands for a layer that exists.
    """
    sizes = f"{len(kernels)} kernel sizes, {len(expansions)} expand ratios, depths {list(depths)[:10]}"
    fitting = InputError(f"the layers do not fit the stages: {sizes}")
    kept = [_existing(values, depths) for values in (kernels, expansions)]
    if kept[0] is None or kept[1] is None:
        raise fitting
    stages = []
    for chosen_kernels, chosen_expansions in zip(kept[0], kept[1], strict=True):
        if None in chosen_kernels or None in chosen_expansions:
            raise InputError(f"a layer within its stage's depth is None: {sizes}")
        layers = zip(chosen_kernels, chosen_expansions, strict=True)
        stages.append(",".join(f"k{kernel}e{expansion}" for kernel, expansion in layers))
    return "|".join([str(resolution), *stages])


def _existing(values: Sequence[int | None], depths: Sequence[int]) -> list[Sequence[int | None]] | None:
    """The values of the layers that exist, per stage; None where there are not as many as there should be."""
    if not depths or min(depths) < 1:
        return None
    if len(values) == sum(depths):
        ends = [sum(depths[: stage + 1]) for stage in range(len(depths))]
        return [values[end - depth : end] for end, depth in zip(ends, depths, strict=True)]
    deepest, rest = divmod(len(values), len(depths))
    if rest or max(depths) > deepest:
        return None
    return [values[stage * deepest : stage * deepest + depth] for stage, depth in enumerate(depths)]
