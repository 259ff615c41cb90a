"""The plan of a run in short lines: which nodes run, why and for how long, and which are left out."""

import textwrap
from collections.abc import Collection, Mapping, Sequence

from contrastive_nas.execution.plan import REASONS_APART, Decision
from contrastive_nas.quantities import duration

# Fits a terminal of usual width after the time and the level of a log line.
_WIDTH = 110


def describe_plan(
    decisions: Sequence[Decision], earlier: Mapping[str, float], unneeded: Collection[str]
) -> str:
    """Say what a run is about to do.

    Args:
        decisions: about all nodes of the run, in its order.
        earlier: seconds that nodes took when they last ran, by name; without it no time is estimated.
        unneeded: names of nodes that the parameters make superfluous.

    Returns:
        A line for the whole, a line for each node that runs, and one each for the names of all others.
    """
    running = [decision for decision in decisions if decision.runs]
    kept = [one.node.name for one in decisions if not one.runs and not one.on_demand]
    on_demand = [one.node.name for one in decisions if one.on_demand]
    width = max((len(one.node.name) for one in running), default=0)
    lines = [_headline(running, len(decisions), earlier)]
    times = {name: f"  {duration(seconds)}" for name, seconds in earlier.items()}
    wide = max(map(len, times.values()), default=0)
    for one in running:
        time = times.get(one.node.name, "")
        lines.append(f"  {one.node.name:{width}}{time:>{wide}}  {_first(one.reason)}")
    lines += _names("kept from earlier runs", kept) + _names("run on demand", on_demand)
    return "\n".join(lines + _names("not needed with these parameters", unneeded))


def _headline(running: Sequence[Decision], count: int, earlier: Mapping[str, float]) -> str:
    if not running:
        return f"plan: 0 of {count} nodes run, as nothing has changed"
    known = [earlier[one.node.name] for one in running if one.node.name in earlier]
    words = f"plan: {len(running)} of {count} nodes run"
    if not known:
        return words
    least = "" if len(known) == len(running) else "at least "
    return f"{words}, {least}about {duration(sum(known))} as in earlier runs"


def _first(reason: str) -> str:
    """One reason is enough to run; the record of the run has more of them."""
    first, more, _ = reason.partition(REASONS_APART)
    return f"{first}, and more" if more else first


def _names(words: str, names: Collection[str]) -> list[str]:
    if not names:
        return []
    text = f"{words}: {', '.join(names)}"
    return textwrap.wrap(text, _WIDTH, initial_indent="  ", subsequent_indent="    ", break_long_words=False)
