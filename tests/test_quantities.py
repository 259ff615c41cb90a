"""Numbers in words say what the numbers say."""

import re

import pytest

from contrastive_nas.quantities import counted, duration, large, listed, size_of_space


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0.04, "0.0 s"),
        (9.94, "9.9 s"),
        (9.96, "10 s"),
        (59.4, "59 s"),
        (59.6, "1 min 0 s"),
        (163.2, "2 min 43 s"),
        (3599.7, "1 h 0 min"),
        (11111, "3 h 5 min"),
        (200_000, "2 d 7 h"),
    ],
)
def test_durations(seconds: float, words: str) -> None:
    assert duration(seconds) == words


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (0, "0"),
        (838, "838"),
        (64_102, "64.1 thousand"),
        (999_400, "999 thousand"),
        (999_500, "1.00 million"),
        (11_716_384, "11.7 million"),
        (121_815_680, "122 million"),
        (5.5e9, "5.50 billion"),
    ],
)
def test_large_numbers_have_three_digits(number: float, words: str) -> None:
    assert large(number) == words


def test_nouns_follow_their_number() -> None:
    assert counted(1, "network") == "1 network"
    assert counted(4020, "network") == "4,020 networks"
    assert counted(2, "query", "queries") == "2 queries"


def test_spaces_of_any_size_are_told() -> None:
    assert size_of_space(15_625) == "15,625 architectures"
    assert size_of_space(31 * 10**17) == "about 3.1 × 10^18 architectures"
    assert re.fullmatch(r"about \d\.\d × 10\^400 architectures", size_of_space(10**400))


def test_words_are_listed() -> None:
    assert [listed(words) for words in ([], ["a"], ["a", "b", "c"])] == ["none", "a", "a, b and c"]
