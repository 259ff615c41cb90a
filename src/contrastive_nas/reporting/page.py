"""One HTML page for people; it needs no network."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from html import escape
from typing import Any

import plotly.graph_objects as go
from plotly.offline import get_plotlyjs

from contrastive_nas.execution.datasets.kinds import MEASURED

# Figures are as wide as their column, and narrow enough for a sheet of paper.
_STYLE = """
:root {
  color-scheme: light dark;
  --ink: #1b1f24; --soft: #57606a; --line: #d0d7de; --back: #ffffff; --card: #f6f8fa;
}
@media (prefers-color-scheme: dark) {
  :root { --ink: #e6edf3; --soft: #9da7b1; --line: #30363d; --back: #0d1117; --card: #161b22; }
}
* { box-sizing: border-box; }
body { font: 16px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--back); margin: 0; }
main { max-width: 74rem; margin: 0 auto; padding: 1.5rem 1rem 4rem; }
h1 { font-size: 1.6rem; line-height: 1.25; margin: 0 0 .75rem; }
h2 { font-size: 1.25rem; margin: 2.5rem 0 .5rem; padding-bottom: .25rem; }
h2 { border-bottom: 1px solid var(--line); }
h3 { font-size: 1rem; margin: 1.25rem 0 .25rem; }
p { max-width: 46rem; margin: .5rem 0; }
.lead { font-size: 1.1rem; }
.soft, figcaption { color: var(--soft); font-size: .9rem; }
table { border-collapse: collapse; margin: .75rem 0; max-width: 60rem; width: 100%; }
th, td { border-bottom: 1px solid var(--line); padding: .35rem .75rem .35rem 0; }
th, td, caption { text-align: left; vertical-align: top; }
th { font-weight: 600; }
tbody th { width: 14rem; }
td { overflow-wrap: anywhere; font-variant-numeric: tabular-nums; }
code, pre { font-family: ui-monospace, monospace; font-size: .85em; overflow-wrap: anywhere; }
pre { background: var(--card); padding: .75rem; border-radius: 6px; white-space: pre-wrap; }
details { margin: .75rem 0; }
summary { cursor: pointer; }
figure { margin: 1rem 0 1.5rem; break-inside: avoid; min-width: 0; }
figcaption { max-width: 46rem; overflow-wrap: anywhere; }
.plots { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 34rem), 1fr)); gap: 0 2rem; }
.plots figure { max-width: 44rem; }
.drawings { display: flex; flex-wrap: wrap; gap: 1.5rem; align-items: flex-start; }
.drawings figure { flex: 0 1 22rem; }
.drawings svg { display: block; max-width: 100%; height: auto; }
.js-plotly-plot .infolayer text, .js-plotly-plot .xtick text, .js-plotly-plot .ytick text,
.js-plotly-plot .legendtext, .js-plotly-plot .cbaxis text, .js-plotly-plot .y2tick text
{ fill: var(--ink) !important; }
@media (max-width: 40rem) {
  tbody th { width: auto; }
  table.facts tr, table.facts th, table.facts td { display: block; }
  table.facts th { border-bottom: 0; padding-bottom: 0; }
  table.beside tr { display: grid; grid-template-columns: 1fr 1fr; }
  table.beside th:first-child { grid-column: 1 / -1; border-bottom: 0; padding-bottom: 0; }
}
@media print {
  :root { --ink: #000; --soft: #333; --line: #bbb; --back: #fff; --card: #fff; }
  main { max-width: none; padding: 0; }
  .plots { display: block; }
  h2 { break-after: avoid; }
  @page { margin: 12mm; }
}
"""
# Draws what the page holds as data, keeps figures as wide as their column, opens folded parts for printing.
_SCRIPT = """
for (const data of document.querySelectorAll('script.plot')) {
  const plot = JSON.parse(data.textContent);
  Plotly.newPlot(data.previousElementSibling, plot.data, plot.layout,
    {responsive: true, displayModeBar: false, displaylogo: false});
}
const resize = () => document.querySelectorAll('.js-plotly-plot').forEach(plot => Plotly.Plots.resize(plot));
addEventListener('beforeprint', () => {
  document.querySelectorAll('details').forEach(part => part.open = true);
  resize();
});
addEventListener('afterprint', resize);
"""
# Browsers then refuse to load anything: whatever a library tries, no request leaves the page.
_NO_REQUESTS = (
    "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data: blob:"
)


@dataclass
class Section:
    """A part of a page under a heading; without parts it is left out.

    Attributes:
        title: the heading.
        parts: HTML.
    """

    title: str
    parts: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        return f"<section>\n<h2>{escape(self.title)}</h2>\n{chr(10).join(self.parts)}\n</section>"


def write_page(title: str, lead: str, sections: Sequence[Section]) -> str:
    """Return the page's text.

    Args:
        title: heading.
        lead: the first sentences.
        sections: those without parts are left out.
    """
    body = "\n".join(str(section) for section in sections if section.parts)
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{_NO_REQUESTS}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        # An icon of nothing, as browsers ask for one otherwise.
        f'<link rel="icon" href="data:,"><title>{escape(title)}</title><style>{_STYLE}</style></head>\n'
        f'<body><main>\n<h1>{escape(title)}</h1>\n<p class="lead">{escape(lead)}</p>\n{body}\n</main>\n'
        f"<script>{get_plotlyjs()}</script><script>{_SCRIPT}</script></body></html>\n"
    )


def paragraph(text: str, *, measured: bool = False) -> str:
    """Return text as a paragraph."""
    return f"<p{_class(measured)}>{escape(text)}</p>"


def _class(measured: bool) -> str:
    """Marks an element that differs between runs that find the same."""
    return f' class="{MEASURED}"' if measured else ""


def facts_table(rows: Iterable[tuple[str, str]], measured: Iterable[tuple[str, str]] = ()) -> str:
    """Return a table of names and what is said of them.

    Args:
        rows: name and text.
        measured: rows that differ between runs that find the same; they come last.
    """
    own = "".join(f"<tr>{_named_cells(*row)}</tr>\n" for row in rows)
    of_the_run = "".join(f"<tr{_class(True)}>{_named_cells(*row)}</tr>\n" for row in measured)
    return f'<table class="facts"><tbody>\n{own}{of_the_run}</tbody></table>'


def _named_cells(name: str, *texts: str) -> str:
    return f'<th scope="row">{escape(name)}</th>' + "".join(f"<td>{escape(text)}</td>" for text in texts)


def table(columns: Sequence[str], rows: Iterable[Sequence[str]], caption: str) -> str:
    """Return a table with a heading for each column."""
    head = "".join(f'<th scope="col">{escape(name)}</th>' for name in columns)
    body = "".join(f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in row)}</tr>\n" for row in rows)
    return (
        f'<table><caption class="soft">{escape(caption)}</caption><thead><tr>{head}</tr></thead>'
        f"<tbody>\n{body}</tbody></table>"
    )


def beside(heads: Sequence[str], rows: Iterable[Sequence[str]], caption: str) -> str:
    """Give a table of names and what is said of them in several columns.

    Args:
        heads: of the columns, that of the names included.
        rows: name and a text for each other column.
        caption: what the table shows.
    """
    head = "".join(f'<th scope="col">{escape(one)}</th>' for one in heads)
    body = "".join(f"<tr>{_named_cells(*row)}</tr>\n" for row in rows)
    return (
        f'<table class="beside"><caption class="soft">{escape(caption)}</caption>'
        f"<thead><tr>{head}</tr></thead><tbody>\n{body}</tbody></table>"
    )


def plots(*figures: tuple[str, go.Figure, str]) -> str:
    """Return figures beside each other where there is room.

    Args:
        figures: identifier in the page, the figure, and what it shows in words.
    """
    return f'<div class="plots">{"".join(_plot(*one) for one in figures)}</div>'


def _plot(name: str, figure: go.Figure, caption: str) -> str:
    shown = go.Figure(figure)
    title = shown.layout.title.text or ""
    shown.update_layout(title=None, width=None, margin={"t": 60})
    # Nothing within a script may look like its end.
    data = json.dumps(json.loads(shown.to_json()), sort_keys=True).replace("</", "<\\/")
    label = escape(f"{title}. {caption}", quote=True)
    return (
        f'<figure><h3>{escape(title)}</h3><div id="{escape(name, quote=True)}" role="img" '
        f'aria-label="{label}"></div><script type="application/json" class="plot">{data}</script>'
        f"<figcaption>{escape(caption)}</figcaption></figure>"
    )


def drawings(pictures: Iterable[tuple[str, str]]) -> str:
    """Return SVG pictures beside each other where there is room.

    Args:
        pictures: the SVG element, and what is said of it.
    """
    each = (f"<figure>{svg}<figcaption>{escape(text)}</figcaption></figure>" for svg, text in pictures)
    return f'<div class="drawings">{"".join(each)}</div>'


def code(text: str, *, measured: bool = False) -> str:
    """Return text in a typewriter's letters, as it stands."""
    return f"<pre{_class(measured)}>{escape(text)}</pre>"


def folded(title: str, *parts: str) -> str:
    """Return parts that are shown when their title is clicked."""
    return f"<details><summary>{escape(title)}</summary>{''.join(parts)}</details>"


def plain_settings(value: Any) -> str:
    """Return parameters as YAML."""
    import yaml

    return yaml.safe_dump(value, sort_keys=True, allow_unicode=True, width=100).rstrip()
