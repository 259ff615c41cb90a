"""Pages say what the artifacts say, in words, and nothing of what is not there."""

import json
import os
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from tests.reporting.made_up import (
    FIRST,
    QUERIES,
    ROWS,
    SPACE,
    making,
    search_artifacts,
    training,
    without_the_rest,
)

from contrastive_nas.execution.datasets.kinds import PageArtifact, without_measured
from contrastive_nas.reporting.best import best_queries
from contrastive_nas.reporting.page import Section, paragraph, write_page
from contrastive_nas.reporting.retrain_page import retrain_page
from contrastive_nas.reporting.run_facts import command, read_facts
from contrastive_nas.reporting.search_page import SEARCH_NODES, search_page
from contrastive_nas.reporting.words import facts, lead

VOID = {"meta", "link", "br", "img"}


class Reader(HTMLParser):
    """Finds elements that are not closed, and what a reader sees."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.opened: list[str] = []
        self.text = ""
        self.identifiers: list[str] = []
        self.links: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        named = dict(attrs)
        self.identifiers += [str(named["id"])] if "id" in named else []
        self.links += [str(named[name]) for name in ("src", "href") if name in named]
        if tag not in VOID:
            self.opened.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.opened.pop() == tag

    def handle_data(self, data: str) -> None:
        if not {"script", "style"} & {*self.opened}:
            self.text += data


@pytest.fixture(scope="module")
def page() -> str:
    return search_page(search_artifacts(objectives=True, policy=True), SPACE, making(command="kedro run"))


def test_a_page_is_sound_and_alone(page: str) -> None:
    read = Reader(page)
    assert read.opened == []
    assert len(read.identifiers) == len(set(read.identifiers))
    assert [link for link in read.links if not link.startswith("data:")] == []
    assert page.count("plotly.js v") == 1


def test_the_words_have_the_numbers_of_the_summary() -> None:
    found = search_artifacts()
    sentence = lead(found.summary, SPACE.size)
    assert sentence.startswith("Of 3,779,136 architectures in the space compact_cnn, the search trained 12 ")
    assert "test accuracy is 94.12 ± 0.25 %, mean and standard deviation of 3 trainings" in sentence
    assert "It ranks 3rd among the 300 networks of known accuracy." in sentence
    assert "finds 92.00 % on average, 2.12 percentage points less." in sentence
    rows = dict(facts(found.summary, SPACE.size, {"limits": {"macs": 2e6}, "objectives": ["parameters"]}))
    assert rows["Size"] == "1.23 million multiply-accumulates, 89.0 thousand parameters"
    assert rows["Limits"] == "at most 2.00 million multiply-accumulates"
    assert rows["Also minimised"] == "parameters"
    assert rows["Regret"] == "1.50 points below the highest known validation accuracy"
    assert rows["Validation accuracy"].endswith(f"the highest of {QUERIES} queries (11 trained, 1 failed)")
    assert rows["First labels"] == f"{FIRST} promising and different networks"
    assert "nasbench201 0.75, darts 0.25" in rows["Guided by"]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"accuracy_is": "looked up"}, "looked up the accuracy of 12 and found"),
        ({"accuracy_is": "predicted"}, "predicted, with a surrogate model, the accuracy of 12"),
        (
            {"surrogate_noise": 0.5, "surrogate_kendall_tau": 0.8},
            "have a standard deviation of 0.50 points",
        ),
        ({"random_best_test_accuracy": 95.0}, "95.00 % on average, 0.88 percentage points more"),
        ({"best_rank": 112}, "ranks 112th"),
    ],
)
def test_other_searches_have_other_words(changes: dict[str, Any], words: str) -> None:
    summary = {**search_artifacts().summary, **changes}
    if "surrogate_noise" in changes:
        del summary["final_trainings"]
    assert words in lead(summary, SPACE.size)


def test_a_page_shows_all_that_is_there(page: str) -> None:
    text = Reader(page).text
    for title in (
        "In short",
        "Best architectures",
        "Accuracy against cost",
        "First labels",
        "How this was made",
    ):
        assert title in text
    assert f"over {ROWS - FIRST} networks without a label is 0.62" in " ".join(text.split())
    assert f"over {ROWS - QUERIES} networks that the search did not query is 0.75" in " ".join(text.split())
    assert "by parameters no order" in text
    assert "kedro run" in text
    assert "2 rows left out" in text
    assert "best_valid_accuracy" not in text


def test_a_page_leaves_out_what_is_not_there() -> None:
    text = Reader(search_page(without_the_rest(), SPACE, making())).text
    for title in (
        "Accuracy against cost",
        "How well the search ranks networks",
        "The comparator of the first labels",
        "Pretraining",
        "Random search",
        "Regret",
    ):
        assert title not in text
    assert "None" not in text
    assert "nan" not in text


def test_the_best_networks_are_drawn(page: str) -> None:
    found = search_artifacts(objectives=True, policy=True)
    shown = best_queries(found.history)
    assert 1 <= len(shown) <= 3
    assert shown["on_front"].all()
    assert shown["accuracy"].is_monotonic_decreasing
    assert page.count("<svg") - page.count('"<svg') >= len(shown)
    best = best_queries(search_artifacts().history)
    assert best["accuracy"].tolist() == sorted(found.history["accuracy"].dropna(), reverse=True)[:3]


def test_a_training_is_told_with_units() -> None:
    text = Reader(retrain_page(*training(), SPACE, making())).text
    assert "reaches 93.75 % accuracy on the test images" in text
    assert "2 min 5 s, 2,500 images/s on 1 device" in text
    assert "1.3 ms for one image on the CPU" in text


def test_a_page_escapes_what_it_shows() -> None:
    page = write_page("a < b", "One & two", [Section("<script>", [paragraph("</p>")]), Section("empty")])
    assert "a &lt; b" in page
    assert "<h2>&lt;script&gt;</h2>" in page
    assert "<p>&lt;/p&gt;</p>" in page
    assert "empty" not in Reader(page).text


def test_pages_of_equal_results_are_the_same_but_for_the_run(tmp_path: Path) -> None:
    pages = [
        search_page(
            search_artifacts(),
            SPACE,
            making(command=words, machine=words, seconds={"search_architectures": time}),
        )
        for words, time in (("one", 1.0), ("two", 2.0))
    ]
    assert pages[0] != pages[1]
    assert without_measured(pages[0]) == without_measured(pages[1])
    assert "Validation accuracy" in without_measured(pages[0])
    places = [tmp_path / "one", tmp_path / "two", tmp_path / "three"]
    for place, text in zip(places, [*pages, pages[0].replace("94.12", "95.12")], strict=True):
        place.write_text(text, encoding="utf-8")
    artifact = PageArtifact(str(tmp_path / "page.html"))
    assert artifact.same_but_for_measured(places[0], places[1])
    assert not artifact.same_but_for_measured(places[0], places[2])


def record(**changes: Any) -> dict[str, Any]:
    node = {"name": "search_architectures", "outputs": {"search_history": {"version": "a"}}}
    return {
        "status": "finished",
        "process": {"pid": os.getpid()},
        "experiment": "base",
        "runtime_parameters": {},
        "git": {"commit": "0123456789abcdef", "dirty": False},
        "nodes": [node | changes.pop("node", {})],
        **changes,
    }


def test_time_is_that_of_the_run_that_made_the_results(tmp_path: Path) -> None:
    other = {"outputs": {"search_history": {"version": "b"}}, "ran": True, "seconds": 5.0}
    records = [
        record(node={"ran": True, "seconds": 99.5}),
        record(node=other),
        record(
            status="running", node={"ran": False}, runtime_parameters={"search": {"queries": 9}, "seed": 2}
        ),
    ]
    for number, content in enumerate(records):
        (tmp_path / f"{number}.json").write_text(json.dumps(content))
    (tmp_path / "3.json").write_text("")
    found = read_facts(tmp_path, "report", SEARCH_NODES)
    assert found.seconds == {"search_architectures": 99.5}
    assert found.command == "kedro run --pipeline report --params search.queries=9,seed=2"
    assert found.commit == "0123456789ab"


def test_without_a_record_nothing_is_said(tmp_path: Path) -> None:
    assert read_facts(None, "report", SEARCH_NODES) == read_facts(tmp_path, "report", SEARCH_NODES)
    assert read_facts(None, "report", SEARCH_NODES).command == ""


def test_the_command_names_environment_and_parameters() -> None:
    given = record(experiment="nasbench201", runtime_parameters={"retrain": {"architecture": "a|b c"}})
    assert command(given, "retrain") == (
        "kedro run --env nasbench201 --pipeline retrain --params 'retrain.architecture=a|b c'"
    )
