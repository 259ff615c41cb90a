"""One HTML page of everything an experiment found; it needs no network."""

from collections.abc import Mapping
from html import escape
from typing import Any

import plotly.graph_objects as go
from plotly.offline import get_plotlyjs

_STYLE = """
body { font-family: system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
table { border-collapse: collapse; margin: 0.5rem 0 1.5rem; }
td { border-bottom: 1px solid #ddd; padding: 0.2rem 1rem 0.2rem 0; vertical-align: top; }
td:last-child { font-variant-numeric: tabular-nums; overflow-wrap: anywhere; white-space: pre-line; }
"""


def write_page(title: str, metrics: Mapping[str, Mapping[str, Any]], figures: Mapping[str, go.Figure]) -> str:
    """The page's text.

    Args:
        title: heading.
        metrics: numbers of each section, by its heading.
        figures: by a name that becomes part of the page's identifiers.
    """
    tables = "\n".join(f"<h2>{escape(name)}</h2>\n{_table(values)}" for name, values in metrics.items())
    plots = "\n".join(
        figure.to_html(full_html=False, include_plotlyjs=False, div_id=name)
        for name, figure in figures.items()
    )
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>'
        f"<style>{_STYLE}</style><script>{get_plotlyjs()}</script></head>\n"
        f"<body><h1>{escape(title)}</h1>\n{plots}\n{tables}\n</body></html>\n"
    )


def _table(values: Mapping[str, Any]) -> str:
    rows = "".join(
        f"<tr><td>{escape(name.replace('_', ' '))}</td><td>{escape(_text(value))}</td></tr>"
        for name, value in values.items()
    )
    return f"<table>{rows}</table>"


def _text(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, list):
        return ", ".join(map(_text, value))
    if isinstance(value, Mapping):
        return "; ".join(f"{name}: {_text(part)}" for name, part in value.items())
    return str(value)
