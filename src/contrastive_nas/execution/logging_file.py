"""What a project logs: ``conf/base/logging.yml``, whose mistakes are told in one message.

Kedro reads ``conf/logging.yml``, or the file that ``KEDRO_LOGGING_CONFIG`` names, while it is imported. No
code of a project runs before that, so a mistake there ends in a traceback. A project's ``conf/logging.yml``
is therefore all but empty, and what users change is read here.
"""

import os
import re
from collections.abc import Iterator
from contextlib import chdir, contextmanager
from pathlib import Path
from typing import Any

from contrastive_nas.errors import InputError
from contrastive_nas.execution.conf_files import BASE, read_yaml

VARIABLE = "KEDRO_LOGGING_CONFIG"
FILE = Path("conf", BASE, "logging.yml")
# In the order in which Kedro looks for it, from the current folder.
_KEDROS = tuple(Path("conf", f"logging{ending}") for ending in (".yml", ".yaml", ".json"))
# That of a new project.
_SILENT = Path(__file__).parents[1] / "starter" / "conf" / "logging.yml"


def configure_logging(project: Path) -> None:
    """Log as the file of a project says; paths in it begin in the project's folder.

    Without the file, or where the environment variable names another one, logging stays as Kedro made it.

    Raises:
        InputError: the file is not YAML, or it does not describe logging.
    """
    file = project / FILE
    if VARIABLE in os.environ or not file.exists():
        return
    content = _names_with_values(file)
    from kedro.framework.project import LOGGING

    try:
        with chdir(project):
            LOGGING.configure(content)
    except Exception as error:  # of whatever class the file names
        raise _misdescribed(file, error) from error


def import_kedro() -> None:
    """Import Kedro, which reads its own logging file; without one it does not log to standard output.

    Raises:
        InputError: the file cannot be read, or it does not describe logging.
    """
    named = os.environ.get(VARIABLE)
    file = Path(named) if named else next((path for path in _KEDROS if path.exists()), _SILENT)
    _names_with_values(file)
    try:
        with _variable(str(file)):
            import kedro.framework.project  # noqa: F401
    except (ValueError, TypeError, AttributeError) as error:
        raise _misdescribed(file, error) from error


@contextmanager
def _variable(file: str) -> Iterator[None]:
    before = os.environ.get(VARIABLE)
    os.environ[VARIABLE] = file
    try:
        yield
    finally:
        del os.environ[VARIABLE]
        if before is not None:
            os.environ[VARIABLE] = before


def _names_with_values(file: Path) -> dict[str, Any]:
    content = read_yaml(file)
    if not isinstance(content, dict):
        raise InputError(f"{file} has to hold names with values: copy that of a new project")
    return content


def _misdescribed(file: Path, error: Exception) -> InputError:
    """Names the line that holds what the error quotes, where there is one."""
    reason = " ".join(f"{error}: {error.__cause__}".split()) if error.__cause__ else str(error)
    lines = file.read_text(encoding="utf-8").splitlines()
    quoted = re.findall(r"'([^']+)'", reason)
    found = (number for word in quoted for number, line in enumerate(lines, 1) if word in line)
    number = next(found, None)
    place = "" if number is None else f", line {number}"
    return InputError(f"{file}{place} does not describe logging: {reason.rstrip('.')}")
