"""Accuracies from a function of the user's own, such as another project's training."""

import dis
import inspect
import logging
import math
import time
from collections.abc import Callable, Sequence
from copy import copy
from functools import cached_property
from numbers import Real
from pathlib import Path
from types import CodeType
from typing import Any

import pandas as pd

from contrastive_nas.errors import InputError
from contrastive_nas.evaluators.base import FULL, Evaluation, Evaluator, Fidelity, is_machine_fault, with_full
from contrastive_nas.identity import described, digest, is_plain
from contrastive_nas.spaces.base import Architecture
from contrastive_nas.user_code import as_number, load_named

logger = logging.getLogger(__name__)
AccuracyFunction = Callable[..., float]


class FunctionEvaluator(Evaluator):
    """Asks ``function(architecture)`` for an accuracy in percent, one architecture after another.

    An exception, and whatever is no finite number, is a failed query with its reason. Accuracies of a table
    are not on the function's scale, so choices are not ranked among its rows.

    Args:
        function: gives the accuracy of an architecture.
        identity: names what the function measures, in words that change when its answers do (data, settings,
            version); told with every ledger. Without it, a function is known by its source text, by that of
            the functions and classes of its module that it uses, and by the values of the variables of its
            module that it reads; files and libraries that it reads are not looked at.
        fidelities: cheaper measurements. Where there are any, the function is called with the name of a
            fidelity too: ``function(architecture, "full")`` for the full training.
    """

    origin = "trained"

    def __init__(
        self, function: AccuracyFunction, identity: str = "", fidelities: Sequence[Fidelity] = ()
    ) -> None:
        self._function = function
        self._name = identity
        self.fidelities = with_full(fidelities)
        self._more_arguments: tuple[str, ...] = (FULL,) if fidelities else ()
        self._shorter = {one.name: self._called_with(one.name) for one in fidelities}

    @cached_property
    def identity(self) -> dict[str, Any]:
        """See :class:`Evaluator`.

        Raises:
            InputError: the source text does not say what the function does, and it was given no identity.
        """
        found = {"kind": "function", "function": self._name or _source_identity(self._function)}
        if self._more_arguments:
            found["fidelities"] = {one.name: one.cost for one in self.fidelities}
        return found

    def evaluate(self, architectures: Sequence[Architecture]) -> list[Evaluation]:
        return [self._ask(architecture) for architecture in architectures]

    def reference(self, table: pd.DataFrame, columns: Sequence[str]) -> pd.DataFrame:
        return table.assign(**dict.fromkeys(columns, math.nan))

    def _called_with(self, fidelity: str) -> "FunctionEvaluator":
        shorter = copy(self)
        shorter._more_arguments = (fidelity,)
        return shorter

    def _ask(self, architecture: Architecture) -> Evaluation:
        start = time.process_time()
        try:
            answer = self._function(architecture, *self._more_arguments)
        except (Exception, SystemExit) as error:  # a user's function may raise anything; the search goes on
            logger.warning("the function failed for %s", architecture, exc_info=True)
            failure = f"{type(error).__name__}: {error}"
            fault = isinstance(error, Exception) and is_machine_fault(error)
            return Evaluation(architecture, math.nan, "trained", time.process_time() - start, failure, fault)
        seconds = time.process_time() - start
        answer = as_number(answer)
        if not isinstance(answer, Real) or isinstance(answer, bool) or not math.isfinite(answer):
            reason = f"the function returned {answer!r:.60}, which is not a finite number"
            return Evaluation(architecture, math.nan, "trained", seconds, reason)
        return Evaluation(architecture, float(answer), "trained", seconds)


def load_function(target: str, fidelities: Sequence[Fidelity] = ()) -> FunctionEvaluator:
    """Return the evaluator of ``path/to/file.py:name`` or ``package.module:name``.

    It is known by the text of the whole file: an edit of it begins another search.

    Raises:
        InputError: no such file, module or function, or it cannot be run.
    """
    function = load_named(target, "function")
    if not callable(function):
        module, _, name = target.rpartition(":")
        raise InputError(f"evaluator.function {target!r}: {module} has no function {name!r}")
    file = Path(inspect.getfile(inspect.unwrap(function)))
    return FunctionEvaluator(function, f"{target} {digest(file.read_text())}", fidelities)


def _source_identity(function: AccuracyFunction) -> dict[str, Any]:
    plain = inspect.isfunction(function) and function.__closure__ is None and function.__defaults__ is None
    try:
        if not plain:
            raise TypeError("it uses values that are not in its source code")
        return _source(function, {})
    except (OSError, TypeError) as error:
        raise InputError(
            f"{function!r:.100} cannot be told from other functions in a results folder ({error}): give it a "
            "name, FunctionEvaluator(function, identity='...')"
        ) from None


def _source(code: Any, known: dict[str, Any]) -> dict[str, Any]:
    """Checksums of a function or class and of what it uses of its module, and values of that one's variables.

    Raises:
        TypeError: a variable is of a kind whose value cannot be written down.
        OSError: there is no text.
    """
    known[code.__qualname__] = digest(f"{code.__module__} {inspect.getsource(code)}")
    methods = vars(code).values() if inspect.isclass(code) else [code]
    for method in filter(inspect.isfunction, methods):
        for name in _names_read(method.__code__):
            value = method.__globals__.get(name)
            own = getattr(value, "__module__", None) == code.__module__
            if (inspect.isfunction(value) or inspect.isclass(value)) and own:
                if value.__qualname__ not in known:
                    _source(value, known)
            elif not (inspect.ismodule(value) or callable(value)):
                if not is_plain(value):
                    raise TypeError(
                        f"it reads {name!r}, a {type(value).__name__} whose value is not in its source code"
                    )
                known[name] = described(value)
    return known


def _names_read(code: CodeType) -> set[str]:
    """Variables of the module that a function reads, those of functions inside it included."""
    inner = (part for part in code.co_consts if isinstance(part, CodeType))
    own = {step.argval for step in dis.get_instructions(code) if step.opname == "LOAD_GLOBAL"}
    return own.union(*map(_names_read, inner))
