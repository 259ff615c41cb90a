"""Code that users name, ``path/to/file.py:name`` or ``package.module:name``, and what it answers."""

import importlib
import importlib.util
import math
import sysconfig
import traceback
from decimal import Decimal
from pathlib import Path
from types import ModuleType
from typing import Any

import contrastive_nas
from contrastive_nas.errors import InputError

# Of code that was loaded: how a frame of a traceback calls the file, and how the user does.
_FILES: dict[str, str] = {}
# This package and installed ones. Not by ``__file__``: who names it reads files beside it, and every node of
# a pipeline would depend on all of them.
_NOT_OF_USERS = (contrastive_nas.__path__[0], *map(sysconfig.get_path, ("purelib", "platlib", "stdlib")))


def load_named(target: str, what: str) -> Any:
    """Return the object that ``file.py:name`` or ``module:name`` names; None where the module has no such
    name.

    Args:
        target: with a colon.
        what: kind of object, for messages.

    Raises:
        InputError: no such file or module, or it cannot be run.
    """
    module, _, name = target.rpartition(":")
    return getattr(_load_module(module, what), name, None)


def blame(error: BaseException) -> str | None:
    """Return where code that :func:`load_named` has loaded raised an error, and which; None where it did not.

    Of several places in it, the last one: what it called may lie deeper, in a library.
    """
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        if frame.filename in _FILES:
            reason = " ".join(f"{type(error).__name__}: {error}".split())
            return f"{_FILES[frame.filename]}, line {frame.lineno}, in {frame.name}: {reason}"
    return None


def as_number(answer: Any) -> Any:
    """Return the number that a tensor, an array of one element or a decimal is; all else as it is."""
    if isinstance(answer, Decimal):
        return float(answer)
    single = hasattr(answer, "item") and math.prod(getattr(answer, "shape", (0,))) == 1
    return answer.item() if single else answer


def _load_module(name: str, what: str) -> ModuleType:
    if not name.endswith(".py"):
        try:
            return _noted(importlib.import_module(name))
        except ImportError as error:
            raise InputError(f"{what} module {name!r} cannot be imported: {error}") from None
        except (Exception, SystemExit) as error:
            raise InputError(
                f"{what} module {name!r} cannot be run: {type(error).__name__}: {error}"
            ) from error
    path = Path(name)
    if not path.is_file():
        raise InputError(f"{what} file {name} does not exist")
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:
        raise InputError(f"{what} file {name} cannot be run: {type(error).__name__}: {error}") from error
    _FILES[str(spec.origin)] = name
    return module


def _noted(module: ModuleType) -> ModuleType:
    """Remembers its file, unless it belongs to this package or to an installed one."""
    file = getattr(module, "__file__", None)
    if file and not file.startswith(_NOT_OF_USERS):
        _FILES[file] = file
    return module
