"""Checks that search spaces share."""

import inspect
import traceback
from collections.abc import Callable, Sequence
from typing import TypeVar

from contrastive_nas.errors import InputError
from contrastive_nas.graphs.builder import Shape

Parsed = TypeVar("Parsed")
_REASONS_SHOWN = 20


class InvalidArchitecturesError(InputError):
    """Some of many architectures are not in the space.

    Attributes:
        reasons: why, by row number counted from 0; every invalid row is there.
    """

    def __init__(self, space: str, reasons: dict[int, str], total: int) -> None:
        self.reasons = reasons
        lines = [f"row {row}: {reason}" for row, reason in list(reasons.items())[:_REASONS_SHOWN]]
        others = list(reasons)[_REASONS_SHOWN:]
        if others:
            lines.append(f"and rows {', '.join(map(str, others))}")
        super().__init__(f"{space}: {len(reasons)} of {total} architectures are invalid: " + "; ".join(lines))


class FailedCodeError(InputError):
    """The code of a space failed, for whatever architecture; the message names the line."""


def failed_code(
    space: str, architecture: str, function: Callable[..., object], error: Exception
) -> FailedCodeError:
    """Return what to raise where ``function`` of a space raised ``error`` for an architecture."""
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if frame.filename == inspect.getsourcefile(function)]
    place = own[-1] if own else frames[-1]
    return FailedCodeError(
        f"{space}: {function.__name__}({architecture!r:.200}) failed with {type(error).__name__}: "
        f"{' '.join(str(error).split())[:300]} ({place.filename}, line {place.lineno}: {place.line})"
    )


def parse_rows(space: str, architectures: Sequence[str], parse: Callable[[str], Parsed]) -> list[Parsed]:
    """Return ``parse`` of every architecture, in their order.

    Raises:
        InvalidArchitecturesError: ``parse`` raised InputError for some; nothing is returned for the others.
        FailedCodeError: as ``parse`` raised it, at the first such row.
    """
    parsed: list[Parsed] = []
    reasons: dict[int, str] = {}
    for row, architecture in enumerate(architectures):
        if not isinstance(architecture, str):
            reasons[row] = f"{architecture!r} is not a string"
            continue
        try:
            parsed.append(parse(architecture))
        except FailedCodeError:
            raise
        except InputError as error:
            reasons[row] = str(error)
    if reasons:
        raise InvalidArchitecturesError(space, reasons, len(architectures))
    return parsed


def check_input_shape(space: str, input_shape: Sequence[int], multiple: int) -> Shape:
    """Return ``input_shape`` as a (C, H, W) tuple.

    Raises:
        InputError: not three positive integers, or height or width no multiple of ``multiple``.
    """
    shape = tuple(input_shape) if isinstance(input_shape, Sequence) else ()
    if len(shape) != 3 or not all(map(_is_positive, shape)) or any(n % multiple for n in shape[1:]):
        multiples = f", the last two multiples of {multiple}" if multiple > 1 else ""
        raise InputError(
            f"{space}: input_shape must be (channels, height, width){multiples}, got {input_shape!r}"
        )
    return shape


def check_positive(space: str, **numbers: int) -> None:
    """Raise InputError unless all options are whole numbers of at least 1."""
    for option, number in numbers.items():
        if not _is_positive(number):
            raise InputError(f"{space}: {option} must be a whole number of at least 1, got {number!r}")


def _is_positive(number: object) -> bool:
    return isinstance(number, int) and not isinstance(number, bool) and number > 0


def check_resolutions(space: str, resolutions: Sequence[int]) -> tuple[int, ...]:
    """Return heights of images to choose from, as a tuple without repeats, ascending.

    Raises:
        InputError: none, or one that is no whole number of at least 32.
    """
    listed = isinstance(resolutions, Sequence) and len(resolutions) > 0
    if not listed or not all(_is_positive(resolution) and resolution >= 32 for resolution in resolutions):
        raise InputError(f"{space}: resolutions must be whole numbers of at least 32, got {resolutions!r}")
    return tuple(sorted(set(resolutions)))


def check_width(space: str, width: float) -> float:
    """Return ``width`` itself.

    Raises:
        InputError: it is no number above 0 and up to 10.
    """
    if not isinstance(width, int | float) or not 0 < width <= 10:
        raise InputError(f"{space}: width must be above 0 and at most 10, got {width!r}")
    return width
