"""``contrastive-nas rank``: networks in order, before they are trained."""

import math
import re
from contextlib import ExitStack
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from contrastive_nas.command_line.networks import parse_options
from contrastive_nas.command_line.output import AsJson, Quiet, short_number, show_json
from contrastive_nas.errors import InputError
from contrastive_nas.quantities import LARGEST_SEED

if TYPE_CHECKING:
    import pandas as pd

# Images of satellites and tissue have some ten thousand pixels a side; more is a slip of the keyboard.
_LARGEST_SIDE = 65_536
# Of networks that are named in one line, and of the rows of a table.
_SHOWN, _SHOWN_ROWS = 5, 20
_BY_SIZE = "networks are ranked by their size alone; a few labels help"
_NAMES = {"ranking": "this ranking", "macs": "multiply-accumulates", "parameters": "parameters"}


class Where(Enum):
    """Where architectures are ranked."""

    LOCAL = "local"
    RAY = "ray"


def rank(
    networks: Annotated[
        list[str] | None,
        typer.Argument(
            help="timm:NAME, torchvision:NAME (* stands for any text), ONNX files and folders, or "
            "FILE.py:FUNCTION; with --space, architecture strings of the space."
        ),
    ] = None,
    space: Annotated[str | None, typer.Option(help="A space's name, or file.py:Class.")] = None,
    file: Annotated[
        Path | None, typer.Option(help="With --space: a table with a column of architectures.")
    ] = None,
    labels: Annotated[
        str | None,
        typer.Option(
            help="Known accuracies: a table with a column of names, TABLE or TABLE:COLUMN; or the name of a "
            "column of --file, of the table in a folder of ONNX files, or of what FUNCTION returns. Any "
            "numbers that are higher for better networks work; columns named ..._accuracy are in percent."
        ),
    ] = None,
    image_size: Annotated[
        str | None,
        typer.Option(
            help="Image size, HEIGHTxWIDTH or one number, for networks of timm and torchvision (by default "
            "the size that each was made for) and for ONNX networks with a free size."
        ),
    ] = None,
    sample: Annotated[
        int,
        typer.Option(
            min=0, help="Number of random architectures of --space to add; repetitions do not count."
        ),
    ] = 0,
    every: Annotated[
        bool, typer.Option("--all", help="Add all architectures of --space, if they can be listed.")
    ] = False,
    top: Annotated[
        int | None, typer.Option(min=1, help="Number of networks to show: 20 by default, with --json all.")
    ] = None,
    output: Annotated[Path | None, typer.Option(help="CSV file to write the whole ranking to.")] = None,
    ranker: Annotated[
        str, typer.Option(help="Ranker: a name that `contrastive-nas rankers` lists, or file.py:Class.")
    ] = "stacked",
    seed: Annotated[int, typer.Option(min=0, max=LARGEST_SEED, help="Random seed.")] = 0,
    options: Annotated[str, typer.Option(help="Options of the space, as JSON.")] = "{}",
    workers: Annotated[
        int,
        typer.Option(
            min=0,
            help="Number of processes that trace networks, or that rank more than 20,000 architectures of a "
            "space; 0 means one per processor.",
        ),
    ] = 0,
    where: Annotated[
        Where, typer.Option(help="Where architectures of --space are ranked: by local processes, or on Ray.")
    ] = Where.LOCAL,
    ray_address: Annotated[
        str,
        typer.Option(
            help="With --where ray: address of the cluster, HOST:PORT; auto means the one of this machine, "
            "and local starts one for the time of the command."
        ),
    ] = "auto",
    work: Annotated[
        Path | None,
        typer.Option(
            help="With --space: folder that keeps what was computed, in partitions. The same command goes on "
            "there if it was ended. By default one among the user's caches, deleted at the end."
        ),
    ] = None,
    graphs: Annotated[
        Path | None,
        typer.Option(
            help="Folder that keeps graphs of timm and torchvision networks for the next time; by default "
            "one among the user's caches."
        ),
    ] = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Rank networks before they are trained, by what a ranker has learned from other networks.

    win is the mean probability of beating another network of the list.
    """
    from contrastive_nas.files import atomic_path

    if output is not None and output.is_dir():
        raise typer.BadParameter(f"--output {output} is a folder: name a file")
    size = None if image_size is None else _parse_image_size(image_size)
    refused: dict[str, str] = {}
    with ExitStack() as at_end:
        if space is None:
            if file is not None or sample or every or work is not None or where is Where.RAY:
                raise typer.BadParameter(
                    "--file, --sample, --all, --work and --where ray are of a space: name it with --space"
                )
            if not networks:
                raise typer.BadParameter("name networks, or a space with --space")
            if parse_options(options):
                raise typer.BadParameter("--options are of a space: name it with --space")
            table, refused = _rank_networks(networks, labels, size, ranker, seed, workers, graphs)
        else:
            if size is not None:
                raise typer.BadParameter("--image-size goes with networks; a space has --options for it")
            listing = _Listing(space, parse_options(options), networks or [], file, labels, sample, every)
            scale = _Scale(workers, where, ray_address, work)
            table = _rank_architectures(listing, ranker, seed, scale, at_end)
        if output is not None:
            with atomic_path(output) as path:
                _with_refused(table, refused).to_csv(path, index=False)
        if as_json:
            show_json(_as_data(table, refused, top))
        else:
            _show(table, refused, top or _SHOWN_ROWS, space)


@dataclass(frozen=True)
class _Listing:
    """Which architectures of which space are ranked, as the command says it."""

    space: str
    options: dict[str, object]
    named: list[str]
    file: Path | None
    labels: str | None
    sample: int
    every: bool


@dataclass(frozen=True)
class _Scale:
    """Who ranks them, and in which folder, as the command says it."""

    workers: int
    where: Where
    ray_address: str
    folder: Path | None


def _rank_networks(
    references: list[str],
    labels: str | None,
    size: tuple[int, int] | None,
    ranker: str,
    seed: int,
    workers: int,
    kept: Path | None,
) -> "tuple[pd.DataFrame, dict[str, str]]":
    """The ranking, and why networks are not in it, by name."""
    import pandas as pd

    from contrastive_nas.networks.listing import list_given
    from contrastive_nas.networks.tracing import kept_graphs, trace_networks
    from contrastive_nas.ranking.rank import rank_graphs
    from contrastive_nas.ranking.registry import create_ranker
    from contrastive_nas.tables.labels import column_labels, file_labels, names_a_table
    from contrastive_nas.tables.reading import check_table

    given = list_given(references, size)
    known = {}
    if labels is not None and names_a_table(labels):
        known = file_labels(labels, [network.name for network in given.networks])
    elif labels is not None:
        names = [network.name for network in given.networks]
        rows = pd.DataFrame([network.labels for network in given.networks], index=names)
        known = column_labels(check_table(rows.assign(architecture=names), ", ".join(references)), labels)
    guide = create_ranker(ranker)  # before tracing, which takes minutes: its name may be wrong
    traced = trace_networks(given.networks, workers=workers, kept=kept_graphs() if kept is None else kept)
    refused = {**given.refused, **traced.refused}
    if not traced.graphs:
        raise InputError(f"no network can be ranked; {_reasons(refused)}")
    known = {name: label for name, label in known.items() if name in traced.graphs}
    names, made = list(traced.graphs), list(traced.graphs.values())
    return rank_graphs(names, made, labels=known, ranker=guide, seed=seed), refused


def _rank_architectures(
    listing: _Listing, ranker: str, seed: int, scale: _Scale, at_end: ExitStack
) -> "pd.DataFrame":
    """The ranking; what a long one has computed stays until ``at_end``, when it is written."""
    import numpy as np

    from contrastive_nas.ranking import many
    from contrastive_nas.ranking.rank import rank as rank_of_space
    from contrastive_nas.spaces import load_space
    from contrastive_nas.tables.labels import column_labels
    from contrastive_nas.tables.reading import read_table

    file, sample = listing.file, listing.sample
    if listing.labels is not None and file is None:
        raise typer.BadParameter("--labels names a column of --file")
    own = load_space(listing.space, **listing.options)
    listed, known = [own.read(given) for given in listing.named], {}
    if file is not None:
        if file.suffix == ".py":
            raise typer.BadParameter("a Python file of networks is ranked without a space: leave --space out")
        read = read_table(file, space=listing.space, metrics=[], validate=own.read)
        listed += read.frame["architecture"].tolist()
        known = {} if listing.labels is None else column_labels(read, listing.labels)
    count = len(listed) + sample + listing.every * own.size
    if count <= many.LARGE and scale.where is Where.LOCAL and scale.folder is None:
        listed += own.sample(np.random.default_rng(seed), sample)
        listed += own.enumerate() if listing.every else []
        return rank_of_space(own, listed, labels=known, ranker=ranker, seed=seed)
    networks = many.ListedNetworks.of(listed).with_drawn(own, sample, seed, every=listing.every)
    folder = scale.folder or at_end.enter_context(
        many.cached_folder(many.many_identity(own, networks, known, ranker, seed))
    )
    workers = many.Workers(scale.where.value, scale.workers, scale.ray_address)
    return many.rank_many(
        own, networks, labels=known, ranker=ranker, seed=seed, folder=folder, workers=workers
    )


def _as_data(table: "pd.DataFrame", refused: dict[str, str], top: int | None) -> dict[str, object]:
    """The ranking and all that is said of it, for programs."""
    return {
        "ranking": table.head(len(table) if top is None else top).to_dict("records"),
        "networks": len(table),
        "different": table.attrs["functions"],
        "labels": _count_labels(table),
        "compared_with": table.attrs["references"] or None,
        "similarity": table.attrs["similarity"],
        "by_size": table.attrs["by_size"],
        "tau": table.attrs["tau"],
        "refused": refused,
    }


def _count_labels(table: "pd.DataFrame") -> int:
    return int(table["label"].notna().sum()) if "label" in table else 0


def _show(table: "pd.DataFrame", refused: dict[str, str], top: int, space: str | None) -> None:
    names = table.columns[1]
    first = table.head(top)
    bounds = zip(first["rank_low"], first["rank_high"], strict=True)
    shown = first[["rank", names]].assign(
        score=first["score"].map("{:.3f}".format),
        win=first["win_probability"].map("{:.1%}".format),
        expected=first["expected_rank"].map("{:.1f}".format),
        nine_in_ten=[f"{low}-{high}" for low, high in bounds],
        macs=first["macs"].map(short_number),
        parameters=first["parameters"].map(short_number),
        **({"label": first["label"]} if "label" in table else {}),
    )
    shown = shown.rename(columns={"expected": "expected rank", "nine_in_ten": "9 in 10"})
    typer.echo(shown.to_string(index=False, max_colwidth=None))
    labels = _count_labels(table)
    typer.echo(f"{len(table)} networks, ranked {f'with {labels} labels' if labels else 'without labels'}")
    if table.attrs["functions"] < len(table):
        typer.echo(_different(table.attrs["functions"]))
    if table["score"].nunique() == 1:
        typer.echo(
            "all networks have the same score, so their order means nothing: this ranker cannot tell them "
            "apart"
        )
    if table.attrs["references"]:
        typer.echo(_references(table))
    if table.attrs["similarity"]:
        typer.echo(_likeness(table))
    if space in table.attrs["similarity"]:
        typer.echo(f"the ranker has learned from labels of {space} itself")
    _tell_of_unlike(table)
    if table.attrs["tau"]:
        typer.echo(_better_guide(table.attrs["tau"], labels))
    for name, reason in refused.items():
        typer.echo(f"not ranked: {name}: {reason}")


def _different(functions: int) -> str:
    if functions == 1:
        return "all compute the same, so they share a score"
    return f"{functions} are different: networks that compute the same share a score"


def _references(table: "pd.DataFrame") -> str:
    """What a short list was compared with."""
    found = (
        "few networks do not show how such networks differ, so they were scored among "
        f"{table.attrs['references']}; these are not listed"
    )
    return f"{found}\n{_BY_SIZE}" if table.attrs["by_size"] else found


def _likeness(table: "pd.DataFrame") -> str:
    ordered = sorted(table.attrs["similarity"].items(), key=lambda pair: -pair[1])
    found = "similarity to labelled spaces: " + ", ".join(f"{space} {alike:.2f}" for space, alike in ordered)
    return f"{found}: none is similar, so {_BY_SIZE}" if table.attrs["by_size"] else found


def _tell_of_unlike(table: "pd.DataFrame") -> None:
    from contrastive_nas.ranking.rank import UNLIKE

    unlike = table[table["unlike"] > UNLIKE] if "unlike" in table else table[:0]
    if len(unlike):
        shown = ", ".join(unlike.iloc[:_SHOWN, 1]) + (", ..." if len(unlike) > _SHOWN else "")
        are = "1 is" if len(unlike) == 1 else f"{len(unlike)} are"
        typer.echo(
            f"{are} unlike every network the ranker has learned from, so their ranks are guesses: {shown}"
        )


def _better_guide(tau: dict[str, float], labels: int) -> str:
    """How well labels left out are ordered, and by what else they would be ordered clearly better."""
    from contrastive_nas.ranking.fitting import MOST_JUDGED

    found = ", ".join(f"{value:.2f} by {_NAMES[name]}" for name, value in tau.items())
    best = max(tau, key=lambda name: tau[name])
    # The standard deviation of Kendall's tau of unrelated orders (Kendall, Biometrika, 1938).
    judged = min(labels, MOST_JUDGED)
    chance = math.sqrt(2 * (2 * judged + 5) / (9 * judged * (judged - 1)))
    advice = f"; rank by {_NAMES[best]} instead" if tau[best] - tau["ranking"] > chance else ""
    return f"Kendall's tau on labels that the ranker was not shown: {found}{advice}"


def _with_refused(table: "pd.DataFrame", refused: dict[str, str]) -> "pd.DataFrame":
    """The ranking, then a row with a name and a reason for each network that is not in it."""
    import pandas as pd

    if not refused:
        return table
    rows = pd.DataFrame({table.columns[1]: list(refused), "error": list(refused.values())})
    return pd.concat([table.convert_dtypes(), rows], ignore_index=True)


def _reasons(refused: dict[str, str]) -> str:
    name, reason = next(iter(refused.items()), ("", "the list is empty"))
    return f"the first reason: {name}: {reason}" if name else reason


def _parse_image_size(text: str) -> tuple[int, int]:
    """Height and width, ``224x160``; one number stands for both.

    Raises:
        InputError: it is neither, or a side is of no pixels or of too many.
    """
    found = re.fullmatch(r"\s*(\d{1,6})(?:\s*[xX]\s*(\d{1,6}))?\s*", text)
    height, width = (int(found[1]), int(found[2] or found[1])) if found else (0, 0)
    if not (0 < height <= _LARGEST_SIDE and 0 < width <= _LARGEST_SIDE):
        raise InputError(
            f"image size {text!r:.60} is neither HEIGHTxWIDTH nor one number from 1 to {_LARGEST_SIDE}"
        )
    return height, width
