"""``contrastive-nas doctor``: whether what is needed works on this machine, and what to do if not."""

import os
import platform
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import chdir
from dataclasses import asdict, dataclass
from importlib import import_module, metadata
from pathlib import Path
from typing import Any, Literal

import typer

from contrastive_nas import __version__
from contrastive_nas.command_line.output import AsJson, show_json, table_text
from contrastive_nas.command_line.runs import project_folder
from contrastive_nas.errors import InputError

PACKAGE = "contrastive-nas"
# What is not there without each extra of the package, and without each library that may be absent.
WITHOUT = {
    "onnx": "ONNX files are neither read nor written",
    "mlflow": "runs are not copied to MLflow",
    "dashboard": "optuna-dashboard does not show studies",
}
WITHOUT_DGL = "the encoder works with plain torch, which gives the same numbers"
# In gigabytes: less than the first is a failure, less than the second is worth knowing. A search of digits
# leaves a few megabytes; the graphs of all of NAS-Bench-101 take 1.1 GB, twice that while written anew.
DISK = (0.5, 3.0)
# One process that trains or ranks takes up to 0.7 GB; all of NAS-Bench-101 is ranked in 3.7 GB.
MEMORY = (0.8, 4.0)

State = Literal["ok", "note", "FAILS"]


@dataclass(frozen=True)
class Check:
    """One line.

    Attributes:
        what: a name of two or three words.
        state: ``note`` is for what is absent and not needed.
        found: what is there, or what is wrong.
        advice: what to do; empty where nothing needs to be done.
    """

    what: str
    state: State
    found: str
    advice: str = ""


def doctor(as_json: AsJson = False) -> None:
    """Check this machine: versions, devices, tables, disk, memory, and a small ranking.

    Exit code 0 where everything that is needed works, 1 where a line FAILS.
    """
    parts = (_versions, _libraries, _extras, _devices, _room, _project, _tables, _small_ranking)
    checks = [check for part in parts for check in _attempted(part)]
    failed = [check for check in checks if check.state == "FAILS"]
    if as_json:
        show_json({"works": not failed, "checks": [asdict(check) for check in checks]})
    else:
        lines = [
            (check.state, check.what, "; ".join(filter(None, [check.found, check.advice])))
            for check in checks
        ]
        typer.echo(table_text(lines))
        typer.echo(
            f"{len(failed)} of {len(checks)} checks fail" if failed else "everything that is needed works"
        )
    if failed:
        raise typer.Exit(1)


def _attempted(part: Callable[[], Iterator[Check]]) -> Iterator[Check]:
    """The checks of a part; whatever it raises (a library that cannot be imported) is a check that fails."""
    name = part.__name__.removeprefix("_").replace("_", " ")
    try:
        yield from part()
    except InputError as error:  # which says what to do
        yield Check(name, "FAILS", str(error))
    except Exception as error:
        reason = " ".join(f"{type(error).__name__}: {error}".split())
        yield Check(name, "FAILS", reason, f"reinstall the package: pip install --force-reinstall {PACKAGE}")


def _versions() -> Iterator[Check]:
    yield Check(PACKAGE, "ok", __version__)
    yield Check("Python", "ok", f"{platform.python_version()} on {platform.platform()}")
    for module in ("torch", "kedro"):
        import_module(module)
        yield Check(module, "ok", metadata.version(module))


def _libraries() -> Iterator[Check]:
    """Libraries that the package requires."""
    count, wrong = 0, []
    for needed, extra in _requirements():
        if extra:
            continue
        count += 1
        name, found = needed.name, _installed(needed.name)
        if found is not None and needed.specifier.contains(found, prereleases=True):
            continue
        state = (
            "is not installed"
            if found is None
            else f"{found} is installed, but it must be {needed.specifier}"
        )
        if name == "dgl":
            yield Check(name, "note", f"{state}: {WITHOUT_DGL}")
        else:
            wrong.append(Check(name, "FAILS", state, f'pip install "{name}{needed.specifier}"'))
    yield Check("libraries", "ok", f"{count - len(wrong)} of {count} are installed")
    yield from wrong


def _extras() -> Iterator[Check]:
    for name, without in WITHOUT.items():
        missing = [
            needed.name
            for needed, extra in _requirements(name)
            if extra and not needed.specifier.contains(_installed(needed.name) or "0", prereleases=True)
        ]
        if missing:
            found = f"without {', '.join(missing)}: {without}"
            yield Check(f"extra {name}", "note", found, f'to install it: pip install "{PACKAGE}[{name}]"')
        else:
            yield Check(f"extra {name}", "ok", "installed")


def _requirements(extra: str = "") -> Iterator[tuple[Any, bool]]:
    """What the package requires here, and whether that is for the extra alone."""
    from packaging.requirements import Requirement

    for text in metadata.requires(PACKAGE) or []:
        needed = Requirement(text)
        always = needed.marker is None or needed.marker.evaluate({"extra": ""})
        if always or (extra and needed.marker is not None and needed.marker.evaluate({"extra": extra})):
            yield needed, not always


def _installed(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def _devices() -> Iterator[Check]:
    import torch

    from contrastive_nas.execution.machine import describe_machine

    machine = describe_machine()
    threads = f"{machine['cores']} processors, torch uses {torch.get_num_threads()} threads"
    yield Check("CPU", "ok", f"{machine['processor'] or machine['host']}: {threads}")
    if torch.cuda.is_available():
        names = [torch.cuda.get_device_name(number) for number in range(torch.cuda.device_count())]
        yield Check("CUDA", "ok", ", ".join(names))
    else:
        yield Check("CUDA", "note", "torch finds no GPU: everything runs on the CPU")
    if torch.backends.mps.is_available():
        yield Check("MPS", "note", "Apple's GPU is present but not used")


def _room() -> Iterator[Check]:
    import psutil

    here, memory = Path.cwd(), psutil.virtual_memory()
    free = shutil.disk_usage(here).free
    advice = "free some space, or use another disk"
    yield _enough("disk", free, DISK, f"free at {here}", advice)
    of = f"of {memory.total / 1e9:.1f} GB are free"
    yield _enough("memory", memory.available, MEMORY, of, "close other programs")
    if not os.access(here, os.W_OK):
        yield Check(
            "folder", "FAILS", f"{here} cannot be written", "change to a folder that you may write to"
        )


def _enough(what: str, size: int, bounds: tuple[float, float], of: str, advice: str) -> Check:
    gigabytes, (least, better) = size / 1e9, bounds
    found = f"{gigabytes:.1f} GB {of}"
    if gigabytes < least:
        return Check(what, "FAILS", f"{found}, at least {least} GB are needed", advice)
    if gigabytes < better:
        return Check(what, "note", f"{found}; all of NAS-Bench-101 needs {better:g} GB")
    return Check(what, "ok", found)


def _project() -> Iterator[Check]:
    found = project_folder()
    if found is None:
        advice = f"{PACKAGE} init FOLDER makes one; rank and search need none"
        yield Check("project", "note", f"{Path.cwd()} is not inside a Kedro project", advice)
    else:
        yield Check("project", "ok", str(found))


def _tables() -> Iterator[Check]:
    """The table of every experiment of the project."""
    from contrastive_nas.execution.datasets.raw_file import DATA_VARIABLE

    named = os.environ.get(DATA_VARIABLE)
    if named and not Path(named).is_dir():
        advice = f"set {DATA_VARIABLE} to the folder of benchmark files, or unset it"
        yield Check(DATA_VARIABLE, "FAILS", f"{named} is not a folder", advice)
    elif named:
        yield Check(DATA_VARIABLE, "ok", named)
    project = project_folder()
    if project is None:
        return
    with chdir(project):
        for environment in sorted(path for path in Path("conf").glob("*") if path.is_dir()):
            yield from _tables_of(environment)


def _tables_of(environment: Path) -> Iterator[Check]:
    from contrastive_nas.execution.datasets.raw_file import RawFile

    for entry in _blocks(environment, "catalog*.yml").values():
        if not isinstance(entry, dict) or not str(entry.get("type", "")).endswith("RawFile"):
            continue
        preferred = entry.get("preferred", [])
        file = RawFile(entry["filepath"], preferred)
        name = Path(entry["filepath"]).name
        if file.exists():
            yield Check(f"table of {environment.name}", "ok", str(file.load()))
            continue
        space = _blocks(environment, "parameters*.yml").get("space") or {}
        advice = _how_to_get(space.get("name"), {Path(path).name for path in preferred}, environment)
        yield Check(f"table of {environment.name}", "note", f"{name} is not there", advice)


def _blocks(environment: Path, pattern: str) -> dict[str, Any]:
    import yaml

    blocks: dict[str, Any] = {}
    for file in sorted(environment.glob(pattern)):
        try:
            blocks |= yaml.safe_load(file.read_text(encoding="utf-8")) or {}
        except (yaml.YAMLError, TypeError, ValueError) as error:
            reason = " ".join(str(error).split())
            raise InputError(f"{file} does not hold names with values: {reason}") from None
    return blocks


def _how_to_get(space: str | None, preferred: set[str], environment: Path) -> str:
    """The public benchmarks of the space, and the commands that fetch them."""
    from contrastive_nas.tables import list_downloads

    known = {name: one for name, one in list_downloads().items() if one.space == space}
    fetched = [name for name, one in known.items() if one.files]
    if not known:
        return (
            "no public benchmark of this space is known here: provide a table of your own (docs/ingestion.md)"
        )
    if not fetched:
        one = next(iter(known.values()))
        return f"download it by hand from {one.page}, then name the file in {environment}/catalog_ingest.yml"
    first = fetched[0]
    files = [file.name for file in known[first].files]
    command = f"kedro run --pipeline download --params source={first}"
    if set(files) & preferred:
        return f"fetch it: {command}"
    return f"fetch {files[0]}: {command}, then name it in {environment}/catalog_ingest.yml"


def _small_ranking() -> Iterator[Check]:
    """Traces a module and ranks three networks with the model of the package."""
    import numpy as np
    from torch import nn

    from contrastive_nas import load_space, rank, trace

    start = time.perf_counter()
    module = nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(144, 10))
    nodes = len(trace(module, (1, 8, 8)).op)
    space = load_space("compact_cnn")
    scores = rank(space, space.sample(np.random.default_rng(0), 3))["score"]
    if len(scores) < 3 or not np.isfinite(scores).all():
        raise RuntimeError(f"three networks got the scores {scores.tolist()}")
    seconds = time.perf_counter() - start
    yield Check("small ranking", "ok", f"traced {nodes} operations, ranked 3 networks in {seconds:.1f} s")
