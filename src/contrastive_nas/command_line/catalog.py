"""What the package knows by name: search spaces and rankers."""

import inspect
from collections.abc import Callable
from functools import partial
from typing import Any

from contrastive_nas.command_line.output import AsJson, show_rows


def spaces(*, as_json: AsJson = False) -> None:
    """List the search spaces, with their sizes and image shapes."""
    from contrastive_nas.spaces import list_spaces, load_space

    rows = []
    for name in list_spaces():
        space = load_space(name)
        shape = " x ".join(map(str, space.input_shape))
        rows.append(
            {"space": name, "architectures": space.size, "image": shape, "about": _about(type(space))}
        )
    show_rows(rows, as_json)


def rankers(*, as_json: AsJson = False) -> None:
    """List the rankers, with what each does."""
    from contrastive_nas.ranking.registry import list_rankers, ranker_maker

    rows = [{"ranker": name, "about": _about(ranker_maker(name))} for name in list_rankers()]
    show_rows(rows, as_json)


def _about(known: Callable[..., Any]) -> str:
    """The first line of its docstring; a partial function has that of the function."""
    text = inspect.getdoc(known.func if isinstance(known, partial) else known) or ""
    return text.partition("\n")[0].removesuffix(".")
