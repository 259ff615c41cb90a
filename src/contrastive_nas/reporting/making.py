"""How a page's results were made, and how to make them again."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from contrastive_nas.execution.fingerprint import plain
from contrastive_nas.execution.machine import describe_libraries
from contrastive_nas.reporting.page import Section, code, facts_table, folded, paragraph, plain_settings
from contrastive_nas.reporting.run_facts import RunFacts, read_facts


@dataclass(frozen=True)
class Making:
    """How a page's results were made.

    Attributes:
        experiment: its parameters, as plain data.
        libraries: their versions, by name.
        facts: what differs between runs that find the same.
    """

    experiment: Mapping[str, Any]
    libraries: Mapping[str, str]
    facts: RunFacts


def read_making(
    parameters: Mapping[str, Any], runs: Path | None, pipeline: str, nodes: Iterable[str]
) -> Making:
    """Return how the results of the run that is under way are made.

    Args:
        parameters: of the experiment.
        runs: folder of the records of runs; None for a page that is the same in every run.
        pipeline: that makes the results.
        nodes: whose time is told.
    """
    return Making(plain(dict(parameters)), describe_libraries(), read_facts(runs, pipeline, nodes))


def making_section(making: Making) -> Section:
    """Return the command, seed, parameters and versions as a part of a page."""
    facts = making.facts
    parts = []
    if facts.command:
        parts.append(paragraph("This command makes the same results again:", measured=True))
        parts.append(code(facts.command, measured=True))
    of_the_run = [row for row in (("Commit", facts.commit), ("Machine", facts.machine)) if row[1]]
    parts.append(facts_table([("Seed", str(making.experiment["seed"]))], of_the_run))
    versions = "\n".join(f"{name} {version}" for name, version in making.libraries.items())
    parts.append(folded("All parameters", code(plain_settings(dict(making.experiment)))))
    parts.append(folded("Versions of libraries", code(versions)))
    return Section("How this was made", parts)
