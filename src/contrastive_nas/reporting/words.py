"""What a search found, as a sentence and a table for people who do not know the project."""

from collections.abc import Iterator, Mapping
from typing import Any

from contrastive_nas.reporting.numbers import large, listed, percent, points, size_of_space

Summary = Mapping[str, Any]
_ORIGINS = {
    "queries_trained": "trained",
    "queries_looked_up": "looked up in the table",
    "queries_predicted": "predicted by the surrogate",
    "queries_cached": "known from an equal network",
}
_VERBS = {
    "trained": "trained {}",
    "looked up": "looked up the accuracy of {}",
    "predicted": "asked a surrogate for the accuracy of {}",
}
_COSTS = {"macs": "multiply-accumulates", "parameters": "parameters"}


def lead(summary: Summary, size: int) -> str:
    """What was searched and found, how sure that is, and what random search finds.

    Args:
        summary: of the search, see :func:`contrastive_nas.search.summary.summarise`.
        size: architectures of the space.
    """
    sentences = [
        f"Of {size_of_space(size)} in the space {summary['space']}, the search "
        f"{_VERBS[summary['accuracy_is']].format(format(summary['queries'], ','))} and found a network with "
        f"{percent(summary['best_test_accuracy'])} test accuracy ({certainty(summary)})."
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


def certainty(summary: Summary) -> str:
    """How far the reported accuracy is to be trusted."""
    if "final_trainings" in summary:
        return (
            f"mean of {summary['final_trainings']} fresh trainings, standard deviation "
            f"{points(summary['final_deviation'])}"
        )
    if "surrogate_noise" in summary:
        return (
            f"predicted; the standard deviation of the surrogate's errors is "
            f"{points(summary['surrogate_noise'])}, Kendall's tau {summary['surrogate_kendall_tau']:.2f}"
        )
    return {"trained": "trained once", "looked up": "looked up in the table", "predicted": "predicted"}[
        summary["accuracy_is"]
    ]


def facts(summary: Summary, size: int, search: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Rows of the table under the sentence: what, and how much of it.

    Args:
        summary: of the search.
        size: architectures of the space.
        search: parameters of the search.
    """
    return [
        ("Searched", f"{summary['space']}, {size_of_space(size)}"),
        *_limits(search),
        ("Found", summary["best_architecture"]),
        ("Test accuracy", f"{percent(summary['best_test_accuracy'])} ({certainty(summary)})"),
        (
            "Validation accuracy",
            f"{percent(summary['best_valid_accuracy'])}, the highest of the {summary['queries']} labels",
        ),
        *_among_known(summary),
        *_beside_random(summary),
        (
            "Size of the network",
            f"{large(summary['best_macs'])} multiply-accumulates, "
            f"{large(summary['best_parameters'])} parameters",
        ),
        ("Labels bought", _labels(summary)),
        ("Guided by", _guide(summary)),
    ]


def _limits(search: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    limits = search.get("limits") or {}
    if limits:
        each = [f"at most {large(value)} {_COSTS.get(name, name)}" for name, value in limits.items()]
        yield "Limits", listed(each)
    objectives = list(search.get("objectives") or ())
    if objectives:
        yield "Minimised besides", listed([_COSTS.get(name, name) for name in objectives])


def _among_known(summary: Summary) -> Iterator[tuple[str, str]]:
    if summary["best_rank"] is None:
        return
    yield (
        "Rank by test accuracy",
        f"{summary['best_rank']:,} of {summary['table_size']:,} networks of known accuracy",
    )
    regret = summary["regret"]
    yield (
        "Regret by validation accuracy",
        f"{points(regret)} below the highest known label" if regret else "none: no known label is higher",
    )


def _beside_random(summary: Summary) -> Iterator[tuple[str, str]]:
    found = summary["random_best_test_accuracy"]
    if found is not None:
        how = "mean of searches really run" if summary["random_search_was_run"] else "expected on the table"
        yield "Random search, as many labels", f"{percent(found)} test accuracy ({how})"


def _labels(summary: Summary) -> str:
    parts = [f"{summary[name]:,} {words}" for name, words in _ORIGINS.items() if summary.get(name)]
    if summary.get("queries_failed"):
        parts.append(f"{summary['queries_failed']:,} failed")
    design = "promising and different" if summary["initial_design"] == "promising" else "random"
    first = f"the first {summary['first_labels']} {design} networks"
    return f"{summary['queries']:,}: {listed(parts)}; {first}"


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
