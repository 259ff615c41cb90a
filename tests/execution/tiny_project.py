"""A small Kedro project with everything that the caching runner has to get right."""

import importlib
import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from kedro.framework.session import KedroSession
from kedro.framework.startup import bootstrap_project

CONF = Path(__file__).parents[2] / "conf"
LOGGING = ("logging.yml", "base/logging.yml")
FILES = {
    "pyproject.toml": """
[tool.kedro]
package_name = "tiny"
project_name = "tiny"
kedro_init_version = "1.7.0"
source_dir = "src"
""",
    "src/tiny/__init__.py": "",
    "src/tiny/settings.py": """
from contrastive_nas.execution.context import ProjectContext
from contrastive_nas.settings import *

CONTEXT_CLASS = ProjectContext
""",
    "src/tiny/cli.py": "from contrastive_nas.cli import cli, run\n",
    "src/tiny/deep/__init__.py": "",
    "src/tiny/deep/near.py": """
def add(total, amount):
    from tiny.deep.far import STEP
    return total + amount * STEP
""",
    "src/tiny/deep/far.py": "STEP = 1\n",
    "src/tiny/reading.py": """
import pandas as pd

def read(raw) -> pd.DataFrame:
    return pd.DataFrame({"value": [int(line) for line in raw.read_text().split()]})
""",
    "src/tiny/summing.py": """
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict, Field

from tiny.deep import near

if TYPE_CHECKING:
    import pandas as pd

class SumParameters(BaseModel):
    model_config = ConfigDict(extra="forbid")
    offset: int = Field(0, ge=0)
    shape: str = "square"

def total(table: "pd.DataFrame", parameters: SumParameters, seed: int):
    return {"total": int(near.add(table["value"].sum(), parameters.offset)), "seed": seed}
""",
    "src/tiny/shaping.py": """
import importlib

SHAPES = {"square": "tiny.shapes.square:area", "circle": "tiny.shapes.circle:area"}

def shape(total, parameters: dict):
    module, _, name = SHAPES[parameters["shape"]].partition(":")
    area = getattr(importlib.import_module(module), name)
    return lambda path: path.write_text(str(area(total["total"])))
""",
    "src/tiny/training.py": """
import time

import numpy as np

def train(table, seed: int, steps: int, pause: float, checkpoints):
    rng = np.random.default_rng(seed)
    state = checkpoints.load() or {"step": 0, "weights": table["value"].to_numpy(float)}
    if state["step"]:
        rng.bit_generator.state = state["rng"]
    weights = state["weights"]
    for step in range(state["step"], steps):
        weights = 0.9 * weights + rng.normal(size=weights.shape)
        time.sleep(pause)
        checkpoints.save_if_due(
            lambda: {"step": step + 1, "weights": weights, "rng": rng.bit_generator.state}
        )
    return {"weights": weights.tolist()}
""",
    "src/tiny/growing.py": """
import json

def squares(table, earlier):
    old = {} if earlier is None else json.loads(earlier.read_text())
    values = [str(value) for value in table["value"]]
    new = [value for value in values if value not in old]
    print("squared", *new)
    content = {value: old.get(value, int(value) ** 2) for value in values}
    return lambda path: path.write_text(json.dumps(content))
""",
    "src/tiny/shapes/__init__.py": "",
    "src/tiny/shapes/square.py": "def area(side):\n    return side * side\n",
    "src/tiny/shapes/circle.py": "def area(side):\n    return 3 * side * side\n",
    "src/tiny/reporting.py": """
def report(total, shape):
    return {"total": total["total"], "area": int(shape.read_text())}
""",
    "src/tiny/pipeline_registry.py": """
from kedro.pipeline import Node, Pipeline

from tiny.growing import squares
from tiny.reading import read
from tiny.reporting import report
from tiny.shaping import shape
from tiny.summing import total
from tiny.training import train

def rank(trained):
    return sorted(trained["weights"])

def register_pipelines():
    everything = Pipeline([
        Node(func=read, inputs="numbers", outputs="table", name="read", tags="ingest"),
        Node(func=total, inputs=["table", "params:sum", "params:seed"], outputs="total", name="total",
             tags="sum"),
        Node(func=shape, inputs=["total", "params:drawing"], outputs="shape", name="shape", tags="draw"),
        Node(func=report, inputs=["total", "shape"], outputs="report", name="report", tags="report"),
    ])
    long = everything.only_nodes("read") + Pipeline([
        Node(func=train, inputs=["table", "params:seed", "params:steps", "params:pause", "checkpoints"],
             outputs="trained", name="train"),
        Node(func=rank, inputs="trained", outputs="ranked", name="rank"),
    ])
    growing = everything.only_nodes("read") + Pipeline([
        Node(func=squares, inputs=["table", "earlier_squares"], outputs="squares", name="squares"),
    ])
    return {"__default__": everything, "growing": growing, "sum": everything.to_nodes("total"), "long": long}
""",
    ".telemetry": "consent: false\n",
    "conf/local/.gitkeep": "",
    "conf/base/globals.yml": "experiment: base\n",
    "conf/other/globals.yml": "experiment: other\n",
    "conf/base/parameters.yml": """
seed: 1
steps: 100
pause: 0.0
sum: {offset: 2}
drawing: {shape: square}
""",
    "conf/base/catalog.yml": """
numbers:
  type: contrastive_nas.execution.datasets.RawFile
  filepath: data/01_raw/numbers.txt
table:
  type: contrastive_nas.execution.datasets.ParquetArtifact
  filepath: data/02_intermediate/${globals:experiment}/table.parquet
total:
  type: contrastive_nas.execution.datasets.JsonArtifact
  filepath: data/03_primary/${globals:experiment}/total.json
shape:
  type: contrastive_nas.execution.datasets.PathArtifact
  filepath: data/04_feature/${globals:experiment}/shape
checkpoints:
  type: contrastive_nas.execution.datasets.CheckpointFolder
  seconds: 0.05
squares:
  type: contrastive_nas.execution.datasets.PathArtifact
  filepath: data/04_feature/${globals:experiment}/squares.json
earlier_squares:
  type: contrastive_nas.execution.datasets.EarlierResult
  of: squares
trained:
  type: contrastive_nas.execution.datasets.JsonArtifact
  filepath: data/06_models/${globals:experiment}/trained.json
ranked:
  type: contrastive_nas.execution.datasets.JsonArtifact
  filepath: data/07_model_output/${globals:experiment}/ranked.json
report:
  type: contrastive_nas.execution.datasets.JsonArtifact
  filepath: data/08_reporting/${globals:experiment}/report.json
  metadata: {metrics: true}
""",
    "data/01_raw/numbers.txt": "1 2 3 4\n",
}
PLACES = {
    "table": "data/02_intermediate/base/table.parquet",
    "total": "data/03_primary/base/total.json",
    "shape": "data/04_feature/base/shape",
    "report": "data/08_reporting/base/report.json",
}


@dataclass
class TinyProject:
    """A project on the disk, run by Kedro's own command in a process of its own."""

    folder: Path
    variables: dict[str, str] = field(default_factory=dict)

    @classmethod
    def create(cls, folder: Path) -> "TinyProject":
        for name, text in FILES.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text.lstrip("\n"))
        for name in LOGGING:
            shutil.copy(CONF / name, folder / "conf" / name)
        return cls(folder)

    def session(
        self, env: str | None = None, params: dict[str, Any] | None = None, **options: Any
    ) -> set[str]:
        """Runs in this process, through Kedro's programming interface; the names of the nodes that ran."""
        self.forget_modules()
        bootstrap_project(self.folder)
        with KedroSession.create(project_path=self.folder, env=env, runtime_params=params) as session:
            session.run(**options)
        return self.ran()

    def forget_modules(self) -> None:
        """As in a new process, the project's modules will be imported anew."""
        for name in [name for name in sys.modules if name.partition(".")[0] == "tiny"]:
            del sys.modules[name]
        importlib.invalidate_caches()

    def record(self) -> dict[str, Any]:
        """The record of the last run."""
        return self.records()[-1]

    def ran(self) -> set[str]:
        return {node["name"] for node in self.record()["nodes"] if node["ran"]}

    def path(self, name: str) -> Path:
        return self.folder / PLACES.get(name, name)

    def value(self, name: str) -> Any:
        return json.loads(self.path(name).read_text())

    def command(self, *arguments: str) -> list[str]:
        return [str(Path(sys.executable).with_name("kedro")), "run", *arguments]

    def environment(self) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if name != "CONTRASTIVE_NAS_DATA"}
        return {**kept, "PYTHONDONTWRITEBYTECODE": "1", **self.variables}

    def start(self, *arguments: str) -> "subprocess.Popen[str]":
        return subprocess.Popen(
            self.command(*arguments),
            cwd=self.folder,
            env=self.environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def records(self) -> list[dict[str, Any]]:
        """The records of all runs, oldest first."""
        return [
            json.loads(file.read_text())
            for file in sorted((self.folder / "data/09_runs").glob("*.json"))
            if file.stat().st_size
        ]

    def artifacts(self) -> dict[str, bytes]:
        """All versions of all results: content by relative path."""
        files = (path for path in self.folder.glob("data/0[2-8]*/**/*") if path.is_file())
        return {str(path.relative_to(self.folder)): path.read_bytes() for path in files}

    def run(self, *arguments: str, start: str = ".") -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            self.command(*arguments),
            cwd=self.folder / start,
            env=self.environment(),
            capture_output=True,
            text=True,
            check=False,
        )
