"""Errors that a user can mend; they are shown as one line, without a traceback."""


class InputError(ValueError):
    """Something from outside (a file, a parameter, an architecture, a module) cannot be used as it is.

    The message names the place (file, row, parameter or architecture) and the reason.
    """
