"""A broken file of the configuration is told in one message that names it."""

from pathlib import Path

import pytest

from contrastive_nas.errors import InputError
from contrastive_nas.execution.conf_files import check_conf_files


@pytest.mark.parametrize("folder", ["base", "local", "base/more"])
@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"a: [1\nb: {", "line 2 is not valid YAML: expected ',' or ']'"),
        (b"a: \tb: c", "line 1 is not valid YAML"),
        (b"- 1\n", "holds a list in place of names with values"),
        (b"text", "holds the single value 'text'"),
        (b"\xff\xfe\x00", "is not UTF-8"),
        (b"a: \x00", "is not valid YAML"),
    ],
)
def test_broken_files(tmp_path: Path, folder: str, content: bytes, words: str) -> None:
    file = tmp_path / folder / "any.yml"
    file.parent.mkdir(parents=True)
    file.write_bytes(content)
    with pytest.raises(InputError) as caught:
        check_conf_files(tmp_path, None)
    assert str(caught.value).startswith(str(file))
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_files_that_can_be_read(tmp_path: Path) -> None:
    (tmp_path / "base").mkdir()
    (tmp_path / "other").mkdir()
    for name, content in (("empty", ""), ("tag", "a: !own {b: 1}"), ("names", "a: ${globals:b}")):
        (tmp_path / "base" / f"{name}.yml").write_text(content)
    (tmp_path / "other/broken.yml").write_text("a: [")
    check_conf_files(tmp_path, "test")
    with pytest.raises(InputError):
        check_conf_files(tmp_path, "other")
