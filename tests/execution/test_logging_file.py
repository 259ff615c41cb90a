"""A broken file about logging is told in one message that names it, the line and the reason."""

import logging
import os
import subprocess
import sys
from pathlib import Path

import pytest
from tiny_project import TinyProject

from contrastive_nas.errors import InputError
from contrastive_nas.execution.logging_file import FILE, configure_logging

WRONG_CLASS = "nowhere.Handler"
GOOD = """version: 1
disable_existing_loggers: false
handlers:
  file: {class: logging.FileHandler, filename: said.txt}
loggers:
  spoken: {level: INFO, handlers: [file]}
"""
MISTAKES = [
    ("version: 1\nroot: [\n", "line 3 is not valid YAML: expected"),
    ("- 1\n", "has to hold names with values"),
    (GOOD.replace("logging.FileHandler", WRONG_CLASS), "line 4 does not describe logging: Module 'nowhere'"),
    (GOOD.replace("INFO", "LOUD"), "line 6 does not describe logging: Unable to configure logger 'spoken'"),
    (GOOD.replace("version: 1\n", ""), "does not describe logging: dictionary doesn't specify a version"),
    (None, "cannot be read: Is a directory"),
]
IMPORT = """
from contrastive_nas.errors import InputError
from contrastive_nas.execution.logging_file import import_kedro
try:
    import_kedro()
except InputError as error:
    print(error)
"""


def write(file: Path, text: str | None) -> Path:
    """A file with a text, or a folder in its place."""
    file.unlink(missing_ok=True)
    file.parent.mkdir(parents=True, exist_ok=True)
    if text is None:
        file.mkdir()
    else:
        file.write_text(text)
    return file


@pytest.mark.parametrize(("text", "words"), MISTAKES)
def test_mistakes_in_the_file_of_a_project(tmp_path: Path, text: str | None, words: str) -> None:
    file = write(tmp_path / FILE, text)
    with pytest.raises(InputError) as caught:
        configure_logging(tmp_path)
    assert str(caught.value).startswith(str(file))
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_the_file_of_a_project_is_obeyed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    configure_logging(tmp_path)  # without a file nothing changes
    write(tmp_path / FILE, GOOD)
    monkeypatch.setenv("KEDRO_LOGGING_CONFIG", "another.yml")
    configure_logging(tmp_path)
    assert not (tmp_path / "said.txt").exists()
    monkeypatch.delenv("KEDRO_LOGGING_CONFIG")
    configure_logging(tmp_path)
    logging.getLogger("spoken").info("a word")
    logging.getLogger("spoken").handlers.clear()
    assert (tmp_path / "said.txt").read_text() == "a word\n"


@pytest.mark.parametrize(
    ("text", "named", "words"),
    [
        (GOOD, False, ""),
        ("", False, "conf/logging.yml has to hold names with values"),
        ("version: [", False, "conf/logging.yml, line 1 is not valid YAML"),
        (GOOD.replace("logging.FileHandler", WRONG_CLASS), True, "own.yml, line 4 does not describe logging"),
        (None, True, "own.yml cannot be read: Is a directory"),
    ],
)
def test_mistakes_in_what_kedro_reads(tmp_path: Path, text: str | None, named: bool, words: str) -> None:
    """In a process of its own, as it is read once a process."""
    file = write(tmp_path / ("own.yml" if named else "conf/logging.yml"), text)
    variables = {"KEDRO_LOGGING_CONFIG": str(file)} if named else {}
    done = subprocess.run(
        [sys.executable, "-c", IMPORT],
        cwd=tmp_path,
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert words in done.stdout
    assert len(done.stdout.splitlines()) == bool(words)


def test_without_a_file_kedro_says_nothing(tmp_path: Path) -> None:
    """By itself it would say so on standard output, where results are."""
    done = subprocess.run(
        [sys.executable, "-c", IMPORT], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.slow
def test_a_run_ends_with_the_message(tiny: TinyProject) -> None:
    write(tiny.path(str(FILE)), MISTAKES[2][0])
    done = tiny.run()
    assert done.returncode == 1
    assert done.stderr.startswith(f"Error: {tiny.folder / FILE}, line 4 does not describe logging")
    assert len(done.stderr.splitlines()) == 1
