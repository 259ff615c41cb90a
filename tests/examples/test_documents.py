"""What README and docs show works: Python runs, commands and parameters exist, messages are real.

What cannot be run here stands in ``NOT_RUN`` with its reason; it is compiled, and its imports are looked up.
"""

import ast
import importlib
import importlib.util
import os
import re
import runpy
import shlex
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import typer.main
import yaml
from kedro.framework.cli.project import run as kedro_run
from kedro.pipeline import Pipeline
from tests.examples.documents import DOCUMENTS, PROGRAMS, ROOT, Block, blocks, commands, spans

from contrastive_nas.command_line.main import app
from contrastive_nas.execution.parameters import check_parameters
from contrastive_nas.pipeline_registry import register_pipelines
from contrastive_nas.tables import list_downloads
from contrastive_nas.training.config import RunSettings

LANGUAGES = {"bash", "bibtex", "csv", "python", "text", "yaml"}
# By the name of the block. Those of graphs.md and spaces.md run in tests of their own.
NOT_RUN = {
    "README.md:python-1": "calls a training of the reader's own, and searches for minutes",
    "docs/fidelities.md:python-1": "calls a training of the reader's own",
    "docs/graphs.md:python-1": "runs in test_shown_code.py",
    "docs/ingestion.md:python-1": "reads a benchmark file of 500 MB",
    "docs/latency.md:python-1": "measures on the reader's own device",
    "docs/latency.md:python-2": "reads a table of the reader's own",
    "docs/retraining.md:python-1": "loads a network that a retraining has exported",
    "docs/search.md:python-1": "calls a training of the reader's own, and searches for minutes",
    "docs/spaces.md:python-1": "runs in tests/spaces/test_documentation.py",
    "docs/spaces.md:python-2": "runs in tests/spaces/test_documentation.py",
    "docs/spaces.md:python-3": "runs in tests/spaces/test_documentation.py",
    "docs/supernet.md:python-1": "reads weights that the reader has",
    "docs/transfer.md:python-1": "ranks architectures of the reader's own",
}
# Files of settings that are no parameters of a pipeline.
RUN_SETTINGS = "run.yml"
# Environments that a page tells to make.
SHOWN_ENVIRONMENTS = {
    found for block in blocks("yaml") for found in re.findall(r"^# conf/(\w+)/", block.text, re.M)
}
# Names in capitals, and single letters, stand for what the reader fills in.
PLACEHOLDER = re.compile(r"[A-Z_]+|\.\.\.")


def test_every_block_names_its_language() -> None:
    assert [str(block) for block in blocks() if block.language not in LANGUAGES] == []


@pytest.mark.parametrize("block", blocks("python"), ids=str)
def test_python_compiles_and_imports_what_is_there(block: Block) -> None:
    for node in ast.walk(ast.parse(block.text)):
        if isinstance(node, ast.Import):
            for name in node.names:
                assert importlib.util.find_spec(name.name), f"{block}: no module {name.name}"
        elif isinstance(node, ast.ImportFrom) and node.module:
            module = importlib.import_module(node.module)
            for name in node.names:
                assert hasattr(module, name.name), f"{block}: {node.module} has no {name.name}"


def test_only_blocks_that_are_there_are_left_out() -> None:
    assert set(NOT_RUN) <= {str(block) for block in blocks("python")}


@pytest.mark.slow
@pytest.mark.parametrize("block", [b for b in blocks("python") if str(b) not in NOT_RUN], ids=str)
def test_python_runs(block: Block, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "data").symlink_to(ROOT / "data")
    (tmp_path / "shown.py").write_text(block.text, encoding="utf-8")
    runpy.run_path("shown.py")


@pytest.mark.parametrize(("document", "command"), commands())
def test_commands_exist(document: str, command: str) -> None:
    program, *arguments = shlex.split(command)
    if program not in PROGRAMS:
        pytest.fail(f"{document}: {program} is not one of {', '.join(PROGRAMS)}")
    {
        "kedro": _check_kedro,
        "contrastive-nas": _check_own_command,
        "make": _check_make,
        "python": _check_script,
        "torchrun": _check_script,
        "docker": _check_docker,
    }[program](arguments)


def _check_docker(arguments: list[str]) -> None:
    """What a build is given is known to the Dockerfile, and what runs in the image exists."""
    assert arguments[0] in ("build", "run")
    known = re.findall(r"^ARG (\w+)", (ROOT / "Dockerfile").read_text(encoding="utf-8"), re.M)
    for option, value in pairwise(arguments):
        if option == "--build-arg":
            assert value.partition("=")[0] in known, value
    if arguments[0] == "run":
        program, *rest = arguments[arguments.index("contrastive-nas") + 1 :]
        {"kedro": _check_kedro, "contrastive-nas": _check_own_command}[program](rest)


def _check_kedro(arguments: list[str]) -> None:
    if arguments[0] != "run":
        assert arguments[:2] == ["viz", "run"], arguments
        return
    given = _parsed(kedro_run, arguments[1:])
    pipelines = _pipelines()
    for name in [given.get("pipeline"), *_split(given.get("pipelines"))]:
        assert not name or name in pipelines or PLACEHOLDER.fullmatch(name), name
    environment = given.get("env")
    assert (
        not environment
        or (ROOT / "conf" / environment).is_dir()
        or environment in SHOWN_ENVIRONMENTS
        or PLACEHOLDER.fullmatch(environment)
    ), environment
    everything = sum(pipelines.values(), start=pipelines["__default__"])
    nodes = {node.name for node in everything.nodes}
    for option in ("to_nodes", "from_nodes", "nodes"):
        assert set(_split(given.get(option))) <= nodes, given[option]
    tags = {tag for node in everything.nodes for tag in node.tags}
    assert {tag for tag in _split(given.get("tags")) if not PLACEHOLDER.fullmatch(tag)} <= tags
    if given.get("params"):
        own: dict[str, Any] = {}
        for part in given["params"].replace("$seed", "1").split(","):
            name, _, value = part.partition("=")
            if name == "source":
                assert value in list_downloads() or PLACEHOLDER.fullmatch(value), value
            own = _merged(own, _nested(name.split("."), yaml.safe_load(value)))
        _check_parameters(own)


def _check_own_command(arguments: list[str]) -> None:
    group: Any = typer.main.get_command(app)
    name, *rest = arguments
    if name.startswith("--"):
        _parsed(group, arguments)
        return
    assert name in group.commands, f"{name} is not one of {', '.join(group.commands)}"
    _parsed(group.commands[name], [argument for argument in rest if argument != "..."])


def _check_make(arguments: list[str]) -> None:
    targets = re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.M)
    assert set(arguments) <= set(targets), arguments


def _check_script(arguments: list[str]) -> None:
    if "-m" in arguments:
        place = arguments.index("-m")
        found = importlib.util.find_spec(f"{arguments[place + 1]}.__main__")
        assert found, arguments
        assert found.origin
        script, rest = Path(found.origin), arguments[place + 2 :]
    else:
        script, rest = ROOT / arguments[0], arguments[1:]
    text = script.read_text(encoding="utf-8")
    options = [argument.partition("=")[0] for argument in rest if argument.startswith("--")]
    assert [name for name in options if f'"{name}"' not in text and name != "--help"] == []


def _parsed(command: Any, arguments: list[str]) -> dict[str, Any]:
    """What is given, by option; unknown options are refused, files need not exist.

    The command is click's, or that of the copy of click in Typer.
    """
    context = command.context_class(command)
    values, rest, _ = command.make_parser(context).parse_args(list(arguments))
    assert hasattr(command, "commands") or not rest, rest
    return values


def _split(value: Any) -> list[str]:
    parts = [value] if isinstance(value, str) else list(value or ())
    return [name.strip() for part in parts for name in part.split(",")]


@pytest.mark.parametrize("block", blocks("yaml"), ids=str)
def test_yaml_has_known_settings(block: Block) -> None:
    for file, text in _files(block.text):
        values = yaml.safe_load(text)
        assert isinstance(values, dict), file
        if file == RUN_SETTINGS:
            RunSettings.model_validate(values)
        elif "catalog" in file:
            assert all(_is_there(entry["type"]) for entry in values.values())
        elif "globals" in file:
            assert set(values) == {"experiment"}
        else:
            _check_parameters(values)


def _files(text: str) -> Iterator[tuple[str, str]]:
    """A block may show several files, each after a comment with its name."""
    first, *others = re.split(r"^# (conf/\S+|\S+\.yml)\n", text, flags=re.M)
    if first.strip():
        yield "", first
    yield from zip(others[::2], others[1::2], strict=True)


def _check_parameters(own: dict[str, Any]) -> None:
    base: dict[str, Any] = {}
    for file in (ROOT / "conf" / "base").glob("parameters*.yml"):
        base = _merged(base, yaml.safe_load(file.read_text(encoding="utf-8")) or {})
    check_parameters(_merged(base, own), _pipelines())


@cache
def _pipelines() -> dict[str, Pipeline]:
    return register_pipelines()


def _merged(base: Any, own: Any) -> Any:
    if not isinstance(base, dict) or not isinstance(own, dict):
        return own
    return base | {name: _merged(base.get(name), value) for name, value in own.items()}


def _nested(names: list[str], value: Any) -> Any:
    return {names[0]: _nested(names[1:], value)} if names else value


MODULES = [(name, span) for name, span in spans() if re.fullmatch(r"contrastive_nas(\.\w+)+", span)]


@pytest.mark.parametrize(("document", "name"), sorted(set(MODULES)))
def test_named_modules_exist(document: str, name: str) -> None:
    assert _is_there(name), f"{document}: {name}"


def _is_there(name: str) -> bool:
    """Whether a module has this name, or something within one."""
    parent, _, last = name.rpartition(".")
    try:
        importlib.import_module(name)
    except ModuleNotFoundError:
        return hasattr(importlib.import_module(parent), last)
    return True


def test_links_of_the_readme_exist() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    places = [place.partition("#")[0] for place in re.findall(r"\]\(([^)]+)\)", text)]
    assert [place for place in places if not (ROOT / place).exists()] == []


def test_messages_of_the_troubleshooting_page_are_real() -> None:
    """Every part of a message between what varies stands in the source."""
    texts = [
        node.value
        for path in (ROOT / "src" / "contrastive_nas").rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    ]
    page = (ROOT / "docs" / "troubleshooting.md").read_text(encoding="utf-8")
    messages = re.findall(r"^\| `(.+?)` \|", page, re.M)
    assert len(messages) > 30
    parts = [part.strip(" :,;") for message in messages for part in message.split("…")]
    # Shorter parts, such as "has", are in nearly every message.
    assert [part for part in parts if len(part) > 7 and not any(part in text for text in texts)] == []


def test_the_navigation_has_every_page() -> None:
    """A page that the site's menu does not name is not found."""
    navigation = (ROOT / "mkdocs.yml").read_text(encoding="utf-8").partition("\nnav:")[2]
    pages = [str(path.relative_to(ROOT / "docs")) for path in DOCUMENTS if path.name != "README.md"]
    assert [page for page in pages if f" {page}\n" not in navigation] == []


@pytest.mark.slow
def test_the_site_builds_and_its_pages_load_nothing_from_elsewhere(tmp_path: Path) -> None:
    """Strictly, so a broken link or anchor ends the build."""
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(tmp_path)]
    environment = os.environ | {"NO_MKDOCS_2_WARNING": "1"}
    done = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False, timeout=600
    )
    assert done.returncode == 0, done.stderr
    pages = {path.name: path.read_text(encoding="utf-8") for path in tmp_path.rglob("*.html")}
    loaded = re.compile(r"<(?:script|img|iframe|link)\b[^>]*\b(?:src|href)=\"((?:https?:)?//[^\"]+)")
    assert {name: found for name, page in pages.items() if (found := loaded.findall(page))} == {}
    assert pages["method.html"].count("<math") > 50
    assert "arithmatex" not in pages["method.html"]
    assert not re.search(r":(?:class|func|meth):<code>", pages["reference.html"])
