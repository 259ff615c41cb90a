"""Ranks neural networks of any search space before they are trained, and searches for the best one.

What is offered here is loaded when it is first asked for, so that an import of the package takes no time::

    from contrastive_nas import load_space, rank, run_search, trace
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from contrastive_nas.graphs import trace as trace
    from contrastive_nas.graphs.drawing import draw_graph as draw_graph
    from contrastive_nas.ranking.rank import rank as rank
    from contrastive_nas.ranking.rank import rank_graphs as rank_graphs
    from contrastive_nas.ranking.registry import create_ranker as create_ranker
    from contrastive_nas.ranking.registry import list_rankers as list_rankers
    from contrastive_nas.search.parameters import SearchParameters as SearchParameters
    from contrastive_nas.search.run import run_search as run_search
    from contrastive_nas.spaces import list_spaces as list_spaces
    from contrastive_nas.spaces import load_space as load_space

__version__ = "0.1.0"

# Below this package; whole names would be read as what every part of the project depends on.
_PLACES = {
    "SearchParameters": "search.parameters",
    "create_ranker": "ranking.registry",
    "draw_graph": "graphs.drawing",
    "list_rankers": "ranking.registry",
    "list_spaces": "spaces",
    "load_space": "spaces",
    "rank": "ranking.rank",
    "rank_graphs": "ranking.rank",
    "run_search": "search.run",
    "trace": "graphs",
}
__all__ = list(_PLACES)


def __getattr__(name: str) -> Any:
    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f".{_PLACES[name]}", __name__), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *_PLACES])
