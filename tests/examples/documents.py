"""The code that README and docs show: fenced blocks, commands within a line, and module names."""

import re
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
DOCUMENTS = (ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md")))
_FENCE = re.compile(r"^( *)```(\w*)\n(.*?)^\1```$", re.M | re.S)
_INLINE = re.compile(r"`([^`\n]+)`")
PROGRAMS = ("kedro", "contrastive-nas", "make", "python", "torchrun", "docker")


@dataclass(frozen=True)
class Block:
    """A fenced block.

    Attributes:
        document: the file, from the top of the project.
        number: of the block among those of its language in the document, from 1.
        language: that stands beside the fence, empty where none does.
        text: without indentation.
    """

    document: str
    number: int
    language: str
    text: str

    def __str__(self) -> str:
        return f"{self.document}:{self.language}-{self.number}"


def blocks(*languages: str) -> list[Block]:
    """All blocks of these languages (of any by default), document by document."""
    found = [block for document in DOCUMENTS for block in _blocks_of(document)]
    return [block for block in found if not languages or block.language in languages]


def _blocks_of(document: Path) -> Iterator[Block]:
    counts: dict[str, int] = {}
    for _, language, text in _FENCE.findall(document.read_text(encoding="utf-8")):
        counts[language] = counts.get(language, 0) + 1
        name = str(document.relative_to(ROOT))
        yield Block(name, counts[language], language, textwrap.dedent(text))


def spans() -> list[tuple[str, str]]:
    """Code within a line: document and text."""
    return [
        (str(document.relative_to(ROOT)), span.replace("\\|", "|"))
        for document in DOCUMENTS
        for span in _INLINE.findall(_FENCE.sub("", document.read_text(encoding="utf-8")))
    ]


def commands() -> list[tuple[str, str]]:
    """Every command line shown, of blocks and within lines: document and command."""
    found = [(block.document, line) for block in blocks("bash") for line in _lines(block.text)]
    shown = [(name, span) for name, span in spans() if span.split()[0] in PROGRAMS and " " in span]
    return list(dict.fromkeys([*found, *shown]))


def _lines(text: str) -> list[str]:
    """Single commands: continued lines are joined, the body of a loop stands for itself; no ``cd``."""
    lines = text.replace("\\\n", " ").splitlines()
    parts = [part.strip() for line in lines for part in line.partition(" #")[0].split(";")]
    of_the_shell = re.compile(r"for \w+ in |done$|cd ")
    return [part.removeprefix("do ") for part in parts if part and not of_the_shell.match(part)]
