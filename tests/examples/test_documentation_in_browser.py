"""The documentation site in a real browser: every page whole at both widths, and nobody else asked."""

import functools
import http.server
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.reporting.browser import ask, find_browser, write_frames

ROOT = Path(__file__).parents[2]
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(find_browser() is None, reason="no Chromium is installed (Debian: chromium)"),
]
WIDTHS = (390, 1280)  # a telephone, a laptop
# A browser takes a second to start, and some hundred MB for what it shows at once.
PAGES_AT_ONCE = 8
# Runs in every page before anything else of it.
LISTENER = """<script>
window.problems = [];
addEventListener('error',
  event => problems.push('error: ' + (event.message || event.target.outerHTML)), true);
addEventListener('unhandledrejection', event => problems.push('rejected: ' + event.reason));
for (const kind of ['error', 'warn']) {
  console[kind] = (...words) => problems.push(kind + ': ' + words.join(' '));
}
addEventListener('load', () => setTimeout(() => {
  const width = document.documentElement.clientWidth;
  const scrolls = part => {
    for (let one = part; one; one = one.parentElement) {
      if (getComputedStyle(one).overflowX !== 'visible') return one !== document.documentElement;
    }
    return false;
  };
  const shown = [...document.querySelectorAll('.md-content *')];
  parent.postMessage(JSON.stringify({
    page: location.pathname,
    width,
    scroll: document.documentElement.scrollWidth,
    beyond: shown.filter(part => part.getBoundingClientRect().right > width + 1 && !scrolls(part))
      .map(part => part.tagName + ' ' + part.textContent.slice(0, 60)),
    words: document.querySelector('.md-content').innerText.split(/\\s+/).length,
    missing: [...document.images].filter(image => !image.naturalWidth).map(image => image.src),
    elsewhere: performance.getEntriesByType('resource').map(entry => entry.name)
      .filter(name => !name.startsWith(location.origin) && !name.startsWith('data:')),
    problems,
  }), '*');
}, 500));
</script>"""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(folder)]
    environment = {**os.environ, "NO_MKDOCS_2_WARNING": "1"}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    for page in pages_of(folder):
        text = page.read_text(encoding="utf-8")
        page.write_text(text.replace("<head>", f"<head>{LISTENER}", 1), encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def address(site: Path) -> Iterator[str]:
    handler = functools.partial(Quiet, directory=str(site))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, format: str, *_: Any) -> None:
        """Says nothing of each request."""


def pages_of(site: Path) -> list[Path]:
    return sorted(page for page in site.rglob("*.html") if page.name != "404.html")


def test_every_page_is_whole_at_both_widths(site: Path, address: str, tmp_path: Path) -> None:
    names = [page.relative_to(site).as_posix() for page in pages_of(site)]
    assert {"index.html", "tutorial.html", "method.html", "reference.html"} <= set(names)
    seen: dict[tuple[str, int], dict[str, Any]] = {}
    for start in range(0, len(names), PAGES_AT_ONCE):
        for answer in look_at(names[start : start + PAGES_AT_ONCE], site, address, tmp_path):
            seen[answer["page"].lstrip("/"), answer["width"]] = answer
    assert set(seen) == {(name, width) for name in names for width in WIDTHS}
    for (name, width), answer in seen.items():
        assert answer["problems"] == [], name
        assert answer["elsewhere"] == [], name
        assert answer["missing"] == [], name
        assert answer["words"] > 40, name
        assert answer["scroll"] <= width, (name, width)
        assert answer["beyond"] == [], (name, width)


def test_what_is_wrong_would_be_seen(site: Path, address: str, tmp_path: Path) -> None:
    whole = (site / "cite.html").read_text(encoding="utf-8")
    wrong = '<p style="width: 2000px">wide</p><img src="http://127.0.0.1:9/x.png"></article>'
    (site / "wrong.html").write_text(whole.replace("</article>", wrong), encoding="utf-8")
    answers = look_at(["wrong.html"], site, address, tmp_path)
    (site / "wrong.html").unlink()
    for answer in answers:
        assert answer["problems"]
        assert answer["missing"]
        assert any(part.startswith("P wide") for part in answer["beyond"])


def look_at(names: list[str], site: Path, address: str, folder: Path) -> list[dict[str, Any]]:
    """What pages show at both widths."""
    frames = write_frames(site, [(name, width) for name in names for width in WIDTHS])
    found = ask(f"{address}/{frames.name}", folder, 20000)
    frames.unlink()
    return found
