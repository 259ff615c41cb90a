"""A page for people as an artifact."""

import re
from pathlib import Path

from contrastive_nas.execution.datasets.kinds import PathArtifact

# An element of a page that tells of one run: how long it took, on which machine, by which command.
MEASURED = "measured"
_ELEMENTS = re.compile(rf'<(\w+) class="{MEASURED}">.*?</\1>', re.DOTALL)


class PageArtifact(PathArtifact):
    """An HTML page; two are the same when they differ only in elements of the class ``measured``.

    Such elements hold none of their own kind.
    """

    def same_but_for_measured(self, one: Path, other: Path) -> bool:
        first, second = (without_measured(path.read_text(encoding="utf-8")) for path in (one, other))
        return first == second


def without_measured(page: str) -> str:
    """The page without what differs between runs that find the same."""
    return _ELEMENTS.sub("", page)
