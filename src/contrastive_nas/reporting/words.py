"""What a search found, as a sentence and a table for people who do not know the project."""

from collections.abc import Iterator, Mapping
from typing import Any

from contrastive_nas.quantities import large, listed, percent, points, size_of_space
from contrastive_nas.reporting.endings import describe_search, test_accuracy

Summary = Mapping[str, Any]
_VERBS = {
    "trained": "trained {}",
    "looked up": "looked up the accuracy of {}",
    "predicted": "predicted, with a surrogate model, the accuracy of {}",
}
# A page has room for labels that the end of a run cuts short.
_FULL_LABELS = {"Random search": "Random search, as many labels"}
_COSTS = {"macs": "multiply-accumulates", "parameters": "parameters"}


def lead(summary: Summary, size: int) -> str:
    """Return what was searched and found, how sure that is, and what random search finds.

    Args:
        summary: of the search, see :func:`contrastive_nas.search.summary.summarise`.
        size: architectures of the space.
    """
    sentences = [
        f"Of {size_of_space(size)} in the space {summary['space']}, the search "
        f"{_VERBS[summary['accuracy_is']].format(format(summary['queries'], ','))} and found a network whose "
        f"test accuracy is {test_accuracy(summary)[1]}."
    ]
    if summary["best_rank"] is not None:
        among = f"{summary['table_size']:,} networks of known accuracy"
        sentences.append(f"It ranks {_ordinal(summary['best_rank'])} among the {among}.")
    if summary["random_best_test_accuracy"] is not None:
        gain = summary["best_test_accuracy"] - summary["random_best_test_accuracy"]
        sentences.append(
            f"Random search with as many labels finds {percent(summary['random_best_test_accuracy'])} on "
            f"average, {points(gain)} {'less' if gain >= 0 else 'more'}."
        )
    return " ".join(sentences)


def facts(summary: Summary, size: int, search: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return rows of the table under the sentence: what, and how much of it.

    Args:
        summary: of the search.
        size: architectures of the space.
        search: parameters of the search.
    """
    return [
        ("Searched", f"{summary['space']}, {size_of_space(size)}"),
        *_limits(search),
        *((_FULL_LABELS.get(label, label), text) for label, text in describe_search(summary).rows),
        ("First labels", _first_labels(summary)),
        ("Guided by", _guide(summary)),
    ]


def _limits(search: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    limits = search.get("limits") or {}
    if limits:
        each = [f"at most {large(value)} {_COSTS.get(name, name)}" for name, value in limits.items()]
        yield "Limits", listed(each)
    objectives = list(search.get("objectives") or ())
    if objectives:
        yield "Also minimised", listed([_COSTS.get(name, name) for name in objectives])


def _first_labels(summary: Summary) -> str:
    design = "promising and different" if summary["initial_design"] == "promising" else "random"
    return f"{summary['first_labels']} {design} networks"


def _guide(summary: Summary) -> str:
    words = f"strategy {summary['strategy']}"
    if summary["ranker"] == "none":
        return words
    words += f", ranker {summary['ranker']}"
    similarity: Mapping[str, float] = summary["similarity"]
    if similarity:
        nearest = sorted(similarity.items(), key=lambda one: -one[1])
        words += ", which learned from other spaces (similarity of their networks to these: "
        words += ", ".join(f"{name} {value:.2f}" for name, value in nearest) + ")"
    return words


def _ordinal(number: int) -> str:
    ending = "th" if number % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number:,}{ending}"
