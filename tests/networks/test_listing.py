"""What names of networks stand for."""

import re
from pathlib import Path

import pytest
import timm

from contrastive_nas.errors import InputError
from contrastive_nas.graphs import trace
from contrastive_nas.networks.listing import list_given

MINE = """
from torch import nn
INPUT_SHAPE = (3, 8, 8)
METRIC = "gain"
class Own(nn.Sequential):
    def __init__(self):
        super().__init__(nn.Conv2d(3, 4, 3))
def networks():
    yield "narrow", nn.Conv2d(3, 4, 3), 1.5
    yield "wide", nn.Conv2d(3, 8, 3)
def others():
    return {"one": nn.ReLU()}
def single():
    return nn.Conv2d(3, 2, 1)
def broken():
    return [nn.ReLU(), "no network", nn.GELU()]
def twice():
    return [("same", nn.ReLU()), ("same", nn.GELU())]
"""


@pytest.fixture
def mine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    Path("mine.py").write_text(MINE)
    return tmp_path


def names(*references: str) -> list[str]:
    found = list_given(references)
    assert not found.refused
    return [network.name for network in found.networks]


def test_patterns_are_the_names_that_fit() -> None:
    assert names("timm:test_vit*") == [f"timm:{name}" for name in sorted(timm.list_models("test_vit*"))]
    assert names("torchvision:resnet18", "timm:resnet18") == ["torchvision:resnet18", "timm:resnet18"]


def test_what_is_named_twice_is_there_once() -> None:
    assert names("timm:test_vit", "timm:test_*").count("timm:test_vit") == 1
    assert names("timm:test_vit", "timm:test_*")[0] == "timm:test_vit"


def test_functions_and_classes_of_a_python_file(mine: Path) -> None:
    assert names("mine.py") == ["mine.py:narrow", "mine.py:wide"]
    assert names("mine.py:others") == ["mine.py:one"]
    assert names("mine.py:single") == ["mine.py:single"]
    assert names("mine.py:Own") == ["mine.py:Own"]
    first = list_given(["mine.py"]).networks[0]
    assert first.labels == {"gain": 1.5}
    assert not first.elsewhere
    assert first.identity is None


def test_what_is_no_network_does_not_stop_the_others(mine: Path) -> None:
    found = list_given(["mine.py:broken", "mine.py:twice"])
    kept = ["mine.py:broken 1", "mine.py:broken 3", "mine.py:same"]
    assert [network.name for network in found.networks] == kept
    assert [*found.refused] == ["mine.py:broken, row 2", "mine.py:twice, row 2"]
    first, second = found.refused.values()
    assert "but str" in first
    assert second == "the name 'same' is used twice"


def test_two_functions_that_give_one_name(mine: Path) -> None:
    text = MINE + "def again():\n    return [('one', nn.GELU()), nn.GELU()]\n"
    Path("both.py").write_text(text)
    found = list_given(["both.py:others", "both.py:again", "both.py:again"])
    assert [network.name for network in found.networks] == ["both.py:one", "both.py:again 2"]
    assert found.refused == {"both.py:again: both.py:one": "another network has the same name"}


def test_each_network_may_have_images_of_its_own(mine: Path) -> None:
    text = MINE.replace("(3, 8, 8)", '{"narrow": (3, 8, 8), "wide": (3, 16, 12)}')
    Path("sized.py").write_text(text)
    graphs = [network.make() for network in list_given(["sized.py"]).networks]
    assert [graph.out_shape[0].tolist() for graph in graphs] == [[3, 8, 8], [3, 16, 12]]
    refused = list_given(["sized.py:others"]).refused
    assert refused == {"sized.py:others, row 1": "INPUT_SHAPE has no shape of one"}


def test_onnx_files_by_name_pattern_and_folder(mine: Path) -> None:
    for name in ("a.onnx", "nets/b.onnx", "nets/deep/c.onnx"):
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).write_bytes(b"not read yet")
    assert names("a.onnx") == ["a.onnx"]
    assert names("nets/*.onnx") == ["nets/b.onnx"]
    assert names("nets/**/*.onnx") == ["nets/b.onnx", "nets/deep/c.onnx"]
    assert names("nets") == ["nets/b.onnx", "nets/deep/c.onnx"]


@pytest.mark.parametrize(
    ("reference", "words"),
    [
        ("tim:resnet18", "'tim:resnet18': 'tim' is unknown: did you mean 'timm'?; give timm:NAME"),
        ("resnet18", "'resnet18' is not a file: did you mean 'timm:resnet18'?"),
        ("timm:resnt18", "timm has no network 'resnt18': did you mean 'resnet18'?"),
        ("gone.onnx", "gone.onnx: there is no such file"),
        ("gone.py:networks", "gone.py: there is no such file"),
        ("mine.py:nothing", "mine.py: it has no function nothing() that gives modules"),
        ("empty", "empty: the folder holds no ONNX file"),
        ("what is this", "'what is this' is neither a file nor a network: give timm:NAME"),
    ],
)
def test_what_stands_for_nothing_is_one_line(mine: Path, reference: str, words: str) -> None:
    Path("empty").mkdir()
    with pytest.raises(InputError, match="^" + re.escape(words)):
        list_given([reference])


def test_a_graph_of_a_library_is_that_of_its_module() -> None:
    (network,) = list_given(["timm:test_resnet"]).networks
    graph = network.make()
    direct = trace(timm.create_model("test_resnet").eval(), (3, 160, 160))
    assert (graph.features == direct.features).all()
    assert (graph.edges == direct.edges).all()
    (small,) = list_given(["timm:test_resnet"], (64, 64)).networks
    assert small.identity != network.identity
    assert small.make().out_shape[0].tolist() == [3, 64, 64]
