"""Code that users name, ``path/to/file.py:name`` or ``package.module:name``, and what it answers."""

import importlib
import importlib.util
import math
from decimal import Decimal
from pathlib import Path
from types import ModuleType
from typing import Any

from contrastive_nas.errors import InputError


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


def as_number(answer: Any) -> Any:
    """Return the number that a tensor, an array of one element or a decimal is; all else as it is."""
    if isinstance(answer, Decimal):
        return float(answer)
    single = hasattr(answer, "item") and math.prod(getattr(answer, "shape", (0,))) == 1
    return answer.item() if single else answer


def _load_module(name: str, what: str) -> ModuleType:
    if not name.endswith(".py"):
        try:
            return importlib.import_module(name)
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
    return module
