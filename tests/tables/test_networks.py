"""Networks that come as themselves: ONNX files, ONNX in Parquet, a Python file of modules."""

import shutil

import pandas as pd
import pytest
import torch
from torch import nn

from contrastive_nas.errors import InputError
from contrastive_nas.graphs import function_hash, trace
from contrastive_nas.networks.listing import list_given
from contrastive_nas.tables import detect, read_graphs, read_table

SHAPE = (3, 8, 8)
NN = "from torch import nn\n"


def network(width: int) -> nn.Module:
    torch.manual_seed(width)
    return nn.Sequential(nn.Conv2d(3, width, 3), nn.ReLU(), nn.Flatten(), nn.Linear(36 * width, 2)).eval()


@pytest.fixture(scope="module")
def onnx_files(tmp_path_factory):
    pytest.importorskip("onnx")
    pytest.importorskip("onnxscript")
    folder = tmp_path_factory.mktemp("onnx")
    for width in (2, 4):
        example = (torch.zeros(1, *SHAPE),)
        torch.onnx.export(
            network(width), example, folder / f"{width}.onnx", dynamo=True, external_data=False, verbose=False
        )
    return folder


def check_graphs(path, names, **options) -> None:
    graphs = dict(read_graphs(path, **options))
    assert list(graphs) == names
    for width, graph in zip((2, 4), graphs.values(), strict=True):
        assert function_hash(graph) == function_hash(trace(network(width), SHAPE))


def test_folder_of_onnx_files(tmp_path, onnx_files) -> None:
    folder = tmp_path / "own"
    shutil.copytree(onnx_files, folder)
    (folder / "results.csv").write_text("file,own_test_accuracy\n2.onnx,70\n4.onnx,80\n")
    assert detect(folder) == "onnx_folder"
    table = read_table(folder)
    assert table.frame.to_dict("list") == {
        "architecture": ["2.onnx", "4.onnx"],
        "own_test_accuracy": [70, 80],
    }
    check_graphs(folder, ["2.onnx", "4.onnx"])


def test_u3_folder_of_onnx_files_without_a_table(tmp_path, onnx_files) -> None:
    folder = tmp_path / "own"
    (folder / "small").mkdir(parents=True)
    shutil.copy(onnx_files / "2.onnx", folder / "a.onnx")
    shutil.copy(onnx_files / "4.onnx", folder / "small" / "b.onnx")
    (folder / "._a.onnx").write_bytes(b"what a file system leaves behind")
    assert detect(folder) == "onnx_folder"
    assert read_table(folder, metrics=[]).frame.to_dict("list") == {
        "architecture": ["a.onnx", "small/b.onnx"]
    }
    check_graphs(folder, ["a.onnx", "small/b.onnx"])


def test_u3_tables_of_which_it_is_not_clear_what_they_are_for(tmp_path, onnx_files) -> None:
    folder = tmp_path / "own"
    shutil.copytree(onnx_files, folder)
    (folder / "results.csv").write_text("network,own_test_accuracy\n2.onnx,70\n")
    with pytest.raises(InputError, match=r"no column file names the ONNX files: results\.csv"):
        list(read_graphs(folder))
    for name in ("one.csv", "two.csv"):
        (folder / name).write_text("file,own_test_accuracy\n2.onnx,70\n")
    with pytest.raises(InputError, match=r"more than one table names files: one\.csv, two\.csv"):
        list(read_graphs(folder))


def free_file(path, sizes=("batch", 3, "height", "width")):
    onnx = pytest.importorskip("onnx")
    helper, floats = onnx.helper, onnx.TensorProto.FLOAT
    nodes = [helper.make_node("Relu", ["x"], ["r"]), helper.make_node("GlobalAveragePool", ["r"], ["y"])]
    ends = [
        helper.make_tensor_value_info(name, floats, shape)
        for name, shape in (("x", sizes), ("y", ["n", "c", "h", "w"]))
    ]
    opsets = [helper.make_opsetid("", 17)]
    graph = helper.make_graph(nodes, "free", ends[:1], ends[1:])
    onnx.save(helper.make_model(graph, opset_imports=opsets, ir_version=8), path)


def test_the_size_of_images_that_files_leave_free(tmp_path) -> None:
    free_file(tmp_path / "a.onnx")
    (graph,) = dict(read_graphs(tmp_path, image_size=(8, 6))).values()
    assert graph.out_shape[:2].tolist() == [[3, 8, 6], [3, 8, 6]]
    with pytest.raises(InputError, match=r"a\.onnx: input x has free sizes, .*--image-size"):
        list(read_graphs(tmp_path))
    free_file(tmp_path / "b.onnx", (1, 3, 8, 8))
    with pytest.raises(InputError, match=r"b\.onnx: input x is \[3, 8, 8\] .*, not of image_size 8x6"):
        list(read_graphs(tmp_path, image_size=(8, 6)))
    assert len(dict(read_graphs(tmp_path, image_size=(8, 8)))) == 2
    free_file(tmp_path / "b.onnx", ("batch", "channels", "height", "width"))
    with pytest.raises(InputError, match="give its shape as input_shape"):
        list(read_graphs(tmp_path, image_size=(8, 8)))


def test_other_networks_know_their_size(tmp_path) -> None:
    path = tmp_path / "mine.py"
    path.write_text(NN + "INPUT_SHAPE = (3, 8, 8)\ndef networks():\n    return [nn.ReLU()]\n")
    with pytest.raises(InputError, match="leave image_size out"):
        list(read_graphs(path, source="python_file", image_size=(8, 8)))


@pytest.mark.parametrize("name", ["gone.onnx", "../outside.onnx", "/etc/hostname"])
def test_only_files_of_the_folder(tmp_path, name) -> None:
    folder = tmp_path / "own"
    folder.mkdir()
    for file in (folder / "a.onnx", tmp_path / "outside.onnx"):
        file.write_bytes(b"no model")
    (folder / "results.csv").write_text(f"file,own_test_accuracy\na.onnx,50\n{name},70\n")
    with pytest.raises(InputError, match="row 2: there is no file"):
        read_table(folder)
    assert len(read_table(folder, on_error="skip").frame) == 1
    with pytest.raises(InputError, match=r"row 1: .*not a valid ONNX model"):
        list(read_graphs(folder))
    assert list(read_graphs(folder, on_error="skip")) == []


@pytest.mark.parametrize("column", ["architecture", "name", None])
def test_onnx_in_parquet(tmp_path, onnx_files, column) -> None:
    path = tmp_path / "bench.parquet"
    frame = pd.DataFrame(
        {"onnx": [(onnx_files / f"{w}.onnx").read_bytes() for w in (2, 4)], "own_test_accuracy": [70.0, 80.0]}
    )
    names = ["a", "b"] if column else ["row 1", "row 2"]
    (frame.assign(**{column: names}) if column else frame).to_parquet(path)
    assert detect(path) == "onnx_table"
    table = read_table(path)
    assert table.frame.architecture.tolist() == names
    assert "onnx" not in table.frame.columns
    check_graphs(path, names)


CODE = """
import torch
from torch import nn
INPUT_SHAPE = (3, 8, 8)
METRIC = "cifar10_test_accuracy"

def networks():
    open({mark!r}, "w").close()
    for width, accuracy in ((2, 70.0), (4, 80.0)):
        torch.manual_seed(width)
        layers = nn.Conv2d(3, width, 3), nn.ReLU(), nn.Flatten(), nn.Linear(36 * width, 2)
        yield nn.Sequential(*layers), accuracy
"""


def test_python_file_runs_only_when_it_is_asked_for(tmp_path) -> None:
    path, mark = tmp_path / "mine.py", tmp_path / "ran"
    path.write_text(CODE.format(mark=str(mark)))
    assert detect(path) == "python_file"
    with pytest.raises(InputError, match="reading it runs its code; to do so, give source: python_file"):
        read_table(path)
    assert not mark.exists()
    table = read_table(path, source="python_file")
    assert mark.exists()
    assert table.metrics == ["cifar10_test_accuracy"]
    assert table.frame.cifar10_test_accuracy.tolist() == [70.0, 80.0]
    check_graphs(path, ["mine 1", "mine 2"], source="python_file")


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("def networks(): raise KeyError('x')", "running it failed: KeyError"),
        ("import sys\ndef networks(): sys.exit(3)", "running it failed: SystemExit: 3"),
        ("import sys\ndef networks():\n    yield sys.exit(3)", "after row 0: SystemExit: 3"),
        ("def nets(): pass", r"it has no function networks\(\)"),
        ("networks = []", r"it has no function networks\(\)"),
        ("def networks(): pass", r"networks\(\) gives NoneType: let it give a list"),
        ("def networks(): return 'abc'", r"networks\(\) gives str: let it give a list"),
        ("async def networks(): pass", r"networks\(\) gives coroutine: let it give a list"),
        ("import nothing_of_this_name\ndef networks(): pass", "running it failed: ModuleNotFoundError"),
        (
            "from torch import nn\ndef networks():\n    yield nn.ReLU(), 50.0\n    raise KeyError('x')",
            "after row 1: KeyError",
        ),
        (
            "from torch import nn\ndef networks(): return [(nn.ReLU(), 50.0), 5]",
            "row 2: neither a module nor .* but int",
        ),
        (
            "from torch import nn\ndef networks(): return [(nn.ReLU(), 500)]",
            "row 1: own_test_accuracy is 500",
        ),
    ],
)
def test_mistakes_in_a_python_file_are_named(tmp_path, code, message) -> None:
    path = tmp_path / "mine.py"
    path.write_text(code)
    with pytest.raises(InputError, match=message):
        read_table(path, source="python_file")


def test_a_table_of_descriptions_holds_no_networks(tmp_path) -> None:
    path = tmp_path / "own.csv"
    path.write_text("architecture,own_test_accuracy\na,50\n")
    with pytest.raises(InputError, match="tidy_csv describes architectures of a space"):
        list(read_graphs(path))


FORMS = {
    "modules": "[network(2), network(4)]",
    "pairs": "[(network(2), 70), [network(4), 80]]",
    "names": "[('small', network(2)), ('large', network(4))]",
    "names and accuracies": "(('small', network(2), 70), ('large', network(4), 80))",
    "dictionary": "{'small': network(2), 'large': network(4)}",
    "list of torch": "nn.ModuleList([network(2), network(4)])",
}


@pytest.mark.parametrize("form", FORMS)
def test_s10_networks_may_come_alone_with_a_name_or_with_an_accuracy(tmp_path, form) -> None:
    """A ``Sequential`` can be indexed like a pair; it is a network all the same."""
    path = tmp_path / "mine.py"
    path.write_text(
        "from tests.tables.test_networks import SHAPE as INPUT_SHAPE, network, nn\n"
        f"def networks():\n    return {FORMS[form]}\n"
    )
    names = ["small", "large"] if "small" in FORMS[form] else ["mine 1", "mine 2"]
    check_graphs(path, names, source="python_file")
    table = read_table(path, source="python_file", metrics=[]).frame
    assert table.architecture.tolist() == names
    assert table.own_test_accuracy.dropna().tolist() == ([70, 80] if "80" in FORMS[form] else [])


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("nn.Sequential(nn.ReLU(), nn.ReLU())", r"networks\(\) gives one module: let it give a list"),
        ("[('a', nn.ReLU()), ('a', nn.ReLU())]", "row 2: the name 'a' is used twice"),
        ("[(nn.ReLU(), 1, 2)]", "row 1: neither a module nor .* but ReLU, int, int"),
        ("[('a', 70)]", "row 1: neither a module nor .* but str, int"),
        ("[nn.ReLU]", "row 1: neither a module nor .* but type"),
    ],
)
def test_s10_what_is_no_list_of_networks_is_refused(tmp_path, given, message) -> None:
    path = tmp_path / "mine.py"
    path.write_text(f"from torch import nn\nINPUT_SHAPE = (3, 8, 8)\ndef networks(): return {given}\n")
    for read in (read_table, lambda *args, **options: list(read_graphs(*args, **options))):
        with pytest.raises(InputError, match=message):
            read(path, source="python_file")


NEVER_THE_SAME = """
from torch import nn
from mark import seen
INPUT_SHAPE = (3, 8, 8)
def networks():
    seen.append(len(seen))
    for width in range(1, 4):
        width += 10 * len(seen)
        yield f"width {width}", nn.Conv2d(3, width, 3), width
"""


def test_a_file_whose_networks_change_keeps_each_with_its_accuracy(tmp_path, monkeypatch) -> None:
    """It is run once: run twice, accuracies of one run would go with networks of the other."""
    (tmp_path / "mark.py").write_text("seen = []")
    monkeypatch.syspath_prepend(tmp_path)
    path = tmp_path / "mine.py"
    path.write_text(NEVER_THE_SAME)
    networks = list_given([str(path)]).networks
    widths = [11, 12, 13]
    assert [network.labels["own_test_accuracy"] for network in networks] == widths
    assert [network.name for network in networks] == [f"{path}:width {width}" for width in widths]
    assert [network.make().out_shape[1, 0] for network in networks] == widths


def test_accuracies_as_tensors_and_numbers_of_numpy(tmp_path) -> None:
    path = tmp_path / "mine.py"
    path.write_text(
        NN + "import numpy, torch\n"
        "def networks():\n"
        "    yield nn.ReLU(), torch.tensor(70.5)\n"
        "    yield nn.ReLU(), numpy.float32(80.5)\n"
        "    yield nn.ReLU(), None\n"
    )
    table = read_table(path, source="python_file", metrics=[]).frame
    assert table.own_test_accuracy.dropna().tolist() == [70.5, 80.5]


def test_two_onnx_networks_of_one_name_are_a_problem(tmp_path) -> None:
    free_file(tmp_path / "a.onnx", (1, 3, 8, 8))
    model = (tmp_path / "a.onnx").read_bytes()
    path = tmp_path / "own.parquet"
    pd.DataFrame({"name": ["a", "a"], "onnx": [model, model]}).to_parquet(path)
    with pytest.raises(InputError, match="row 2: the name 'a' is used twice"):
        list(read_graphs(path))
