"""What the benchmarks have in common: reading a table, options, tables of means, names of results."""

import platform
import re
from argparse import ArgumentTypeError
from collections.abc import Callable, Collection, Sequence
from pathlib import Path

import pandas as pd
import torch

from contrastive_nas.errors import InputError
from contrastive_nas.spaces import load_space
from contrastive_nas.spaces.base import SearchSpace
from contrastive_nas.tables.reading import read_table


def read_rows(space: str, path: Path, columns: Sequence[str]) -> tuple[SearchSpace, pd.DataFrame]:
    """A space, by name or ``file.py:Class``, and the rows of its table that have all columns.

    Raises:
        InputError: the table cannot be read or lacks a column.
    """
    known = load_space(space)
    table = read_table(path, space=known.name if space == known.name else None).frame
    missing = set(columns) - set(table.columns)
    if missing:
        raise InputError(f"{path} has no column {', '.join(sorted(missing))}")
    return known, table.dropna(subset=list(columns)).reset_index(drop=True)


def numbers(text: str) -> list[int]:
    return [int(part) for part in text.split(",")]


def names_among(known: Collection[str]) -> Callable[[str], list[str]]:
    """Reads a comma-separated option of known names."""

    def read(text: str) -> list[str]:
        names = text.split(",")
        unknown = sorted(set(names) - set(known))
        if unknown:
            raise ArgumentTypeError(f"unknown {', '.join(unknown)}; there are {', '.join(known)}")
        return names

    return read


def means(results: pd.DataFrame, keys: Sequence[str], shown: Sequence[str]) -> pd.DataFrame:
    """Mean and standard deviation over seeds."""
    grouped = results.groupby(list(keys), sort=False)[list(shown)].agg(["mean", "std"])
    grouped.columns = grouped.columns.map(" ".join)
    return grouped


def file_of_results(output: Path, name: str, **versions: str) -> Path:
    """``output``, or in a folder a file that is named after hardware and versions."""
    if not output.is_dir():
        return output
    libraries = "_".join(f"{library}{version}" for library, version in versions.items())
    setting = f"{platform.machine()}-{torch.get_num_threads()}threads_{libraries}"
    setting = re.sub(r"[^\w.-]", "-", setting)
    return output / f"{name}_{setting}.csv"
