"""Numbers as people read them: with units and sensible digits."""

import math

_MINUTE, _HOUR = 60, 3600
# Up to here a tenth of a second tells something.
_FEW_SECONDS = 10
_LARGE = {1e9: "billion", 1e6: "million", 1e3: "thousand"}
# What rounding to three digits adds at most, as a share.
_ROUNDED_UP = 5e-4


def duration(seconds: float) -> str:
    """Seconds in words, such as ``0.4 s``, ``26 s``, ``2 min 43 s`` or ``3 h 5 min``."""
    if seconds < _FEW_SECONDS - 0.05:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < _MINUTE:
        return f"{whole} s"
    if whole < _HOUR:
        return f"{whole // _MINUTE} min {whole % _MINUTE} s"
    minutes = round(seconds / _MINUTE)
    return f"{minutes // 60} h {minutes % 60} min"


def counted(number: int, noun: str, plural: str = "") -> str:
    """A number with its noun, such as ``1 network`` or ``4,020 networks``.

    Args:
        number: how many.
        noun: of one.
        plural: of several, where that is not the noun with an s.
    """
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"


def large(number: float) -> str:
    """A count to three digits, such as ``11.7 million``, ``234 thousand`` or ``838``."""
    for size, word in _LARGE.items():
        # 999,600 is 1.00 million, not 1000 thousand.
        if number >= size * (1 - _ROUNDED_UP):
            value = number / size
            digits = max(0, 2 - int(math.log10(max(value, 1.0) * (1 + _ROUNDED_UP))))
            return f"{value:,.{digits}f} {word}"
    return f"{number:,.0f}"
