"""Latency in a search: what is proposed is measured before its accuracy is paid for.

The predictor stands in for all networks that were not measured. A network that turns out to be slower than
the limit is not trained; the search asks again, with a predictor that has learned from it. So the limit
holds, as measured, for every network whose accuracy is known, the chosen one among them.
"""

import logging
from pathlib import Path

import pandas as pd

from contrastive_nas.latency.measured import MeasuredLatency
from contrastive_nas.latency.parameters import LATENCY
from contrastive_nas.search.ledger import Proposal
from contrastive_nas.search.parameters import SearchParameters
from contrastive_nas.search.strategies.base import Strategy
from contrastive_nas.spaces.base import SearchSpace

logger = logging.getLogger(__name__)
# Rounds of proposals that may all be too slow before a search gives up.
_MOST_ROUNDS = 20


def is_measured(parameters: SearchParameters, table: pd.DataFrame | None) -> bool:
    """Return whether latency is a cost of the search, and no column of the table of costs."""
    counts = LATENCY in (*parameters.limits, *parameters.objectives)
    return counts and (table is None or LATENCY not in table.columns)


def open_latency(
    space: SearchSpace, parameters: SearchParameters, table: pd.DataFrame | None, folder: Path | None
) -> MeasuredLatency | None:
    """Open the latency of a search and measure its first networks; None where it is tabulated or no cost.

    Args:
        space: what is searched, without limits.
        parameters: of the search.
        table: of costs; a column ``latency`` of it is used as it is.
        folder: keeps what is measured.

    Raises:
        InputError: it cannot be measured.
    """
    if not is_measured(parameters, table):
        return None
    latency = MeasuredLatency(space, parameters.latency, seed=parameters.seed, folder=folder)
    latency.prepare()
    return latency


def bought_within(
    strategy: Strategy, count: int, latency: MeasuredLatency, limit: float | None
) -> list[Proposal]:
    """Ask for up to ``count`` proposals whose measured latency is within the limit."""
    found: list[Proposal] = []
    for _ in range(_MOST_ROUNDS):
        proposals = strategy.ask(count)
        milliseconds = latency.buy([proposal.architecture for proposal in proposals])
        for proposal, measured in zip(proposals, milliseconds, strict=True):
            if limit is None or measured <= limit:
                found.append(proposal)
            else:
                strategy.asked.add(proposal.architecture)
        if found or not proposals:
            return found
    logger.warning("%d rounds of networks were all slower than %g ms when measured", _MOST_ROUNDS, limit)
    return found


def with_milliseconds(history: pd.DataFrame, latency: MeasuredLatency) -> pd.DataFrame:
    """Give the history with what was measured, and what had been predicted before."""
    names = history["architecture"].tolist()
    return history.assign(
        milliseconds=latency.measure(names),
        milliseconds_predicted=[latency.foretold(name) for name in names],
    )
