"""Which project a command works on."""

from pathlib import Path

from contrastive_nas.errors import InputError


def find_project() -> Path:
    """The project that the current folder belongs to.

    Raises:
        InputError: it belongs to none.
    """
    from kedro.utils import find_kedro_project

    found = find_kedro_project(Path.cwd())
    if found is None:
        raise InputError(f"{Path.cwd()} is in no Kedro project: go to its folder first")
    return Path(found)
