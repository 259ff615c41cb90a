"""What Kedro's own options ask for: done, or refused in one line."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from test_run_command import ALL, kedro_run
from tiny_project import TinyProject

from contrastive_nas.execution.run_history import read_runs

OLD = "2020-01-01T00.00.00.000Z"


def refused(tiny: TinyProject, capfd: pytest.CaptureFixture[str], *arguments: str) -> str:
    """The one line that a run ends with before it has left anything."""
    capfd.readouterr()
    assert kedro_run(tiny, *arguments) != 0
    said = capfd.readouterr().err
    assert "Traceback" not in said
    assert not read_runs(tiny.folder)
    assert not list(tiny.folder.glob("data/0[2-8]*"))
    (line,) = [line for line in said.splitlines() if line.startswith("Error: ")]
    return line


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--tags", "inges"], "there is no tag 'inges' in this pipeline: did you mean 'ingest'?"),
        (
            ["--tags", "ingest,nothing"],
            "there is no tag 'nothing' in this pipeline: choose from draw, ing",
        ),
        (["--nodes", "totl"], "there is no node 'totl' in this pipeline: did you mean 'total'?"),
        (["--from-nodes", "raed"], "there is no node 'raed' in this pipeline: did you mean 'read'?"),
        (["--to-nodes", "reports"], "there is no node 'reports' in this pipeline: did you mean 'report'?"),
        (["--from-inputs", "tabel"], "there is no data set 'tabel' in this pipeline: did you mean 'table'?"),
        (["--to-outputs", "toal"], "there is no data set 'toal' in this pipeline: did you mean 'total'?"),
        (["--namespaces", "foo"], "there is no namespace 'foo' in this pipeline: there is none at all"),
        (["--to-nodes", "read", "--tags", "report"], "no nodes"),
        (
            ["--load-versions", "shape:2020-01-01T00.00.00.000Z"],
            "--load-versions: shape has no version '2020",
        ),
        (
            ["--load-versions", "shpae:2020-01-01T00.00.00.000Z"],
            "no data set 'shpae' in this pipeline: did you mean 'shape'?",
        ),
        (["--runner", "ParallelRunner"], "ParallelRunner .* no record and no metrics: leave --runner out"),
    ],
)
def test_c5_c6_s14_s15_one_line_before_anything_runs(
    arguments: list[str], message: str, tiny: TinyProject, capfd: pytest.CaptureFixture[str]
) -> None:
    line = refused(tiny, capfd, *arguments)
    assert re.search(message, line), line


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("parameters.yml", "sum: [", "parameters.yml"),
        ("catalog.yml", "shape: {type: ", "catalog.yml"),
        ("parameters.yml", "seed: ${nowhere}", "nowhere"),
        ("parameters.yml", "- sum\n- seed\n", "holds a list in place of names"),
    ],
)
def test_c6_broken_settings_are_one_line(
    name: str, content: str, message: str, tiny: TinyProject, capfd: pytest.CaptureFixture[str]
) -> None:
    local = tiny.folder / "conf" / "local"
    local.mkdir(exist_ok=True)
    (local / name).write_text(content)
    assert message in refused(tiny, capfd)


def test_names_that_are_there_choose_a_part(tiny: TinyProject) -> None:
    assert kedro_run(tiny, "--tags", "ingest,sum") == 0
    assert tiny.ran() == {"read", "total"}
    assert kedro_run(tiny, "--from-nodes", "shape", "--to-outputs", "report") == 0
    assert tiny.ran() == {"shape", "report"}


def test_s15_threads_leave_a_whole_record(tiny: TinyProject) -> None:
    assert kedro_run(tiny, "--runner", "ThreadRunner") == 0
    record = tiny.record()
    assert tiny.ran() == ALL
    assert all(node["seconds"] >= 0 and node["peak_memory_mb"] > 0 for node in record["nodes"])
    assert "report.area" in record["metrics"]


@pytest.fixture
def below(tiny: TinyProject, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    folder = tiny.folder / "src" / "tiny"
    monkeypatch.chdir(folder)
    yield folder
    assert Path.cwd() == folder


def test_u9_a_run_may_start_in_a_folder_of_the_project(
    tiny: TinyProject, below: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Code that parameters name by a relative path is found, and counts as code of the node."""
    (tiny.folder / "here.txt").write_text("7")
    tiny.path("src/tiny/reporting.py").write_text(
        "from pathlib import Path\n\n"
        "def report(total, shape):\n    return {'here': int(Path('here.txt').read_text())}\n"
    )
    assert kedro_run(tiny) == 0
    assert tiny.record()["metrics"]["report.here"] == 7
    assert not list(below.glob("data"))


def test_u9_the_project_says_how_runs_log(tiny: TinyProject) -> None:
    told = [tiny.run("--runner-params", "force=read", start=start) for start in (".", "src")]
    assert [done.returncode for done in told] == [0, 0], told[1].stderr
    # After Kedro's own first line both are lines of one form: hour, level, message.
    lines = [[line.split()[1] for line in done.stderr.splitlines() if "plan:" in line] for done in told]
    assert lines == [["INFO"], ["INFO"]]


def test_s16_settings_of_ones_own_count_only_without_another_environment(
    tiny: TinyProject, capfd: pytest.CaptureFixture[str]
) -> None:
    """Kedro reads the base and one environment; README says so."""
    (tiny.folder / "conf" / "local" / "parameters.yml").write_text("sum: {offset: -1}\n")
    assert kedro_run(tiny, "--env", "other") == 0
    assert "offset" in refused_after_a_run(tiny, capfd)
    readme = " ".join((Path(__file__).parents[2] / "README.md").read_text().split())
    assert "with `--env` settings in `conf/local` do not count" in readme


def refused_after_a_run(tiny: TinyProject, capfd: pytest.CaptureFixture[str]) -> str:
    capfd.readouterr()
    assert kedro_run(tiny) != 0
    return capfd.readouterr().err


def test_u11_lists_come_from_a_file(tiny: TinyProject, capfd: pytest.CaptureFixture[str]) -> None:
    """``--params`` takes single values; README says where lists go, and there they are read."""
    code = tiny.path("src/tiny/summing.py")
    text = code.read_text().replace("    offset: int", "    offsets: list[int] = []\n    offset: int")
    code.write_text(text.replace("parameters.offset)", "parameters.offset + sum(parameters.offsets))"))
    assert kedro_run(tiny) == 0
    before = tiny.record()["metrics"]["report.total"]
    capfd.readouterr()
    assert kedro_run(tiny, "--params", "sum.offsets=[10,20]") != 0
    assert "Traceback" not in capfd.readouterr().err
    (tiny.folder / "conf" / "local" / "parameters.yml").write_text("sum: {offset: 2, offsets: [10, 20]}\n")
    assert kedro_run(tiny) == 0
    assert tiny.record()["metrics"]["report.total"] == before + 30
    readme = " ".join((Path(__file__).parents[2] / "README.md").read_text().split())
    assert "lists (`tune: {seeds: [100, 101]}`) go into a file there" in readme
