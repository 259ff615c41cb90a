"""A copy of this project in a folder of its own, with little data."""

import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
from kedro.framework.session import KedroSession
from kedro.framework.startup import bootstrap_project

ROOT = Path(__file__).parents[2]
TABLE = Path("data/01_raw/compact_cnn_digits.parquet")


@dataclass
class Project:
    """Run in this process, in the experiment ``test``."""

    folder: Path

    @classmethod
    def create(cls, folder: Path) -> "Project":
        for name in ("conf", "pyproject.toml", ".telemetry"):
            copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
            copy(ROOT / name, folder / name)
        (folder / "src").mkdir()  # the package is installed
        (folder / TABLE).parent.mkdir(parents=True)
        (folder / TABLE).write_bytes((ROOT / TABLE).read_bytes())
        return cls(folder)

    def run(self, pipeline: str, **parameters: Any) -> None:
        bootstrap_project(self.folder)
        with KedroSession.create(project_path=self.folder, env="test", runtime_params=parameters) as session:
            session.run(pipeline_names=[pipeline])

    def change_table(self, change: Any) -> None:
        table = pd.read_parquet(self.folder / TABLE)
        change(table).to_parquet(self.folder / TABLE)

    def read_json(self, name: str) -> Any:
        return json.loads((self.folder / "data/08_reporting/test" / name).read_text())

    def record(self) -> dict[str, Any]:
        """The record of the last run."""
        return json.loads(max((self.folder / "data/09_runs").glob("*.json")).read_text())

    def artifacts(self) -> dict[str, bytes]:
        """Bytes of everything that stages wrote, by path; keepings of the runner left out."""
        return {
            str(path.relative_to(self.folder)): path.read_bytes()
            for path in sorted((self.folder / "data").glob("0[2-8]_*/test/*"))
            if path.is_file() and not path.name.startswith(".")
        }
