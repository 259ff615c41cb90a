"""The code that docs/graphs.md shows."""

import re
from pathlib import Path
from typing import Any

DOCUMENT = Path(__file__).parents[2] / "docs" / "graphs.md"


def test_it_runs() -> None:
    names: dict[str, Any] = {}
    for code in re.findall(r"```python\n(.*?)```", DOCUMENT.read_text(), re.S):
        exec(code, names)
    assert len(names["graph"].op) == len(names["graph"].features) > 60
