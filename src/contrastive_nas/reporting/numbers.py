"""Numbers as people read them: with units and no more digits than mean something."""

_BILLION, _MILLION, _THOUSAND = 10**9, 10**6, 10**3
# Larger counts are told by their power of ten.
_SPELT_OUT = 10**12


def percent(value: float, digits: int = 2) -> str:
    """An accuracy in percent."""
    return f"{value:.{digits}f} %"


def points(value: float) -> str:
    """A difference of accuracies, in percentage points, without a sign."""
    return f"{abs(value):.2f} percentage points"


def large(value: float) -> str:
    """A count in words: millions and thousands with three digits."""
    for size, word in ((_BILLION, "billion"), (_MILLION, "million"), (_THOUSAND, "thousand")):
        if value >= size:
            return f"{value / size:.3g} {word}"
    return f"{value:,.0f}"


def count(number: int, one: str, many: str = "") -> str:
    """A number of things, e.g. ``1 label`` and ``3,000 labels``."""
    return f"{number:,} {one if number == 1 else many or f'{one}s'}"


def size_of_space(number: int) -> str:
    """The number of architectures of a space."""
    if number < _SPELT_OUT:
        return f"{number:,} architectures"
    digits = len(str(number)) - 1
    return f"about {number / 10**digits:.1f} × 10^{digits} architectures"


def duration(seconds: float) -> str:
    """A time with its two largest units."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes = round(seconds / 60)
    if minutes < 60:
        return f"{int(seconds // 60)} min {int(seconds % 60)} s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours < 48 else f"{hours // 24} d {hours % 24} h"


def listed(words: list[str]) -> str:
    """Words joined by commas and a last ``and``."""
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}" if words else "none"
