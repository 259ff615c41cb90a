"""Checks what a run is asked for by name, before anything of it happens."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any

from kedro.io import AbstractVersionedDataset, CatalogProtocol
from kedro.io.data_catalog import SharedMemoryDataCatalog
from kedro.pipeline import Pipeline

from contrastive_nas.errors import InputError, instead

# What Kedro's options name, by the option of its sessions' ``run``.
_KINDS = {
    "tags": "tag",
    "node_names": "node",
    "from_nodes": "node",
    "to_nodes": "node",
    "from_inputs": "data set",
    "to_outputs": "data set",
    "load_versions": "data set",
    "namespaces": "namespace",
}


def check_names(pipeline: Pipeline, asked: Mapping[str, Iterable[str] | None]) -> None:
    """Check the tags, nodes, data sets and namespaces that choose a part of a pipeline.

    Args:
        pipeline: the whole of it.
        asked: names by Kedro's options ``tags``, ``node_names``, ``from_nodes``, ``to_nodes``,
            ``from_inputs``, ``to_outputs``, ``load_versions`` and ``namespaces``; others are left alone.

    Raises:
        InputError: one of them is not there, with the nearest that is, or together they leave no node.
    """
    known: dict[str, Collection[str]] = {
        "tag": {tag for node in pipeline.nodes for tag in node.tags},
        "node": {node.name for node in pipeline.nodes},
        "data set": pipeline.datasets(),
        "namespace": set(_namespaces(pipeline)),
    }
    chosen = {option: tuple(asked.get(option) or ()) for option in _KINDS}
    for option, names in chosen.items():
        for name in names:
            if name not in known[_KINDS[option]]:
                raise InputError(_unknown(_KINDS[option], name, known[_KINDS[option]]))
    namespaces = chosen.pop("namespaces")
    del chosen["load_versions"]
    try:
        pipeline.filter(**chosen, node_namespaces=namespaces)
    except ValueError as error:
        # All are there; together they contradict each other.
        raise InputError(" ".join(str(error).split())) from None


def check_run(run_params: Mapping[str, Any], catalog: CatalogProtocol) -> None:
    """Check a run's way of running and its versions.

    Raises:
        InputError: its runner would leave no record, or a version is asked for that is not there.
    """
    if isinstance(catalog, SharedMemoryDataCatalog):
        raise InputError(
            "Kedro's ParallelRunner runs no hooks in its processes, so this run would have no record and "
            "no metrics: leave --runner out; stages use several processes by themselves"
        )
    for name, version in (run_params.get("load_versions") or {}).items():
        dataset = catalog.get(name)
        if not isinstance(dataset, AbstractVersionedDataset):
            raise InputError(
                f"--load-versions: {name} has no version {version!r}: it is kept by what it was made from, "
                "and a run with earlier parameters finds the earlier one by itself"
            )
        if not dataset.exists():
            raise InputError(f"--load-versions: {name} has no version {version!r}")


def _unknown(kind: str, name: str, known: Collection[str]) -> str:
    return f"there is no {kind} {name!r} in this pipeline{instead(name, sorted(known))}"


def _namespaces(pipeline: Pipeline) -> Iterator[str]:
    """Every namespace of a node, and those that it lies in."""
    for node in pipeline.nodes:
        parts = (node.namespace or "").split(".")
        yield from (".".join(parts[:end]) for end in range(1, len(parts) + 1) if parts[0])
