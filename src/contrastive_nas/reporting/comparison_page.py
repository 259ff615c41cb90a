"""The page that shows two searches side by side: what each found, how it got there, and what differs."""

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from contrastive_nas.errors import InputError
from contrastive_nas.execution.exporting import find_results
from contrastive_nas.execution.run_history import compare_runs
from contrastive_nas.quantities import cell_text, counted, points
from contrastive_nas.reporting.best import draw_best
from contrastive_nas.reporting.comparison_figures import Course, draw_courses, draw_regrets
from contrastive_nas.reporting.endings import test_accuracy
from contrastive_nas.reporting.figures import has_points
from contrastive_nas.reporting.page import (
    Section,
    beside,
    code,
    drawings,
    folded,
    paragraph,
    plots,
    write_page,
)
from contrastive_nas.reporting.run_facts import RunFacts, facts_of
from contrastive_nas.reporting.search_page import SEARCH_NODES, times
from contrastive_nas.reporting.words import facts
from contrastive_nas.spaces import load_space
from contrastive_nas.spaces.base import SearchSpace

NAMES = ("A", "B")
_RESULTS = ("search_summary", "search_history", "random_search")
# A difference of this many standard errors is seldom luck (one in twenty).
_CLEAR = 2.0
# How `compare_runs` begins the names of what is shown elsewhere on the page, or follows from a parameter.
_PARAMETER = "parameter "
_NUMBERS = ("metric ", "seconds ")
_REPEATED = ("seed ", *_NUMBERS, _PARAMETER)


@dataclass(frozen=True)
class SearchedRun:
    """A run that has a search.

    Attributes:
        record: of the run.
        summary: ``search_summary``.
        history: ``search_history``.
        random: ``random_search``; may be empty.
        space: that was searched.
        facts: command, commit, machine and times.
    """

    record: Mapping[str, Any]
    summary: Mapping[str, Any]
    history: pd.DataFrame
    random: pd.DataFrame
    space: SearchSpace
    facts: RunFacts


def has_search(record: Mapping[str, Any]) -> bool:
    """Return whether a run made a search, or used the results of one again."""
    there = {name for node in record.get("nodes", []) for name in node.get("outputs", {})}
    return there >= {*_RESULTS}


def read_searched_run(
    project: Path, record: Mapping[str, Any], records: Sequence[Mapping[str, Any]]
) -> SearchedRun:
    """Read what a run's search left.

    Args:
        project: folder of the Kedro project.
        record: of the run; it has a search.
        records: of all runs, latest first.

    Raises:
        InputError: a result was removed or damaged, or the space cannot be loaded any more.
    """
    paths = dict(find_results(project, record, _RESULTS))
    space = record["parameters"]["space"]
    try:
        known = load_space(space["name"], **space["options"])
    except InputError as error:
        raise InputError(f"run {record['run']}: {error}") from None
    return SearchedRun(
        record=record,
        summary=json.loads(paths["search_summary"].read_text(encoding="utf-8")),
        history=pd.read_parquet(paths["search_history"]),
        random=pd.read_parquet(paths["random_search"]),
        space=known,
        facts=facts_of(record, records, "search", SEARCH_NODES),
    )


def comparison_page(first: SearchedRun, second: SearchedRun) -> str:
    """Write the page, as HTML."""
    pair = (first, second)
    heads = ["", *(f"{name}: {run.record['run']}" for name, run in zip(NAMES, pair, strict=True))]
    sections = [
        Section("In short", [beside(heads, _in_short(pair), "What each run searched, found and cost.")]),
        Section("Course of the searches", [*_course(pair)]),
        Section("The best network of each", [*_best(pair)]),
        Section("What was different", [*_differences(pair, heads)]),
        Section("How to make both again", [*_commands(pair)]),
    ]
    return write_page("Two searches side by side", _lead(pair), sections)


def _lead(pair: tuple[SearchedRun, SearchedRun]) -> str:
    first, second = (run.summary for run in pair)
    sentences = [
        f"Run {name} found a network whose test accuracy is {test_accuracy(run.summary)[0]} with "
        f"{counted(run.summary['queries'], 'label')}."
        for name, run in zip(NAMES, pair, strict=True)
    ]
    task = [name for name in ("space", "target") if _parameter(pair[0], name) != _parameter(pair[1], name)]
    if task:
        sentences.append(
            f"The runs have different parameters {' and '.join(task)}: compare each with its own random "
            "search, as accuracies of different tasks say nothing about each other."
        )
        return " ".join(sentences)
    gain = second["best_test_accuracy"] - first["best_test_accuracy"]
    if gain == 0:
        sentences.append("Both have the same accuracy.")
    else:
        sentences.append(
            f"{NAMES[gain > 0]} is {points(gain)} more accurate{_certainty(first, second, gain)}."
        )
    sentences.append("Each is one search: with other seeds both may find other networks.")
    return " ".join(sentences)


def _certainty(first: Mapping[str, Any], second: Mapping[str, Any], gain: float) -> str:
    """Whether repeated trainings of the two networks could differ as much by chance."""
    if not all("final_trainings" in summary for summary in (first, second)):
        return ""
    error = math.sqrt(sum(one["final_deviation"] ** 2 / one["final_trainings"] for one in (first, second)))
    if abs(gain) > _CLEAR * error:
        return f", more than repeated trainings of the two explain (standard error {error:.2f})"
    return f", no more than repeated trainings of the two may differ by chance (standard error {error:.2f})"


def _parameter(run: SearchedRun, name: str) -> Any:
    return run.record["parameters"].get(name)


def _in_short(pair: tuple[SearchedRun, SearchedRun]) -> Iterator[tuple[str, str, str]]:
    left, right = (dict(_facts(run)) for run in pair)
    for name in dict.fromkeys([*left, *right]):
        yield name, left.get(name, "-"), right.get(name, "-")


def _facts(run: SearchedRun) -> Iterator[tuple[str, str]]:
    yield from facts(run.summary, run.space.size, run.record["parameters"]["search"])
    yield from times(run.facts)
    yield "Seed", str(run.summary["seed"])
    yield "Started", run.record["started"][:19].replace("T", " ") + " UTC"
    for name, text in (("Commit", run.facts.commit), ("Machine", run.facts.machine)):
        if text:
            yield name, text


def _course(pair: tuple[SearchedRun, SearchedRun]) -> Iterator[str]:
    courses = [
        Course(name, run.history, run.random, run.summary) for name, run in zip(NAMES, pair, strict=True)
    ]
    random = " Dotted: the mean of random search." if any(len(run.random) for run in pair) else ""
    shown = [
        ("courses", draw_courses(courses), f"Best validation accuracy so far, by number of labels.{random}")
    ]
    regrets = draw_regrets(courses)
    if has_points(regrets):
        caption = "How far the best label so far is below the highest one that is known. Lower is better."
        shown.append(("regrets", regrets, caption))
    yield plots(*shown)


def _best(pair: tuple[SearchedRun, SearchedRun]) -> Iterator[str]:
    if pair[0].summary["best_architecture"] == pair[1].summary["best_architecture"]:
        yield paragraph("Both searches chose the same architecture.")
    yield drawings(
        (picture, f"{name}, {words[0].lower()}{words[1:]}")
        for name, run in zip(NAMES, pair, strict=True)
        for picture, words in draw_best(run.history, run.space, 1)
    )


def _differences(pair: tuple[SearchedRun, SearchedRun], heads: Sequence[str]) -> Iterator[str]:
    found = [
        (name, cell_text(left), cell_text(right))
        for name, left, right in compare_runs(pair[0].record, pair[1].record)
    ]
    parameters = [
        (name.removeprefix(_PARAMETER), left, right)
        for name, left, right in found
        if name.startswith(_PARAMETER)
    ]
    if parameters:
        yield beside(heads, parameters, "Parameters that differ.")
    else:
        yield paragraph("All parameters are the same.")
    others = [row for row in found if not row[0].startswith(_REPEATED)]
    if others:
        yield folded("Code, libraries and machine", beside(heads, others, "What else differs."))
    numbers = [row for row in found if row[0].startswith(_NUMBERS)]
    if numbers:
        yield folded("All metrics and times that differ", beside(heads, numbers, "By data set and name."))


def _commands(pair: tuple[SearchedRun, SearchedRun]) -> Iterator[str]:
    for name, run in zip(NAMES, pair, strict=True):
        yield paragraph(f"Run {name}:")
        yield code(run.facts.command)
