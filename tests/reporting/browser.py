"""Opens a page in a browser without a screen, and asks it what it shows."""

import html
import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
# Runs before anything else of the page.
_LISTENER = """<script>
window.problems = [];
addEventListener('error', event => problems.push('error: ' + event.message));
addEventListener('unhandledrejection', event => problems.push('rejected: ' + event.reason));
addEventListener('securitypolicyviolation', event => problems.push('request: ' + event.blockedURI));
for (const kind of ['error', 'warn']) {
  const shown = console[kind];
  console[kind] = (...words) => { problems.push(kind + ': ' + words.join(' ')); shown(...words); };
}
</script>"""
# Runs after everything; what is drawn is counted in the picture, not in the data.
_QUESTIONS = """<script>
addEventListener('load', () => setTimeout(() => {
  const width = document.documentElement.clientWidth;
  const beyond = [...document.querySelectorAll('body *')].filter(part => {
    const box = part.getBoundingClientRect();
    return box.width && box.right > width + 1 && !part.closest('.js-plotly-plot') && !part.closest('svg');
  });
  const answer = {
    width,
    scroll: document.documentElement.scrollWidth,
    beyond: beyond.map(part => part.tagName + ' ' + part.textContent.slice(0, 60)),
    problems,
    requests: performance.getEntriesByType('resource').map(entry => entry.name),
    plots: [...document.querySelectorAll('.plot')].map(data => {
      const plot = data.previousElementSibling;
      const marks = '.scatterlayer .points path, .scatterlayer .lines path, .barlayer .point path, .hm image';
      return {
        name: plot.id,
        marks: plot.querySelectorAll(marks).length,
        width: plot.getBoundingClientRect().width,
        right: plot.getBoundingClientRect().right,
      };
    }),
    drawings: [...document.querySelectorAll('.drawings svg')].map(
      svg => ({boxes: svg.querySelectorAll('rect').length, right: svg.getBoundingClientRect().right})),
    background: getComputedStyle(document.body).backgroundColor,
    // Of the text in a figure, as its colours are the hardest to get at.
    ink: getComputedStyle(document.querySelector('.js-plotly-plot .xtick text')).fill,
  };
  parent.postMessage(JSON.stringify(answer), '*');
}, 300));
</script>"""
# A browser's window has a least width; a frame has none, and a page takes its frame for the screen.
_FRAMES = """<!doctype html><script>
addEventListener('message', event => {
  // Pages of others have messages of their own.
  if (!String(event.data).startsWith('{"')) return;
  const place = document.createElement('pre');
  place.className = 'answer';
  place.textContent = event.data;
  document.body.append(place);
});
</script><body>FRAMES</body>"""
_FRAME = '<iframe src="{}" width="{}" height="900" style="border:0"></iframe>'


def find_browser() -> str | None:
    """The path of a browser; None where there is none."""
    return next((path for path in map(shutil.which, BROWSERS) if path), None)


def look_at(page: str, folder: Path, *widths: int, dark: bool = False) -> list[dict[str, Any]]:
    """What a page shows at widths in pixels, the narrowest first; ``dark`` to those who ask for that."""
    asked = page.replace("<head>", f"<head>{_LISTENER}", 1).replace("</body>", f"{_QUESTIONS}</body>")
    (folder / "page.html").write_text(asked, encoding="utf-8")
    scheme = f"--blink-settings=preferredColorScheme={0 if dark else 1}"
    shown = [("page.html", width) for width in widths]
    return sorted(
        ask(write_frames(folder, shown).as_uri(), folder, 5000, scheme), key=lambda one: one["width"]
    )


def write_frames(folder: Path, pages: list[tuple[str, int]]) -> Path:
    """Write a page that shows pages of its folder at widths in pixels, and keeps what they post as JSON."""
    frames = folder / "frames.html"
    shown = "".join(_FRAME.format(*page) for page in pages)
    frames.write_text(_FRAMES.replace("FRAMES", shown), encoding="utf-8")
    return frames


def ask(address: str, folder: Path, budget: int, *options: str) -> list[dict[str, Any]]:
    """What the pages of :func:`write_frames` post within so many milliseconds of the browser's own time."""
    browser = find_browser()
    assert browser is not None
    command = [
        *(browser, "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", *options),
        *(f"--virtual-time-budget={budget}", "--window-size=1400,1900"),
        *(f"--user-data-dir={folder / 'profile'}", "--dump-dom", address),
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600, check=True)
    found = re.findall(r'<pre class="answer">(.*?)</pre>', done.stdout, re.DOTALL)
    assert found, done.stdout[-2000:] + done.stderr[-2000:]
    return [json.loads(html.unescape(text)) for text in found]
