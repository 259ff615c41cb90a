"""The list of what users read holds every kind of text, and is up to date."""

import importlib.util
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[1]
spec = importlib.util.spec_from_file_location("user_strings", PROJECT / ".ci" / "user_strings.py")
assert spec is not None
assert spec.loader is not None
user_strings = importlib.util.module_from_spec(spec)
spec.loader.exec_module(user_strings)


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ('logger.info("read %s rows", n)', [("log", "read %s rows")]),
        (
            'raise InputError(f"{path} is empty: " "name another")',
            [("error", "{path} is empty: name another")],
        ),
        ("x: Annotated[int, Option(help='Number of rows.')]", [("help", "Number of rows.")]),
        ('title = "Best so far"', [("text", "Best so far")]),
        ("raise E(f'{a} is {\"not known\" if b else c}')", [("error", "{a} is {'not known' if b else c}")]),
        ('"""What a module is."""', []),
        ('def f(a: "int | str") -> "a b":\n    """Do it."""', []),
        ('re.compile("a b")', []),
        ('key = "accuracy"', []),
        ('text = f"{a} {b}"', []),
    ],
)
def test_texts_of_a_module(source: str, found: list[tuple[str, str]]) -> None:
    assert list(user_strings.texts(source))[: len(found) or 1] == found


def test_docstrings_of_commands_are_help() -> None:
    source = 'def run():\n    """Run it all."""\n\ndef other():\n    """Do it."""'
    assert list(user_strings.texts(source, {"run"})) == [("help", "Run it all.")]


def test_the_list_is_up_to_date() -> None:
    assert user_strings.LIST.read_text(encoding="utf-8") == user_strings.listing(), "run `make strings`"
