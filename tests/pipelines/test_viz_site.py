"""The static site of Kedro-Viz, built by its own command and opened in a browser."""

import functools
import http.server
import json
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.pipelines.project import ROOT, Project
from tests.reporting.browser import ask, find_browser, write_frames

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(find_browser() is None, reason="no Chromium is installed (Debian: chromium)"),
]
# Counts what is drawn once the page has come to rest, and what went wrong.
QUESTIONS = """<script>
window.problems = [];
addEventListener('error',
  event => problems.push('error: ' + (event.message || event.target.outerHTML)), true);
addEventListener('load', () => setTimeout(() => {
  parent.postMessage(JSON.stringify({
    width: document.documentElement.clientWidth,
    scroll: document.documentElement.scrollWidth,
    problems,
    nodes: [...document.querySelectorAll('.pipeline-node')].map(node => node.textContent),
    layers: document.querySelectorAll('.pipeline-layer').length,
    elsewhere: performance.getEntriesByType('resource').map(entry => entry.name)
      .filter(name => !name.startsWith(location.origin)),
  }), '*');
}, 6000));
</script>"""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    project = Project.create(tmp_path_factory.mktemp("project"))
    kedro = str(Path(sys.executable).with_name("kedro"))
    done = subprocess.run([kedro, "viz", "build"], cwd=project.folder, capture_output=True, text=True)
    assert "Success" in done.stdout, done.stdout + done.stderr
    without_fonts = re.findall(r"^\tsed -i '(.*)' build/index.html", (ROOT / "Makefile").read_text(), re.M)
    subprocess.run(["sed", "-i", *without_fonts, project.folder / "build/index.html"], check=True)
    return project.folder / "build"


@pytest.fixture(scope="module")
def address(site: Path) -> Iterator[str]:
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=str(site))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()


def test_the_site_has_stages_and_layers(site: Path) -> None:
    found = json.loads((site / "api/main").read_text())
    assert set(found["modular_pipelines"]) == {
        *("__root__", "ingest", "convert", "pretrain", "supernet", "compare", "augment", "search", "report")
    }
    assert found["layers"][0] == "raw"
    assert found["layers"].index("feature") < found["layers"].index("models")


@pytest.mark.parametrize("width", [390, 1280])  # a telephone, a laptop
def test_a_browser_draws_folded_stages_and_asks_nobody_else(
    address: str, site: Path, tmp_path: Path, width: int
) -> None:
    page = (site / "index.html").read_text()
    (site / "asked.html").write_text(page.replace("<head>", f"<head>{QUESTIONS}", 1))
    frames = write_frames(site, [("asked.html", width)])
    (answer,) = ask(f"{address}/{frames.name}", tmp_path, 20000)
    assert answer["width"] == width
    assert answer["scroll"] <= width
    assert answer["problems"] == []
    assert answer["elsewhere"] == []
    drawn = " ".join(answer["nodes"]).lower()
    for stage in ("pretrain", "compare", "search"):
        assert stage in drawn
    assert answer["layers"] > 3
