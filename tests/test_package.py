"""What belongs to the package besides its code: versions agree, files are there, hooks fetch nothing."""

import re
import tomllib
from importlib import resources
from pathlib import Path

import pytest
import yaml

import contrastive_nas

PROJECT = Path(__file__).parents[1]


def test_version_is_the_same_everywhere() -> None:
    citation = yaml.safe_load((PROJECT / "CITATION.cff").read_text())
    versions = re.findall(r"^## (\S+)", (PROJECT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert citation["version"] == versions[0] == contrastive_nas.__version__


def test_both_papers_are_cited() -> None:
    papers = yaml.safe_load((PROJECT / "CITATION.cff").read_text())["references"]
    assert [(paper["authors"][0]["family-names"], paper["year"]) for paper in papers] == [
        ("Chen", 2021),
        ("Han", 2023),
    ]


def test_the_package_says_that_it_is_typed() -> None:
    assert resources.files("contrastive_nas").joinpath("py.typed").is_file()
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text())
    assert "py.typed" in project["tool"]["setuptools"]["package-data"]["contrastive_nas"]
    assert "Typing :: Typed" in project["project"]["classifiers"]


def test_hooks_before_a_commit_come_from_this_project() -> None:
    hooks = yaml.safe_load((PROJECT / ".pre-commit-config.yaml").read_text())["repos"]
    assert {source["repo"] for source in hooks} == {"local"}
    assert [hook["entry"] for source in hooks for hook in source["hooks"]] == ["make lint"]
    assert all(hook["language"] == "system" for source in hooks for hook in source["hooks"])


@pytest.mark.parametrize("name", ["README.md", "CONTRIBUTING.md"])
def test_links_lead_somewhere(name: str) -> None:
    text = (PROJECT / name).read_text()
    places = [link for link in re.findall(r"\]\(([^)#]+)[^)]*\)", text) if "://" not in link]
    assert places
    assert [place for place in places if not (PROJECT / place).exists()] == []
    named = re.findall(r"`((?:src|tests|docs|benchmarks|\.ci)/[\w/.]+)`", text)
    new = "src/contrastive_nas/spaces/my_space.py"
    assert [place for place in named if place != new and not (PROJECT / place).exists()] == []
