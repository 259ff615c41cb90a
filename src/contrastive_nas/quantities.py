"""Numbers as people read them: with units and sensible digits."""

import math
from collections.abc import Sequence
from typing import Any

# Generators of random numbers in the libraries that are used take no larger seed.
LARGEST_SEED = 2**32 - 1
_MINUTE, _HOUR = 60, 3600
# From so many hours on, days are told.
_DAYS = 48
# Up to here a tenth of a second tells something.
_FEW_SECONDS = 10
_LARGE = {1e9: "billion", 1e6: "million", 1e3: "thousand"}
# Larger counts are told by their power of ten.
_SPELT_OUT = 10**12
# What rounding to three digits adds at most, as a share.
_ROUNDED_UP = 5e-4


def percent(value: float, digits: int = 2) -> str:
    """Return an accuracy in percent, such as ``97.62 %``."""
    return f"{value:.{digits}f} %"


def points(value: float) -> str:
    """Return the size of a difference of accuracies in percent, such as ``0.13 percentage points``."""
    return f"{abs(value):.2f} percentage points"


def duration(seconds: float) -> str:
    """Return seconds in words, such as ``0.4 s``, ``26 s``, ``2 min 43 s``, ``3 h 5 min`` or ``2 d 7 h``."""
    if seconds < _FEW_SECONDS - 0.05:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < _MINUTE:
        return f"{whole} s"
    if whole < _HOUR:
        return f"{whole // _MINUTE} min {whole % _MINUTE} s"
    minutes = round(seconds / _MINUTE)
    hours = minutes // 60
    return f"{hours} h {minutes % 60} min" if hours < _DAYS else f"{hours // 24} d {hours % 24} h"


def counted(number: int, noun: str, plural: str = "") -> str:
    """Return a number with its noun, such as ``1 network`` or ``4,020 networks``.

    Args:
        number: how many.
        noun: of one.
        plural: of several, where that is not the noun with an s.
    """
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"


def listed(words: Sequence[str]) -> str:
    """Return words joined by commas and a last ``and``."""
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}" if words else "none"


def size_of_space(number: int) -> str:
    """Return the number of architectures of a space, from a trillion on as a power of ten."""
    if number < _SPELT_OUT:
        return f"{number:,} architectures"
    digits = len(str(number)) - 1
    return f"about {number / 10**digits:.1f} × 10^{digits} architectures"


def large(number: float) -> str:
    """Return a count to three digits, such as ``11.7 million``, ``234 thousand`` or ``838``."""
    for size, word in _LARGE.items():
        # 999,600 is 1.00 million, not 1000 thousand.
        if number >= size * (1 - _ROUNDED_UP):
            value = number / size
            digits = max(0, 2 - int(math.log10(max(value, 1.0) * (1 + _ROUNDED_UP))))
            return f"{value:,.{digits}f} {word}"
    return f"{number:,.0f}"


def cell_text(value: Any) -> str:
    """Return a value of a record as a cell of a table shows it: numbers to six digits, ``-`` for none."""
    if value is None:
        return "-"
    if isinstance(value, list):
        return ",".join(cell_text(item) for item in value)
    return f"{value:.6g}" if isinstance(value, float) else str(value)
