"""Versions of installed libraries."""

import sys
from collections.abc import Iterable
from functools import cache
from importlib.metadata import PackageNotFoundError, packages_distributions, version

# Looking through everything that is installed takes a second; these are the ones met here.
OTHERWISE_NAMED = {
    "sklearn": "scikit-learn",
    "yaml": "pyyaml",
    "PIL": "pillow",
    "google": "protobuf",
    "lightning_fabric": "lightning-fabric",
}


def library_versions(modules: Iterable[str]) -> dict[str, str]:
    """Version of the distribution behind each top-level module, and that of Python.

    Python counts with its minor version: patches do not change what a program computes.
    """
    found = {module: _version(module) for module in sorted(modules)}
    return {**found, "python": f"{sys.version_info.major}.{sys.version_info.minor}"}


@cache
def _version(module: str) -> str:
    try:
        return version(OTHERWISE_NAMED.get(module, module))
    except PackageNotFoundError:
        return ", ".join(f"{name} {version(name)}" for name in sorted(set(_distributions().get(module, []))))


@cache
def _distributions() -> dict[str, list[str]]:
    return dict(packages_distributions())
