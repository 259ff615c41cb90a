"""The graphs of many networks: made in processes, kept from run to run, one failure alone."""

import hashlib
import logging
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING
from zipfile import BadZipFile

import numpy as np

from contrastive_nas import graphs, model_zoo
from contrastive_nas.errors import InputError
from contrastive_nas.files import atomic_path
from contrastive_nas.identity import digest
from contrastive_nas.networks.listing import ListedNetwork
from contrastive_nas.processes import KilledError, Processes
from contrastive_nas.progress import progress
from contrastive_nas.tables.base import GraphMaker

if TYPE_CHECKING:
    from contrastive_nas.graphs import ComputationGraph

logger = logging.getLogger(__name__)
# What tracing imports that takes seconds.
_LIBRARIES = ("torch.export", "torch._dynamo", "timm", "torchvision")
_PARTS = ("features", "edges", "attributes")


@dataclass(frozen=True, eq=False)
class TracedNetworks:
    """Graphs by name, and why others have none, by name."""

    graphs: "dict[str, ComputationGraph]"
    refused: dict[str, str]


def kept_graphs() -> Path:
    """Return where graphs are kept unless a folder is named: among the user's caches."""
    # Not above: it is needed for this alone.
    from pooch import os_cache

    return Path(os_cache("contrastive-nas")) / "graphs"


def trace_networks(
    networks: Sequence[ListedNetwork], *, workers: int = 0, kept: Path | None = None
) -> TracedNetworks:
    """Return the graph of every network; one that cannot be traced does not stop the others.

    Args:
        networks: of a list.
        workers: processes; 0 takes one per processor. Networks of the user's own code are made in this one.
        kept: folder of graphs that were made before, by tracer, library and size of images; None keeps none.
    """
    processes = Processes(workers, _LIBRARIES, _start_worker)
    try:
        begun = [(network.name, _begin(network, processes, kept)) for network in networks]
        found, refused = {}, {}
        for name, made in progress(begun, "networks traced", len(networks)):
            try:
                found[name] = made()
            except (InputError, KilledError) as error:
                refused[name] = str(error)
    finally:
        processes.close()
    return TracedNetworks(found, refused)


def _begin(
    network: ListedNetwork, processes: Processes, kept: Path | None
) -> "Callable[[], ComputationGraph]":
    """What gives the graph when it is asked: it may have been begun elsewhere, or known."""
    path = None
    if kept is not None and network.identity is not None:
        path = kept / f"{digest([_tracer(), network.identity])}.npz"
    known = None if path is None else _read(path)
    if known is not None:
        return lambda: known
    if not network.elsewhere:
        return network.make
    begun: Future[ComputationGraph] = processes.submit(processes.run, _make, network.name, network.make)

    def finish() -> "ComputationGraph":
        graph = begun.result()
        if path is not None:
            _keep(graph, path)
        return graph

    return finish


def _make(_: str, make: GraphMaker) -> "ComputationGraph":
    return make()


def _start_worker() -> None:
    # What a tracer says of one network stands in the graph as well; whoever ranks it tells the user.
    logging.getLogger("contrastive_nas").setLevel(logging.ERROR)


@cache
def _tracer() -> str:
    """The version of everything that makes graphs: this package's source, and PyTorch."""
    import torch

    source = [*sorted(Path(graphs.__file__).parent.rglob("*.py")), Path(model_zoo.__file__)]
    found = hashlib.sha256(torch.__version__.encode())
    for file in source:
        found.update(file.read_bytes())
    return found.hexdigest()


def _read(path: Path) -> "ComputationGraph | None":
    from contrastive_nas.graphs import ComputationGraph

    try:
        with np.load(path, allow_pickle=False) as parts:
            return ComputationGraph(*(parts[name] for name in _PARTS))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, EOFError, BadZipFile):
        logger.warning("%s: the graph kept there is damaged; it is made anew", path)
        return None


def _keep(graph: "ComputationGraph", path: Path) -> None:
    try:
        with atomic_path(path) as partial, partial.open("wb") as stream:
            np.savez_compressed(stream, **{name: getattr(graph, name) for name in _PARTS})
    except OSError as error:
        logger.warning("%s: a graph is not kept for later: %s", path, error)
