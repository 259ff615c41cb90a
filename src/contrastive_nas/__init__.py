"""Ranks neural networks of any search space before they are trained, and searches for the best one.

What is offered here is loaded when it is first asked for, so that an import of the package takes no time::

    from contrastive_nas import load_space, rank, run_search, trace
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from contrastive_nas.graphs import trace as trace
    from contrastive_nas.ranking.rank import rank as rank
    from contrastive_nas.ranking.rank import rank_graphs as rank_graphs
    from contrastive_nas.ranking.registry import create_ranker as create_ranker
    from contrastive_nas.ranking.registry import list_rankers as list_rankers
    from contrastive_nas.search.parameters import SearchParameters as SearchParameters
    from contrastive_nas.search.run import run_search as run_search
    from contrastive_nas.spaces import list_spaces as list_spaces
    from contrastive_nas.spaces import load_space as load_space

__version__ = "0.1.0"

_PLACES = {
    "SearchParameters": "contrastive_nas.search.parameters",
    "create_ranker": "contrastive_nas.ranking.registry",
    "list_rankers": "contrastive_nas.ranking.registry",
    "list_spaces": "contrastive_nas.spaces",
    "load_space": "contrastive_nas.spaces",
    "rank": "contrastive_nas.ranking.rank",
    "rank_graphs": "contrastive_nas.ranking.rank",
    "run_search": "contrastive_nas.search.run",
    "trace": "contrastive_nas.graphs",
}
__all__ = list(_PLACES)


def __getattr__(name: str) -> Any:
    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_PLACES[name]), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *_PLACES])
