"""What the benchmarks have in common: reading a table, options, pools, tables of means, results, copies."""

import platform
import re
import shutil
from argparse import ArgumentTypeError
from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from scipy.stats import wilcoxon

from contrastive_nas.errors import InputError
from contrastive_nas.files import atomic_path
from contrastive_nas.ranking.transfer.model import LabelledSpace, TransferModel, fit_transfer
from contrastive_nas.ranking.transfer.weights import load_transfer
from contrastive_nas.spaces import load_space
from contrastive_nas.spaces.base import Architecture, SearchSpace
from contrastive_nas.spaces.wrapped.pool import Pool
from contrastive_nas.tables.reading import read_table

PROJECT = Path(__file__).parents[1]


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


def keep(results: pd.DataFrame, output: Path) -> None:
    """Writes what was measured so far; a file of before stays whole until then."""
    with atomic_path(output) as path:
        results.to_csv(path, index=False)


def drawn_anew(space: LabelledSpace, seed: int) -> LabelledSpace:
    """A bootstrap sample of a space's networks."""
    rows = np.random.default_rng([seed, 2]).integers(len(space.labels), size=len(space.labels))
    groups = None if space.groups is None else space.groups[rows]
    return LabelledSpace(space.name, space.statistics[rows], space.labels[rows], groups)


def model_of_others(others: Sequence[LabelledSpace], searched: str, seed: int) -> TransferModel:
    """Return what rows of other spaces teach, drawn anew; without any, the shipped model of the others."""
    if others:
        return fit_transfer([drawn_anew(one, seed) for one in others])
    return load_transfer().without(searched)


def pool_without_some(
    space: SearchSpace, members: Sequence[Architecture], values: np.ndarray, part: float, seed: int
) -> Pool:
    """The pool of all members but a random part, the one of the highest value always among them."""
    kept = np.random.default_rng([seed, 1]).random(len(members)) >= part
    kept[values.argmax()] = True
    inner = space.inner if isinstance(space, Pool) else space
    return Pool(inner, [members[row] for row in np.flatnonzero(kept)])


def paired(difference: np.ndarray) -> dict[str, float]:
    """Mean of differences paired over seeds, and Wilcoxon's one-sided p of either sign."""
    return {
        "mean difference": round(float(difference.mean()), 4),
        "p better": one_sided(difference),
        "p worse": one_sided(-difference),
    }


def compared(results: pd.DataFrame, ours: str, *, at: str, arm: str, value: str) -> str:
    """A table of one arm with each other one, paired over seeds; a larger value is better.

    Args:
        results: a row per seed, arm and point.
        ours: the arm that is compared.
        at: column of points that are compared apart, such as the number of queries.
        arm: column of the arms.
        value: column that is compared.
    """
    lines: list[dict[str, Any]] = []
    for point, part in results.groupby(at):
        found = part.pivot(index="seed", columns=arm, values=value)
        if ours in found:
            lines += [
                {at: point, "other": other, **paired((found[ours] - found[other]).to_numpy())}
                for other in found.columns.drop(ours)
            ]
    return pd.DataFrame(lines).to_string(index=False) if lines else "nothing to compare with"


def one_sided(difference: np.ndarray) -> float:
    """p of differences as large as these if their median were 0 or less."""
    if not difference.any():
        return 1.0
    return float(f"{wilcoxon(difference, alternative='greater').pvalue:.2g}")


def copy_project(folder: Path) -> Path:
    """The project without its results; raw files of its own included."""
    for part in ("conf", "src/contrastive_nas", "data/01_raw"):
        shutil.copytree(PROJECT / part, folder / part, ignore=shutil.ignore_patterns("__pycache__"))
    for part in ("pyproject.toml", ".telemetry"):
        shutil.copy(PROJECT / part, folder)
    (folder / "conf" / "local").mkdir(exist_ok=True)
    return folder
