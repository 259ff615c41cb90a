"""After each kind of change exactly the right nodes run."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from kedro.runner import SequentialRunner
from tiny_project import TinyProject

from contrastive_nas.errors import InputError
from contrastive_nas.execution import machine
from contrastive_nas.execution.runner import CachingRunner

ALL = {"read", "total", "shape", "report"}


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def same_size_and_time(path: Path, content: str) -> None:
    """Changes a file as well as it can be hidden."""
    stat = path.stat()
    assert len(content) == stat.st_size
    path.write_text(content)
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


CHANGES: dict[str, tuple[Callable[[TinyProject], object], set[str]]] = {
    "nothing": (lambda tiny: None, set()),
    "a parameter": (
        lambda tiny: edit(tiny.path("conf/base/parameters.yml"), "offset: 2", "offset: 3"),
        {"total", "shape", "report"},
    ),
    "a parameter of one node late in the flow": (
        lambda tiny: edit(tiny.path("conf/base/parameters.yml"), "square", "circle"),
        {"shape", "report"},
    ),
    "the seed": (
        lambda tiny: edit(tiny.path("conf/base/parameters.yml"), "seed: 1", "seed: 2"),
        {"total", "shape", "report"},
    ),
    "a module two imports deep": (
        lambda tiny: edit(tiny.path("src/tiny/deep/far.py"), "1", "2"),
        {"total", "shape", "report"},
    ),
    "the node's own module": (
        lambda tiny: edit(tiny.path("src/tiny/reporting.py"), "total[", "0 + total["),
        {"report"},
    ),
    "the module that a parameter names": (
        lambda tiny: edit(tiny.path("src/tiny/shapes/square.py"), "side * side", "side * side * 1"),
        {"shape", "report"},
    ),
    "a module that another value would name": (
        lambda tiny: edit(tiny.path("src/tiny/shapes/circle.py"), "3", "4"),
        set(),
    ),
    "how nodes are connected elsewhere": (
        lambda tiny: edit(
            tiny.path("src/tiny/pipeline_registry.py"), 'tags="draw"', 'tags=["draw", "paint"]'
        ),
        set(),
    ),
    "a raw file, of the same size and time": (
        lambda tiny: same_size_and_time(tiny.path("data/01_raw/numbers.txt"), "1 2 3 5\n"),
        ALL,
    ),
    "the time of a raw file": (lambda tiny: tiny.path("data/01_raw/numbers.txt").touch(), set()),
    "an intermediate deleted": (lambda tiny: tiny.path("total").unlink(), {"total"}),
    "an intermediate and its versions deleted": (
        lambda tiny: shutil.rmtree(tiny.path("total").parent),
        {"total"},
    ),
    "an intermediate with a flipped bit": (lambda tiny: flip(tiny.path("table")), {"read"}),
    "an intermediate cut off": (lambda tiny: os.truncate(tiny.path("shape"), 1), {"shape"}),
    "an intermediate replaced": (
        lambda tiny: (tiny.path("shape").unlink(), tiny.path("shape").write_text("144")),
        {"shape"},
    ),
    "the last result deleted": (lambda tiny: tiny.path("report").unlink(), {"report"}),
}


@pytest.mark.parametrize("change", CHANGES)
def test_exactly_the_right_nodes_run(change: str, tiny: TinyProject) -> None:
    assert tiny.session() == ALL
    apply, expected = CHANGES[change]
    apply(tiny)
    assert tiny.session() == expected
    after = {name: tiny.path(name).read_bytes() for name in ("total", "shape", "report")}
    assert tiny.session() == set()
    # What was left out is what a run of everything gives.
    shutil.rmtree(tiny.path("data/03_primary"))
    for layer in ("02_intermediate", "04_feature", "08_reporting"):
        shutil.rmtree(tiny.path(f"data/{layer}"))
    assert tiny.session() == ALL
    assert {name: tiny.path(name).read_bytes() for name in after} == after


def test_slices_judge_as_the_whole_does(tiny: TinyProject) -> None:
    assert tiny.session(pipeline_names=["sum"]) == {"read", "total"}
    assert tiny.session(tags=["draw"]) == {"shape"}
    assert tiny.session() == {"report"}
    edit(tiny.path("conf/base/parameters.yml"), "offset: 2", "offset: 3")
    # A slice works on the artifacts that are there.
    assert tiny.session(from_nodes=["shape"]) == set()
    assert tiny.session(tags=["sum"]) == {"total"}
    assert tiny.session(from_nodes=["shape"]) == {"shape", "report"}
    assert tiny.session() == set()
    assert tiny.value("report") == {"total": 13, "area": 169}


def test_a_slice_without_its_inputs_says_what_is_missing(tiny: TinyProject) -> None:
    with pytest.raises(InputError, match=r"total\.json is missing"):
        tiny.session(tags=["draw"])
    tiny.session()
    flip(tiny.path("total"))
    with pytest.raises(InputError, match=r"total\.json is damaged"):
        tiny.session(tags=["draw"])


def test_experiments_lie_apart(tiny: TinyProject) -> None:
    tiny.session()
    assert tiny.session(env="other") == ALL
    assert tiny.session() == set()
    assert tiny.session(env="other") == set()


def test_going_back_finds_the_earlier_results(tiny: TinyProject) -> None:
    tiny.session()
    tiny.session(params={"sum": {"offset": 5}})
    assert tiny.value("report")["total"] == 15
    assert tiny.session() == set()
    assert tiny.value("report")["total"] == 12
    assert tiny.record()["nodes"][1]["reason"] == "cached result found"


def test_reasons_name_what_changed(tiny: TinyProject) -> None:
    tiny.session()
    edit(tiny.path("src/tiny/deep/far.py"), "1", "2")
    tiny.session(params={"sum": {"offset": 5}})
    reasons = {node["name"]: node["reason"] for node in tiny.record()["nodes"]}
    assert reasons["read"] == "nothing changed"
    assert reasons["total"] == "parameter sum.offset changed from 2 to 5; module tiny.deep.far changed"
    assert reasons["shape"] == "input total changed"


def test_the_sequential_runner_runs_everything(tiny: TinyProject) -> None:
    tiny.session()
    assert tiny.session(runner=SequentialRunner()) == ALL
    assert tiny.session() == set()


def test_results_without_fingerprint_are_judged_by_content(tiny: TinyProject) -> None:
    tiny.session(runner=SequentialRunner())
    assert tiny.session(tags=["draw"]) == {"shape"}
    assert tiny.session(tags=["draw"]) == set()
    assert tiny.session() == {"read", "total", "shape", "report"}


def test_force_runs_one_node(tiny: TinyProject) -> None:
    tiny.session()
    assert tiny.session(runner=CachingRunner(force="total+report")) == {"total", "report"}
    with pytest.raises(InputError, match="no node nonsense"):
        tiny.session(runner=CachingRunner(force="nonsense"))


def test_a_forced_node_that_gives_something_else_takes_others_along(tiny: TinyProject) -> None:
    (tiny.folder / "src/tiny/deep/near.py").write_text(
        "import time\n\ndef add(total, amount):\n    return time.time_ns()\n"
    )
    tiny.session()
    assert tiny.session() == set()
    assert tiny.session(runner=CachingRunner(force="total")) == {"total", "shape", "report"}
    assert tiny.value("report")["total"] == tiny.value("total")["total"]


def test_verify_compares_and_keeps_what_is_there(tiny: TinyProject) -> None:
    tiny.session()
    before = sorted(str(path) for path in tiny.path("data").rglob("*.json") if "09_runs" not in str(path))
    assert tiny.session(runner=CachingRunner(verify=True)) == set()
    after = sorted(str(path) for path in tiny.path("data").rglob("*.json") if "09_runs" not in str(path))
    assert before == after


def test_verify_names_what_comes_out_otherwise(tiny: TinyProject) -> None:
    tiny.path("src/tiny/deep/near.py").write_text(
        "import time\n\ndef add(total, amount):\n    return time.time_ns()\n"
    )
    tiny.session()
    with pytest.raises(InputError, match=r"differ from the earlier ones: total$"):
        tiny.session(runner=CachingRunner(verify=True))


def test_code_edited_while_it_runs_is_not_trusted(tiny: TinyProject) -> None:
    far = tiny.path("src/tiny/deep/far.py")
    original = far.read_text()
    tiny.path("src/tiny/deep/near.py").write_text(
        "from pathlib import Path\n\ndef add(total, amount):\n"
        "    from tiny.deep.far import STEP\n"
        f"    Path({str(far)!r}).write_text('STEP = 7\\n')\n"
        "    return total + amount * STEP\n"
    )
    assert tiny.session() == ALL
    far.write_text(original)
    assert tiny.session() == {"total", "shape", "report"}


def test_verify_passes_over_durations(tiny: TinyProject) -> None:
    edit(tiny.path("src/tiny/reading.py"), "import pandas as pd\n", "import time\n\nimport pandas as pd\n")
    edit(tiny.path("src/tiny/reading.py"), "split()]}", 'split()], "seconds": time.time()}')
    edit(tiny.path("src/tiny/reporting.py"), "def report", "import time\n\ndef report")
    edit(tiny.path("src/tiny/reporting.py"), "return {", 'return {"seconds": time.time(), ')
    tiny.session()
    with pytest.raises(InputError, match=r"differ from the earlier ones: table, report$"):
        tiny.session(runner=CachingRunner(verify=True))
    catalog = tiny.path("conf/base/catalog.yml")
    edit(catalog, "metadata: {metrics: true}", "metadata: {metrics: true, measured: [seconds]}")
    edit(catalog, "table.parquet\n", "table.parquet\n  metadata: {measured: [ seconds ]}\n")
    assert tiny.session(runner=CachingRunner(verify=True)) == set()
    edit(catalog, "[seconds]", "[total]")
    with pytest.raises(InputError, match=r"differ from the earlier ones"):
        tiny.session(runner=CachingRunner(verify=True))


def test_another_version_of_a_library_runs_what_imports_it(
    tiny: TinyProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    installed = tiny.folder / "site-packages"
    (installed / "gadget-1.0.dist-info").mkdir(parents=True)
    (installed / "gadget.py").write_text("TWO = 2\n")
    metadata = installed / "gadget-1.0.dist-info/METADATA"
    metadata.write_text("Metadata-Version: 2.1\nName: gadget\nVersion: 1.0\n")
    monkeypatch.syspath_prepend(str(installed))
    edit(tiny.path("src/tiny/shaping.py"), "import importlib\n", "import importlib\n\nimport gadget\n")
    assert tiny.session() == ALL
    metadata.write_text("Metadata-Version: 2.1\nName: gadget\nVersion: 1.1\n")
    # As in a new process.
    machine._version.cache_clear()
    assert tiny.session() == {"shape", "report"}
    reasons = {node["name"]: node["reason"] for node in tiny.record()["nodes"]}
    assert reasons["shape"] == 'library gadget changed from "1.0" to "1.1"'
