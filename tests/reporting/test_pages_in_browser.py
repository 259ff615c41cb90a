"""The pages in a real browser: nothing fails, nothing is loaded, everything is drawn and fits the screen."""

from pathlib import Path
from typing import Any

import pytest
from tests.reporting.browser import find_browser, look_at
from tests.reporting.made_up import (
    SPACE,
    making,
    search_artifacts,
    searched_run,
    training,
    without_the_rest,
)

from contrastive_nas.reporting.comparison_page import comparison_page
from contrastive_nas.reporting.retrain_page import retrain_page
from contrastive_nas.reporting.search_page import search_page

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(find_browser() is None, reason="no Chromium is installed (Debian: chromium)"),
]
PAGES = {
    "everything": (
        lambda: search_page(search_artifacts(objectives=True, policy=True), SPACE, making()),
        {"search", "policy", "front-macs", "front-parameters", "map", "ranks", "calibration"}
        | {"comparator-ranks", "comparator-calibration", "pseudo-labels", "pretraining"},
    ),
    "little": (lambda: search_page(without_the_rest(), SPACE, making()), {"search"}),
    "training": (lambda: retrain_page(*training(), SPACE, making()), {"loss", "accuracy", "confusion"}),
    "comparison": (
        lambda: comparison_page(
            searched_run("2026-01-02T03.04.05.678Z"), searched_run("2026-01-03T03.04.05.678Z", seed=6)
        ),
        {"courses", "regrets"},
    ),
}


WIDTHS = [390, 1280]  # a telephone, a laptop


@pytest.mark.parametrize("name", list(PAGES))
def test_a_page_is_whole(name: str, tmp_path: Path) -> None:
    make, plots = PAGES[name]
    page = make()
    colours = {}
    for dark in (False, True):
        answers = look_at(page, tmp_path, *WIDTHS, dark=dark)
        assert [seen["width"] for seen in answers] == WIDTHS
        for seen in answers:
            check(seen, plots)
        colours[dark] = {(seen["background"], seen["ink"]) for seen in answers}
    assert colours == {
        False: {("rgb(255, 255, 255)", "rgb(27, 31, 36)")},
        True: {("rgb(13, 17, 23)", "rgb(230, 237, 243)")},
    }


def check(seen: dict[str, Any], plots: set[str]) -> None:
    width = seen["width"]
    assert seen["problems"] == []
    assert seen["requests"] == []
    assert seen["beyond"] == []
    assert seen["scroll"] <= width
    assert {plot["name"] for plot in seen["plots"]} == plots
    for plot in seen["plots"]:
        assert plot["marks"] > 0, plot
        assert plot["width"] > 300, plot
        assert plot["right"] <= width, plot
    assert seen["drawings"]
    for drawing in seen["drawings"]:
        assert drawing["boxes"] > 3
        assert drawing["right"] <= width


def test_a_request_would_be_seen(tmp_path: Path) -> None:
    page = retrain_page(*training(), SPACE, making())
    spoiled = page.replace("<main>", '<main><img src="http://127.0.0.1:9/x.png" alt="">')
    assert look_at(spoiled, tmp_path, 1280)[0]["problems"]
