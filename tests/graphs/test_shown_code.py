"""The code that docs/graphs.md shows."""

import re
import runpy
from pathlib import Path

DOCUMENT = Path(__file__).parents[2] / "docs" / "graphs.md"


def test_it_runs(tmp_path: Path) -> None:
    shown = tmp_path / "shown.py"
    shown.write_text("\n".join(re.findall(r"```python\n(.*?)```", DOCUMENT.read_text(), re.S)))
    names = runpy.run_path(str(shown))
    assert len(names["graph"].op) == len(names["graph"].features) > 60
