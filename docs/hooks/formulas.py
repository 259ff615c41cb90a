"""Formulas as MathML, which browsers draw without a script: called by MkDocs for every page."""

import re
from html import unescape
from typing import Any

from latex2mathml.converter import convert

# What pymdownx.arithmatex makes of $...$ and $$...$$.
_FORMULA = re.compile(r'<(span|div) class="arithmatex">\\[(\[](.*?)\\[)\]]</\1>', re.S)


def on_page_content(html: str, **_: Any) -> str:
    """The page with every formula written in MathML."""
    return _FORMULA.sub(_mathml, html)


def _mathml(found: re.Match[str]) -> str:
    tag, formula = found.groups()
    display = "block" if tag == "div" else "inline"
    return f'<{tag} class="formula">{convert(unescape(formula), display=display)}</{tag}>'
