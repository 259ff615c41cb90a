"""Copies the results of one run into a folder of their own.

``data/`` shows, of every result, the version that was made or used last, whichever run that was. A copy holds
the versions of one run alone, and its record::

    runs/a/run.json                         parameters, seeds, code, libraries, machine, metrics
    runs/a/08_reporting/search_summary.json
    runs/a/07_model_output/search_history.parquet
"""

import json
import shutil
import tempfile
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

from contrastive_nas.errors import InputError
from contrastive_nas.execution.hashing import checksums_for

RECORD = "run.json"


def export_run(project: Path, run: Mapping[str, Any], folder: Path) -> list[Path]:
    """Copy what a run made or used again, and its record.

    Args:
        project: folder of the Kedro project.
        run: a record, as ``run_history.find_run`` gives it.
        folder: where to; does not exist yet or is empty.

    Returns:
        The files and folders that were written.

    Raises:
        InputError: the folder holds something, the run has no results, or a result was removed or damaged.
            Nothing is written then.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise InputError(f"{folder} is not empty: name a new folder")
    results = {_place(project, path): path for _, path in find_results(project, run)}
    if not results:
        raise InputError(f"run {run['run']} has no results: it is {run['status']}")
    folder.parent.mkdir(parents=True, exist_ok=True)
    partial = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", suffix=".partial", dir=folder.parent))
    try:
        # The temporary folder is its owner's only; the one within is as readable as any other.
        whole = partial / folder.name
        for name, path in results.items():
            target = whole / name
            target.parent.mkdir(parents=True, exist_ok=True)
            (shutil.copytree if path.is_dir() else shutil.copyfile)(path, target)
        (whole / RECORD).write_text(json.dumps(run, indent=1) + "\n", encoding="utf-8")
        whole.replace(folder)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return [folder / name for name in (*results, RECORD)]


def find_results(
    project: Path, run: Mapping[str, Any], names: Collection[str] | None = None
) -> Iterator[tuple[str, Path]]:
    """Give what a run made or used again: the name of each data set, and its file or folder.

    Args:
        project: folder of the Kedro project.
        run: a record, as ``run_history.find_run`` gives it.
        names: data sets that are wanted; all by default.

    Raises:
        InputError: a result was removed or damaged.
    """
    for node in run.get("nodes", []):
        for name, output in node.get("outputs", {}).items():
            if names is not None and name not in names:
                continue
            path = project / output["version"]
            if not path.exists():
                raise InputError(
                    f"the result {name!r} of run {run['run']} is no longer there: `contrastive-nas clean` "
                    "has removed it; the same command with the same parameters makes it again"
                )
            if checksums_for(path.parent).of(path) != output["checksum"]:
                raise InputError(
                    f"the result {name!r} of run {run['run']} has changed since it was made: "
                    f"{path} is damaged"
                )
            yield name, path


def _place(project: Path, path: Path) -> str:
    """Where a result goes; it lies in ``data/<layer>/<experiment>/.versions/<name>/<key>/<file>``."""
    return f"{path.relative_to(project).parts[1]}/{path.name}"
