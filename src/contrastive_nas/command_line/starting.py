"""``contrastive-nas init``: a Kedro project of one's own, which the installed package is enough for."""

import re
import shutil
import tempfile
from importlib.metadata import version
from importlib.resources import as_file, files
from pathlib import Path
from string import Template
from typing import Annotated

import typer

# What the project begins with; conf/base, conf/logging.yml and data/01_raw in it are links.
STARTER = "starter"
TABLE = "compact_cnn_digits.parquet"
# Files with a name, a version or both to be filled in.
FILLED_IN = ("pyproject.toml", "README.md")
# Git and packagers would follow or skip hidden files within the package.
HIDDEN = "dot-"


def init(
    folder: Annotated[Path, typer.Argument(help="Folder of the new project; it must be empty or not exist.")],
) -> None:
    """Create a Kedro project of your own in FOLDER: settings, an example space, a README and a test."""
    if folder.exists() and not folder.is_dir():
        raise typer.BadParameter(f"{folder} is a file: name another folder")
    if folder.is_dir() and any(folder.iterdir()):
        raise typer.BadParameter(f"{folder} is not empty: name another folder")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        _make(folder)
    except OSError as error:
        raise typer.BadParameter(f"{folder} cannot be written: {error.strerror}") from None
    typer.echo(f"{folder} is a new project; its README.md explains it")
    typer.echo(f"next: cd {folder} && kedro run --pipeline search --params search.queries=10")


def _make(folder: Path) -> None:
    """Fills an empty folder at once, when all files are there."""
    with tempfile.TemporaryDirectory(dir=folder, prefix=".partial-") as partial:
        made = Path(partial) / "project"
        with as_file(files("contrastive_nas") / STARTER) as starter:
            shutil.copytree(starter, made, ignore=_left_out, copy_function=shutil.copyfile)
        for file in list(made.rglob(f"{HIDDEN}*")):
            file.rename(file.with_name(f".{file.name.removeprefix(HIDDEN)}"))
        name = re.sub(r"[^\w .-]", "_", folder.resolve().name)  # it stands in quotes in pyproject.toml
        filling = {"name": name, "kedro": version("kedro")}
        for file in (made / name for name in FILLED_IN):
            file.write_text(Template(file.read_text(encoding="utf-8")).substitute(filling), encoding="utf-8")
        for entry in made.iterdir():
            entry.rename(folder / entry.name)


def _left_out(folder: str, names: list[str]) -> set[str]:
    """Of data/01_raw the table of digits alone is taken, elsewhere all but what Python leaves."""
    if Path(folder).name == "01_raw":
        return set(names) - {TABLE}
    return {name for name in names if name == "__pycache__"}
