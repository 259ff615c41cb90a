"""What stands for the classes and functions that the pickles of benchmark files name."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from contrastive_nas.errors import InputError


class _LeftOut:
    """Stands for arrays, weights and entries that were handed on already."""


LEFT_OUT = _LeftOut()
_DICTIONARIES = {"collections.OrderedDict", "collections.defaultdict"}
_SCALARS = {"numpy.core.multiarray.scalar", "numpy._core.multiarray.scalar"}
_SETS = {"builtins.set", "__builtin__.set", "builtins.frozenset", "__builtin__.frozenset"}
_LEFT_OUT = {
    "numpy.ndarray",
    "numpy.core.multiarray._reconstruct",
    "numpy._core.multiarray._reconstruct",
    "numpy.core.numeric._frombuffer",
    "numpy._core.numeric._frombuffer",
    "torch._utils._rebuild_tensor",
    "torch._utils._rebuild_tensor_v2",
    "torch._utils._rebuild_parameter",
    "torch.storage._load_from_bytes",
    "torch.FloatStorage",
    "torch.LongStorage",
}
_OTHERS = {"_codecs.encode", "numpy.dtype"}


@dataclass(frozen=True)
class Named:
    """A class or function that a pickle names; it is never looked up."""

    name: str


@dataclass(frozen=True)
class Dtype:
    """A numpy type's code, such as ``f8``."""

    code: str


_NAMED = {name: Named(name) for name in _DICTIONARIES | _SCALARS | _SETS | _LEFT_OUT | _OTHERS}
_DTYPES = {
    code: Dtype(code) for code in ("f8", "f4", "f2", "i8", "i4", "i2", "i1", "u1", "u2", "u4", "u8", "b1")
}


def named(module: object, name: object, file: str) -> Named:
    """Return the stand-in for ``module.name``.

    Raises:
        InputError: it is none of those that benchmark files need.
    """
    full = f"{module}.{name}" if isinstance(module, str) and isinstance(name, str) else "no name"
    if full not in _NAMED:
        raise InputError(f"{file}: the pickle asks for {full[:120]!r}, which is not allowed in this format")
    return _NAMED[full]


def reduced(function: Any, arguments: Any) -> Any:
    """Return the plain value that a call of a named function stands for.

    Raises:
        TypeError, ValueError, KeyError: the call is not as its writer makes it.
    """
    if function is LEFT_OUT or type(function) is not Named or type(arguments) is not tuple:
        raise TypeError("a call of something that is not a function")
    if function.name in _DICTIONARIES:
        if arguments:
            raise ValueError("a dictionary made from arguments")
        return {}
    if function.name in _SETS:
        # As for every set, a list: what is in it need not be a valid key.
        return list(*arguments)
    if function.name in _SCALARS:
        kind, content = arguments
        return np.frombuffer(content, np.dtype(kind.code), count=1)[0].item()
    if function.name == "numpy.dtype":
        return _DTYPES[arguments[0]]
    if function.name == "_codecs.encode":
        text, encoding = arguments
        if encoding != "latin1" or type(text) not in (str, _LeftOut):
            raise ValueError("an unknown encoding")
        return text.encode("latin1") if type(text) is str else LEFT_OUT
    return LEFT_OUT


def state_set(target: Any, state: Any) -> None:
    """Take note of an object's state; of the types that are kept none has one that matters.

    Raises:
        TypeError: the target is none of those types.
    """
    if type(target) not in (dict, Dtype, _LeftOut):
        raise TypeError("a state for an object that has none")
