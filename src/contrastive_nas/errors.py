"""Errors that a user can mend; they are shown as one line, without a traceback."""

from collections.abc import Sequence
from difflib import get_close_matches

# Of the names that are there, where none is like the one that was asked for.
_MOST_SHOWN = 20


class InputError(ValueError):
    """Something from outside (a file, a parameter, an architecture, a module) cannot be used as it is.

    The message names the place (file, row, parameter or architecture) and the reason.
    """


def instead(name: str, known: Sequence[str]) -> str:
    """Return how a message about an unknown name ends: with the one most like it, else with the first of
    all.
    """
    close = get_close_matches(name, known, n=1) or [one for one in known if name and name in one]
    if close:
        return f": did you mean {close[0]!r}?"
    more = len(known) - _MOST_SHOWN
    shown = ", ".join(known[:_MOST_SHOWN]) + (f" or {more} others" if more > 0 else "")
    return f": choose from {shown}" if known else ": there is none at all"
