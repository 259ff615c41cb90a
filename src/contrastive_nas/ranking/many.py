"""Millions of networks of a space in order: scored partition by partition, by processes or on a Ray cluster.

A ranker is fitted once, to what :mod:`contrastive_nas.ranking.rank` fits it to, except that it is shown a
random sample of a list longer than ``SHOWN`` instead of all of it. Then one function, :func:`score_batch`,
makes the graphs of a partition, measures and scores them, each time with a fresh copy of the fitted ranker:
what it says of a partition does not depend on which were scored before, in which process or on which machine,
and memory does not grow. In the end the columns of all partitions are put in order together.
"""

import hashlib
import logging
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import as_completed
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from itertools import chain
from multiprocessing.reduction import ForkingPickler
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import cloudpickle
import numpy as np
import pyarrow as pa

from contrastive_nas import __version__
from contrastive_nas.errors import InputError
from contrastive_nas.execution.ray_cluster import LOCAL, Needs, RayCluster
from contrastive_nas.graphs.schema import IntArray
from contrastive_nas.identity import class_name, digest
from contrastive_nas.processes import KilledError, Processes
from contrastive_nas.progress import Progress, working
from contrastive_nas.ranking.base import Ranker
from contrastive_nas.ranking.fitting import (
    check_count,
    check_labels,
    fit_and_judge,
    learned_from,
    reference_source,
)
from contrastive_nas.ranking.graph_source import SpaceSource
from contrastive_nas.ranking.partitions import NETWORKS_EACH, PARTS, Partitions
from contrastive_nas.ranking.registry import create_ranker_with
from contrastive_nas.ranking.scoring import OPPONENTS, Scorer, drawn_order, ranking_table
from contrastive_nas.spaces.base import Architecture, SearchSpace

if TYPE_CHECKING:
    import pandas as pd

logger = logging.getLogger(__name__)
# Graphs of more networks at once do not fit in the memory of a small machine: about 100 MB for a thousand.
LARGE = 20_000
# Networks of a longer list that a ranker sees before it scores: those that all are compared with, and as many
# more. The scale of a space is measured on no more than 10,000 in any case.
SHOWN = 2 * OPPONENTS
# Graphs that are made and measured at once: more take more memory and no less time for each.
_AT_ONCE = 1000
# Networks whose scores tell one fitted ranker from another.
_TOLD_APART_BY = 256
# Take seconds to import, in every process.
_LIBRARIES = ("torch", "scipy.stats", "pandas", "pyarrow", "sklearn.ensemble")


@dataclass(frozen=True)
class Workers:
    """Who scores partitions.

    Attributes:
        where: processes of this machine, or a Ray cluster.
        count: processes; 0 takes one per processor, and 1 this process itself. A Ray cluster runs as many
            partitions at once as it has processors.
        address: of the Ray cluster, see :class:`contrastive_nas.execution.ray_cluster.RayCluster`.
    """

    where: Literal["local", "ray"] = "local"
    count: int = 1
    address: str = LOCAL


@dataclass(frozen=True, eq=False)
class ListedNetworks:
    """A list of networks that may be too long for memory.

    Attributes:
        names: gives the architectures; one may come several times.
        origin: what they depend on, as plain data: lists of one origin are equal.
    """

    names: Callable[[], Iterable[Architecture]]
    origin: Mapping[str, Any]

    @classmethod
    def of(cls, names: Sequence[Architecture]) -> "ListedNetworks":
        """Return a list that is in memory."""
        checksum = hashlib.sha256()
        for name in names:
            checksum.update(name.encode() + b"\n")
        return cls(lambda: names, {"listed": checksum.hexdigest()})

    def with_drawn(self, space: SearchSpace, sample: int, seed: int, *, every: bool) -> "ListedNetworks":
        """Return the list with random architectures of a space behind it, then all of them if asked for."""

        def names() -> Iterator[Architecture]:
            yield from self.names()
            rng = np.random.default_rng(seed)
            for start in range(0, sample, NETWORKS_EACH):
                yield from space.sample(rng, min(NETWORKS_EACH, sample - start))
            yield from _all_of(space) if every else ()

        return ListedNetworks(names, {**self.origin, "sample": sample, "all": every})


def _all_of(space: SearchSpace) -> Iterator[Architecture]:
    try:
        yield from space.enumerate()
    except NotImplementedError as error:
        raise InputError(f"{error}: rank a sample of them") from error


@contextmanager
def temporary_folder() -> Iterator[Path]:
    """Give a folder for partitions that are not kept."""
    with tempfile.TemporaryDirectory(prefix="contrastive-nas-") as folder:
        yield Path(folder) / "partitions"


@contextmanager
def cached_folder(identity: Mapping[str, Any]) -> Iterator[Path]:
    """Give a folder among the user's caches that only the same command gets again; it is deleted in the end,
    unless an error leaves partitions in it.

    Args:
        identity: as of :func:`many_identity`.
    """
    # Not above: it is needed for this alone.
    from pooch import os_cache

    folder = Path(os_cache("contrastive-nas")) / "rankings" / digest(dict(identity))
    succeeded = False
    try:
        yield folder
        succeeded = True
    finally:
        if succeeded or not any(folder.glob(PARTS)):
            shutil.rmtree(folder, ignore_errors=True)


def many_identity(
    space: SearchSpace,
    networks: ListedNetworks,
    labels: Mapping[Architecture, float],
    ranker: Ranker | str,
    seed: int,
) -> dict[str, Any]:
    """Return what the partitions of a ranking depend on, as plain data."""
    return {
        "version": __version__,
        "space": space.identity,
        "networks": dict(networks.origin),
        "labels": digest(sorted(labels.items())),
        "ranker": ranker if isinstance(ranker, str) else class_name(type(ranker)),
        "seed": seed,
    }


def rank_many(
    space: SearchSpace,
    networks: ListedNetworks,
    *,
    labels: Mapping[Architecture, float] | None = None,
    ranker: Ranker | str,
    seed: int = 0,
    folder: Path,
    workers: Workers = Workers(),
    size: int = NETWORKS_EACH,
) -> "pd.DataFrame":
    """Return :func:`contrastive_nas.ranking.rank.rank` for any number of networks.

    It is the same table for up to ``SHOWN`` networks. Of more, the ranker is shown random ones.

    Args:
        space: of the networks.
        networks: the list.
        labels: as of ``rank``.
        ranker: likewise; it and the space have to be such that cloudpickle can send them to other processes.
        seed: of everything random.
        folder: keeps partitions; an earlier call with the same arguments that was ended goes on there.
        workers: who scores.
        size: networks of a partition.

    Raises:
        InputError: as of ``rank``, or the folder holds something else, or the ranker cannot be sent, or there
            is no such Ray cluster.
    """
    known = check_labels(labels)
    identity = many_identity(space, networks, known, ranker, seed)
    with Partitions(folder, identity, size) as partitions, started(workers) as score:
        partitions.list_networks(lambda: chain(networks.names(), known))
        with working("fit the ranker"):
            scorer, tau = fit_to_sample(space, partitions, known, ranker, seed)
        partitions.agree("fit", _told_apart(scorer))
        score_missing(partitions, packed_scorer(scorer), score)
        with working("put networks in order"):
            table = in_order(partitions, known, scorer.ranker, seed)
    table.attrs["tau"] = tau
    return table


def score_batch(scorer: bytes, architectures: Sequence[Architecture]) -> pa.Table:
    """Return what a fitted ranker says of architectures, whatever else is ranked with them.

    Args:
        scorer: a :class:`Scorer` of a :class:`SpaceSource`, as it is sent to another process.
        architectures: of the space.

    Returns:
        ``architecture``; ``function``, equal where two networks compute the same; and the columns of
        :meth:`Scorer.columns`.
    """
    # Comes from the process that fitted it, never from a file.
    fresh: Scorer = ForkingPickler.loads(scorer)
    assert isinstance(fresh.source, SpaceSource)
    parts = []
    for start in range(0, len(architectures), _AT_ONCE):
        names = list(architectures[start : start + _AT_ONCE])
        rows = fresh.source.rows(names)
        named = {"architecture": names, "function": fresh.source.function_keys(rows)}
        parts.append(pa.table(named | fresh.columns(names, rows)))
    return pa.concat_tables(parts)


def fit_to_sample(
    space: SearchSpace,
    partitions: Partitions,
    labels: Mapping[Architecture, float],
    ranker: Ranker | str,
    seed: int,
) -> tuple[Scorer, dict[str, float]]:
    """Return the ranker, fitted, and how well it orders labels that it was not shown.

    Raises:
        InputError: fewer than two networks, or the ranker needs labels and there are none.
    """
    count = partitions.networks
    check_count(count)
    if isinstance(ranker, str):
        ranker = create_ranker_with(ranker, {"space": lambda: space})
    order = drawn_order(count, seed)
    learned = learned_from(partitions.places(labels), seed)
    shown = np.unique(np.concatenate([order[:SHOWN], learned]))
    source, names = reference_source(space, seed), partitions.names_at(shown)
    rows = np.concatenate(
        [source.rows(names[start : start + _AT_ONCE]) for start in range(0, len(names), _AT_ONCE)]
    )

    def rows_of(places: IntArray) -> IntArray:
        return rows[np.searchsorted(shown, places)]

    given = np.array([labels[name] for name in source.architectures_of(rows_of(learned))])
    tau = fit_and_judge(source, rows_of(learned), given, ranker, seed)
    return Scorer(ranker, source, rows_of(order[:OPPONENTS])), tau


def _told_apart(scorer: Scorer) -> str:
    """A checksum of what the ranker says of some networks."""
    rows = scorer.others[:_TOLD_APART_BY]
    columns = scorer.columns(scorer.source.architectures_of(rows), rows)
    return digest({name: values.tolist() for name, values in columns.items()})


def packed_scorer(scorer: Scorer) -> bytes:
    """Return a fitted ranker as other processes take it.

    Raises:
        InputError: it cannot be sent.
    """
    try:
        packed: bytes = cloudpickle.dumps(scorer)
    except Exception as error:  # whatever their own code raises
        raise InputError(
            f"{type(scorer.ranker).__name__} or its space cannot be sent to other processes "
            f"({type(error).__name__}: {error}): rank no more than {LARGE:,} networks with it"
        ) from error
    return packed


# Gives the partitions that are missing with what the ranker says of them, in any order.
ScorePartitions = Callable[[Partitions, list[int], bytes], Iterator[tuple[int, pa.Table]]]


@contextmanager
def started(workers: Workers) -> Iterator[ScorePartitions]:
    """Give the workers; a Ray cluster is looked for at once, processes start when there is something to do.

    Raises:
        InputError: Ray is not installed, or there is no such cluster.
    """
    if workers.where == "ray":
        with RayCluster(workers.address) as cluster:
            yield partial(_on_ray, cluster)
    else:
        yield _in_this_process if workers.count == 1 else partial(_by_processes, workers.count)


def score_missing(partitions: Partitions, scorer: bytes, score: ScorePartitions) -> None:
    """Score the partitions of which nothing is known yet."""
    missing = partitions.missing()
    if not missing:
        return
    lengths = {number: len(partitions.names(number)) for number in missing}
    done = partitions.networks - sum(lengths.values())
    if done:
        logger.info("%d of %d networks were scored before", done, partitions.networks)
    with Progress("rank networks", partitions.networks, unit="networks", done=done) as shown:
        for number, table in score(partitions, missing, scorer):
            partitions.keep(number, table)
            done += lengths[number]
            shown.update(done)


def _in_this_process(
    partitions: Partitions, missing: list[int], scorer: bytes
) -> Iterator[tuple[int, pa.Table]]:
    for number in missing:
        yield number, score_batch(scorer, partitions.names(number).to_pylist())


def _by_processes(
    count: int, partitions: Partitions, missing: list[int], scorer: bytes
) -> Iterator[tuple[int, pa.Table]]:
    processes = Processes(count, _LIBRARIES, _start_worker, (scorer,))

    def score(number: int) -> pa.Table:
        return processes.run(_score_in_worker, f"partition {number}", partitions.names(number))

    try:
        begun = {processes.submit(score, number): number for number in missing}
        for future in as_completed(begun):
            # A table that was yielded is not kept.
            yield begun.pop(future), future.result()
    except KilledError as error:
        raise InputError(f"rank: {error} The same command goes on; fewer workers need less memory") from error
    finally:
        processes.close()


def _on_ray(
    cluster: RayCluster, partitions: Partitions, missing: list[int], scorer: bytes
) -> Iterator[tuple[int, pa.Table]]:
    tables = [
        pa.table({"architecture": names, "partition": np.full(len(names), number)})
        for number in missing
        for names in [partitions.names(number)]
    ]
    shared = np.frombuffer(scorer, np.uint8)
    for table in cluster.map_tables("rank networks", _score_on_ray, shared, tables, needs=Needs()):
        yield table.column("partition")[0].as_py(), table.drop_columns("partition")


def in_order(
    partitions: Partitions, labels: Mapping[Architecture, float], ranker: Ranker, seed: int
) -> "pd.DataFrame":
    """Return the whole ranking, once every partition is scored."""
    known = partitions.columns()
    columns = {name: known.column(name).to_numpy() for name in known.column_names}
    functions, first, places = np.unique(columns.pop("function"), return_index=True, return_inverse=True)
    # Those of one function share a score, also where they were measured beside different networks.
    columns["score"] = columns["score"][first][places]
    table = ranking_table("architecture", partitions.all_names(), columns, labels, ranker, seed)
    table.attrs["functions"] = len(functions)
    return table


# What follows runs in the processes.

_scorer = b""


def _start_worker(scorer: bytes) -> None:
    global _scorer
    _scorer = scorer


def _score_in_worker(_: str, architectures: pa.Array) -> pa.Table:
    return score_batch(_scorer, architectures.to_pylist())


def _score_on_ray(table: pa.Table, scorer: np.ndarray) -> pa.Table:
    scored = score_batch(scorer.tobytes(), table.column("architecture").to_pylist())
    return scored.append_column("partition", table.column("partition"))
