"""NAS-Bench-301's data set of really trained DARTS cells: ``results_*.json`` in a folder for each optimiser.

Zela et al., *Surrogate NAS Benchmarks*, ICLR 2022. A file gives, for each cell, the two inputs of a node
(``inputs_node_normal_3: 0_2``; node 2 has both of its two) and the operation on each edge, edges numbered
over all possible ones.
"""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd

from contrastive_nas.progress import progress
from contrastive_nas.tables.base import Problems, RowError, TableFormat, frames, usable_records
from contrastive_nas.tables.parsing import json_members, notation

_CONFIGURATION = "optimized_hyperparamater_config"
_PREFIX = "results"
_DARTS = "NetworkSelectorDatasetInfo:darts:"
_OPERATIONS = {
    "max_pool_3x3",
    "avg_pool_3x3",
    "skip_connect",
    "sep_conv_3x3",
    "sep_conv_5x5",
    "dil_conv_3x3",
    "dil_conv_5x5",
}
# Trainings that differ in one of these cannot be compared.
_SETTINGS = ("epochs", "layers", "init_channels")


def _cell(configuration: dict[str, Any], kind: str) -> list[tuple[str, int]]:
    edges: list[tuple[str, int]] = []
    first_edge = 0
    for node in range(2, 2 + notation.DARTS_NODES):
        text = "0_1" if node == 2 else configuration.get(f"{_DARTS}inputs_node_{kind}_{node}")
        inputs = str(text).split("_")
        if len(inputs) != notation.DARTS_INPUTS or not all(i.isdecimal() and int(i) < node for i in inputs):
            raise RowError(f"the inputs of node {node} of the {kind} cell are {str(text)[:60]!r}")
        for origin in map(int, inputs):
            operation = configuration.get(f"{_DARTS}edge_{kind}_{first_edge + origin}")
            if not isinstance(operation, str) or operation not in _OPERATIONS:
                raise RowError(f"edge {first_edge + origin} of the {kind} cell is {str(operation)[:60]!r}")
            edges.append((operation, origin))
        first_edge += node
    return edges


def _row(fields: dict[str, Any]) -> dict[str, Any]:
    configuration, infos = fields.get(_CONFIGURATION), fields.get("info")
    info = infos[-1] if isinstance(infos, list) and infos else None
    if not isinstance(configuration, dict) or not isinstance(info, dict):
        raise RowError(f"no {_CONFIGURATION} or no info in it")
    return {
        "architecture": notation.darts(_cell(configuration, "normal"), _cell(configuration, "reduce")),
        "cifar10_valid_accuracy": json_members.number(info, "val_accuracy"),
        "cifar10_test_accuracy": json_members.number(fields, "test_accuracy"),
        "training_seconds": json_members.number(fields, "runtime"),
        "trainable_parameters": json_members.number(info, "model_parameters"),
        "epochs": json_members.number(fields, "budget"),
        "layers": json_members.number(configuration, f"{_DARTS}layers"),
        "init_channels": json_members.number(configuration, f"{_DARTS}init_channels"),
    }


def _optimiser(name: str) -> str | None:
    """The folder that names the optimiser which found the architecture, two above the file."""
    parents = name.split("/")[:-1]
    return parents[-2] if len(parents) > 1 else None


def _read(path: Path, problems: Problems) -> Iterator[pd.DataFrame]:
    files = progress(json_members.members(path, _PREFIX), f"reading {path.name}")
    rows = list(usable_records(files, lambda content: _row(json_members.parsed(content)), problems))
    settings = [tuple(row[name] for name in _SETTINGS) for _, row in rows]
    usual = Counter(settings).most_common(1)[0][0] if rows else None
    comparable = []
    for (name, row), setting in zip(rows, settings, strict=True):
        if setting == usual:
            comparable.append((name, row | {"optimiser": _optimiser(str(name))}))
        else:
            shown = ", ".join(f"{key} {value}" for key, value in zip(_SETTINGS, setting, strict=True))
            problems.add(name, f"trained with {shown}; most are with {usual}, and these do not compare")
    yield from frames(iter(comparable))


NASBENCH301 = TableFormat(
    name="nasbench301",
    title="NAS-Bench-301's trained architectures, folder or .zip or .tar.gz of results_*.json",
    space="darts",
    detect=lambda path: json_members.first_has(path, _PREFIX, _CONFIGURATION),
    read=_read,
    repeats=True,
)
