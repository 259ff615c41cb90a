"""What MkDocs calls for every page: formulas become MathML, which browsers draw without a script."""

import re
from html import unescape
from typing import Any

from latex2mathml.converter import convert

# What pymdownx.arithmatex makes of $...$ and $$...$$.
_FORMULA = re.compile(r'<(span|div) class="arithmatex">\\[(\[](.*?)\\[)\]]</\1>', re.S)
# Docstrings name other objects as Sphinx does, :class:`Name`; of that the name is shown.
_ROLE = re.compile(r":(?:attr|class|func|meth|mod):(?=<code>)")


def on_page_content(html: str, **_: Any) -> str:
    """The page with every formula in MathML and without the roles of names."""
    return _ROLE.sub("", _FORMULA.sub(_mathml, html))


def _mathml(found: re.Match[str]) -> str:
    tag, formula = found.groups()
    display = "block" if tag == "div" else "inline"
    return f'<{tag} class="formula">{convert(unescape(formula), display=display)}</{tag}>'
