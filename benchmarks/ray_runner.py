"""What the Ray runner costs: one pipeline run by it and by the caching runner, from nothing, in two copies.

    python benchmarks/ray_runner.py --env test --pipeline search

Each copy holds the project's code, configuration and embedded data. The rows of
`benchmarks/results/ray_runner.csv`: runner, seconds of the whole command, seconds of the nodes by the run's
record, seconds in which at least two nodes ran, and whether all artifacts are those of the caching runner,
recorded times apart.
"""

import argparse
import csv
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

from contrastive_nas.execution.datasets.kinds import without_measured
from shared import PROJECT, copy_project

RESULTS = PROJECT / "benchmarks" / "results" / "ray_runner.csv"
RUNNERS = {
    "caching": [],
    "ray": ["--runner", "contrastive_nas.execution.RayRunner", "--runner-params", "address=local"],
}
# As the catalog calls what differs between runs that are otherwise equal.
MEASURED = ["seconds", "seconds_per_training", "images_per_second", "latency_milliseconds"]


def artifacts(folder: Path) -> dict[str, Any]:
    """What the links of a run show, by path."""
    links = [path for path in folder.glob("data/0[2-8]*/**/*") if path.is_symlink()]
    return {str(path.relative_to(folder)): content(path) for path in links}


def content(path: Path) -> Any:
    if path.is_dir():
        return {str(file.relative_to(path)): file.read_bytes() for file in path.rglob("*") if file.is_file()}
    if path.suffix == ".json":
        values = json.loads(path.read_text())
        return {name: value for name, value in values.items() if name not in MEASURED}
    if path.suffix == ".parquet":
        import pandas as pd

        frame = pd.read_parquet(path)
        return frame.drop(columns=[name for name in MEASURED if name in frame]).to_json()
    return without_measured(path.read_text()) if path.suffix == ".html" else path.read_bytes()


def spans(record: dict[str, Any]) -> Iterator[tuple[float, float]]:
    for node in record["nodes"]:
        if node["ran"]:
            begun = datetime.fromisoformat(node["started"]).timestamp()
            yield begun, begun + node["seconds"]


def overlap(record: dict[str, Any]) -> float:
    """Seconds in which at least two nodes ran."""
    moments = sorted([(begun, 1) for begun, _ in spans(record)] + [(done, -1) for _, done in spans(record)])
    running, since, total = 0, 0.0, 0.0
    for moment, change in moments:
        total += moment - since if running > 1 else 0.0
        running, since = running + change, moment
    return total


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--env", default="test")
    parser.add_argument("--pipeline", default="search")
    parser.add_argument("--params", default="", help="as `kedro run` takes them")
    options = parser.parse_args()
    command = ["run", "--env", options.env, "--pipeline", options.pipeline]
    command += ["--params", options.params] if options.params else []
    found: dict[str, dict[str, Any]] = {}
    rows = []
    for runner, arguments in RUNNERS.items():
        with tempfile.TemporaryDirectory() as name:
            folder = copy_project(Path(name))
            kedro = str(Path(sys.executable).with_name("kedro"))
            begun = time.perf_counter()
            subprocess.run([kedro, *command, *arguments], cwd=folder, check=True, env=dict(os.environ))
            seconds = time.perf_counter() - begun
            (file,) = folder.glob("data/09_runs/*.json")
            record = json.loads(file.read_text())
            found[runner] = artifacts(folder)
            rows.append(
                {
                    "env": options.env,
                    "pipeline": options.pipeline,
                    "params": options.params,
                    "runner": runner,
                    "seconds": round(seconds, 1),
                    "seconds_of_nodes": round(sum(done - begun for begun, done in spans(record)), 1),
                    "seconds_of_overlap": round(overlap(record), 1),
                    "artifacts": len(found[runner]),
                    "same": found[runner] == found["caching"],
                    "cores": len(os.sched_getaffinity(0)),
                    "load": round(os.getloadavg()[0], 1),
                }
            )
            print(rows[-1], flush=True)
            for path in found["caching"]:
                if found[runner].get(path) != found["caching"][path]:
                    print("differs:", path)
    is_new = not RESULTS.exists()
    with RESULTS.open("a", newline="") as stream:
        writer = csv.DictWriter(stream, list(rows[0]))
        if is_new:
            writer.writeheader()
        writer.writerows(rows)


if __name__ == "__main__":
    main()
