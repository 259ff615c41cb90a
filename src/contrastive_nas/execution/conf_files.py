"""Checks that the YAML files of a project's configuration can be read, before Kedro reads them."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from contrastive_nas.errors import InputError

BASE = "base"
_ENDINGS = (".yml", ".yaml")


class _Loader(yaml.SafeLoader):
    """Takes any tag: what it means is for others to say."""


_Loader.add_multi_constructor("", lambda loader, tag, node: None)


def check_conf_files(conf: Path, env: str | None) -> None:
    """Read every YAML file of the base and of an environment.

    Args:
        conf: folder of the configuration.
        env: the environment; None for the default one, ``local``.

    Raises:
        InputError: a file that is not UTF-8 or not YAML, or that does not hold names with values.
    """
    for file in _yaml_files(conf, env or "local"):
        content = read_yaml(file)
        if not isinstance(content, dict | None):
            kind = "a list" if isinstance(content, list) else f"the single value {content!r:.60}"
            raise InputError(f"{file} holds {kind} in place of names with values")


def _yaml_files(conf: Path, env: str) -> Iterator[Path]:
    for folder in (conf / BASE, conf / env):
        yield from sorted(file for file in folder.rglob("*") if file.suffix in _ENDINGS and file.is_file())


def read_yaml(file: Path) -> Any:
    """Return what a YAML file holds; tags of its own as None.

    Raises:
        InputError: the file cannot be read, is not UTF-8 or not YAML.
    """
    try:
        return _Loader(file.read_text(encoding="utf-8")).get_single_data()
    except UnicodeDecodeError as error:
        raise InputError(f"{file} is not UTF-8: {error}") from error
    except OSError as error:
        raise InputError(f"{file} cannot be read: {error.strerror}") from error
    except yaml.MarkedYAMLError as error:
        place = "" if error.problem_mark is None else f", line {error.problem_mark.line + 1}"
        raise InputError(f"{file}{place} is not valid YAML: {error.problem}") from error
    except yaml.YAMLError as error:
        raise InputError(f"{file} is not valid YAML: {' '.join(str(error).split())}") from error
