"""Records of runs that were never made, in a project's folder."""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any


def write_record(project: Path, record: Mapping[str, Any]) -> None:
    """Write the record of a run, as if this process had made it."""
    content = {"process": {"pid": os.getpid(), "created": 0.0}, "runtime_parameters": {}, **record}
    folder = project / "data/09_runs"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{record['run']}.json").write_text(json.dumps(content))
