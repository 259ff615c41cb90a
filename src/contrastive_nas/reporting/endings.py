"""What each stage found, as a headline and a short table in plain words, made from its metrics."""

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from contrastive_nas.quantities import counted, duration, large, percent

Metrics = Mapping[str, Any]
# An effect of this many standard errors is seldom luck (one in twenty).
_CLEAR = 2.0
# Of the losses of a training, the share at its start and end that a mean is taken over.
_EDGE = 0.1


@dataclass(frozen=True)
class Ending:
    """What people read when a stage has ended.

    Attributes:
        headline: the result in one line.
        rows: label and text of each line of the table.
        files: label and data set of each result that people open.
        next_pipelines: pipelines that are of use now, and what for.
        setting: parameters to run these with, by dotted name.
    """

    headline: str
    rows: list[tuple[str, str]]
    files: list[tuple[str, str]] = field(default_factory=list)
    next_pipelines: list[tuple[str, str]] = field(default_factory=list)
    setting: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class StageEnding:
    """How the end of a stage is described.

    Attributes:
        stage: name of its pipeline.
        dataset: the data set that ``describe`` is given the content of.
        describe: makes the text.
    """

    stage: str
    dataset: str
    describe: Callable[[Any], Ending]


def describe_search(summary: Metrics) -> Ending:
    """Return the network that a search found, beside random search.

    Args:
        summary: of :func:`contrastive_nas.search.summary.summarise`, with ``space`` and what
            :meth:`contrastive_nas.evaluators.base.Evaluator.quality` gave.
    """
    accuracy, explained = test_accuracy(summary)
    size = f"{large(summary['best_macs'])} multiply-accumulates"
    rows = [
        ("Architecture", summary["best_architecture"]),
        ("Test accuracy", explained),
        (
            "Validation accuracy",
            f"{percent(summary['best_valid_accuracy'])}, the highest of {_queries(summary)}",
        ),
        *_among_known(summary),
        *_beside_random(summary),
        ("Size", f"{size}, {large(summary['best_parameters'])} parameters"),
    ]
    if summary["front"] is not None:
        found = counted(summary["front"], "network")
        rows.append(("Front", f"{found} that no other beats in accuracy and cost; see search_history"))
    further = [("report", "one page with all tables and figures")]
    if "surrogate_noise" not in summary and summary["accuracy_is"] in ("trained", "predicted"):
        further.append(("retrain", "trains the network in full and exports it"))
    headline = f"The best network found in {summary['space']} has a test accuracy of {accuracy}"
    return Ending(headline, rows, [("Figure", "search_figure")], further)


def test_accuracy(summary: Metrics) -> tuple[str, str]:
    """Return the test accuracy of a search's choice in short, and with how it is known."""
    accuracy = summary["best_test_accuracy"]
    if "final_trainings" in summary:
        deviation, trainings = summary["final_deviation"], summary["final_trainings"]
        return (
            f"{accuracy:.2f} ± {deviation:.2f} %",
            f"{accuracy:.2f} ± {deviation:.2f} %, mean and standard deviation of {trainings} trainings with "
            "new seeds",
        )
    if "surrogate_noise" in summary:
        return (
            f"{percent(accuracy)} (predicted)",
            f"{percent(accuracy)}, predicted; the errors of such predictions have a standard deviation of "
            f"{summary['surrogate_noise']:.2f} points",
        )
    if summary["accuracy_is"] == "trained":
        return percent(accuracy), f"{percent(accuracy)}, of one training"
    if summary["accuracy_is"] == "predicted":
        return f"{percent(accuracy)} (predicted)", f"{percent(accuracy)}, predicted without a training"
    return f"{percent(accuracy)} (looked up)", f"{percent(accuracy)}, looked up in the table"


def _queries(summary: Metrics) -> str:
    origins = {
        "trained": "trained",
        "cached": "equal to one trained before",
        "looked_up": "looked up",
        "predicted": "predicted",
        "failed": "failed",
    }
    found = [
        f"{summary[f'queries_{name}']:,} {word}"
        for name, word in origins.items()
        if summary[f"queries_{name}"]
    ]
    return f"{counted(summary['queries'], 'query', 'queries')} ({', '.join(found)})"


def _among_known(summary: Metrics) -> list[tuple[str, str]]:
    if summary["best_rank"] is None:
        return [("Rank", "unknown, as no accuracy of other networks is known")]
    regret = summary["regret"]
    known = f"{counted(summary['table_size'], 'network')} with known test accuracy"
    return [
        ("Rank", f"{summary['best_rank']:,} among {known}"),
        (
            "Regret",
            f"{regret:.2f} points below the highest known validation accuracy"
            if regret
            else "0 points: no network is known to have a higher validation accuracy",
        ),
    ]


def _beside_random(summary: Metrics) -> list[tuple[str, str]]:
    accuracy = summary["random_best_test_accuracy"]
    if accuracy is None:
        return []
    how = "mean of repeated runs" if summary["random_search_was_run"] else "expected, computed from the table"
    return [("Random search", f"{percent(accuracy)} test accuracy with as many queries ({how})")]


def describe_tuning(summary: Metrics) -> Ending:
    """Return the best setting beside the one in use, and how to use it.

    Args:
        summary: of :func:`contrastive_nas.search.tuning.tuning.summarise_trials`, with ``stage``.
    """
    stage, seeds = summary["stage"], counted(summary["seeds"], "seed")
    is_search = stage == "search"
    measure = (
        "best accuracy so far, mean over all queries of a search, percent"
        if is_search
        else "Kendall's tau between predicted and true ranks"
    )
    gain = summary["best_value"] - summary["value_in_use"]
    digits, unit = (2, " points") if is_search else (3, "")
    rows = [
        ("Measured by", f"{measure}; mean of {seeds}"),
        ("In use", f"{summary['value_in_use']:.{digits}f} with {_setting(summary['in_use'])}"),
    ]
    tried = f"{counted(summary['trials'], 'setting')} tried, {summary['given_up']} of them given up early"
    if summary["best"] == summary["in_use"]:
        headline = f"No setting of {stage} is better than the one in use"
        return Ending(headline, [*rows, ("Settings", tried)], [("Trials", "tune_trials")])
    error = summary["difference_error"]
    spread = "" if error is None else f" ± {error:.{digits}f} (standard error)"
    luck = "" if error is not None and gain >= _CLEAR * error else "; this may be luck: try more seeds"
    block = "search" if is_search else "compare.training"
    rows += [
        ("Best", f"{summary['best_value']:.{digits}f} with {_setting(summary['best'])}"),
        ("Better by", f"{gain:.{digits}f}{spread}{unit}, on {seeds}{luck}"),
        ("Settings", tried),
        (
            "To use it",
            f"put these values under {block} in parameters_{stage}.yml of conf/local, or of conf/NAME for "
            "--env NAME",
        ),
    ]
    headline = f"A setting of {stage} is better than the one in use by {gain:.{digits}f}{unit}"
    setting = {f"{block}.{name}": value for name, value in summary["best"].items()}
    further = [(stage, "uses the best setting once")]
    return Ending(headline, rows, [("Trials", "tune_trials")], further, setting)


def _setting(values: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} {_value(value)}" for name, value in values.items())


def _value(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.3g}"
    return value if isinstance(value, str) else json.dumps(value)


def describe_retraining(metrics: Metrics) -> Ending:
    """Return a network that was trained in full.

    Args:
        metrics: of :class:`contrastive_nas.training.run.Metrics`.
    """
    speed = f"{metrics['images_per_second']:,.0f} images a second"
    rows = [
        *retraining_facts(metrics),
        (
            "Training time",
            f"{duration(metrics['seconds'])} on {counted(metrics['devices'], 'device')}, {speed}",
        ),
        ("Latency", f"{metrics['latency_milliseconds']:.3g} ms for one image on this machine's CPU"),
    ]
    accuracy = percent(metrics["test_top1_accuracy"])
    headline = f"The network trained in full has a test accuracy of {accuracy} on {metrics['dataset']}"
    return Ending(headline, rows, [("Network", "retrained_network")])


def retraining_facts(metrics: Metrics) -> list[tuple[str, str]]:
    """Return what is the same whenever a network is trained so: label and text of each line.

    Args:
        metrics: as :func:`describe_retraining` takes them.
    """
    top1, top5 = percent(metrics["test_top1_accuracy"]), percent(metrics["test_top5_accuracy"])
    rows = [
        ("Architecture", f"{metrics['architecture']} of {metrics['space']}"),
        ("Test accuracy", f"{top1}; top-5 accuracy {top5}"),
        (
            "Training",
            f"recipe {metrics['recipe']}, {counted(metrics['epochs'], 'epoch')}, seed {metrics['seed']}",
        ),
        (
            "Size",
            f"{large(metrics['macs'])} multiply-accumulates, {large(metrics['params'])} parameters",
        ),
    ]
    if metrics["corrupt_images"]:
        rows.append(("Left out", counted(metrics["corrupt_images"], "corrupt image")))
    return rows


def describe_retraining_plan(plan: Metrics) -> Ending:
    """Return a training that was planned, not begun.

    Args:
        plan: of :class:`contrastive_nas.training.forecast.Forecast`.
    """
    rows = [
        ("Architecture", plan["architecture"]),
        ("Size", f"{large(plan['macs'])} multiply-accumulates, {large(plan['params'])} parameters"),
        (
            "Training",
            f"recipe {plan['recipe']}, {counted(plan['epochs'], 'epoch')}, {plan['updates']:,} updates",
        ),
        ("Images", f"{plan['samples']:,}, {plan['batch']:,} in each update"),
        ("Learning rate", f"at most {plan['learning_rate']:.3g}"),
    ]
    headline = (
        f"A training of {plan['gpu_days']:.2g} GPU days is planned, on {counted(plan['devices'], 'device')}"
    )
    return Ending(headline, rows, [], [("retrain", "trains the network")])


def describe_benchmark(metrics: Metrics) -> Ending:
    """Return a table of trained networks, and how well its accuracies repeat.

    Args:
        metrics: of :func:`contrastive_nas.evaluators.tabulating.repeatability`.
    """
    quantiles = [f"{value:.1f}" for value in metrics["test_accuracy_quantiles"]]
    rows = [
        ("Failed", counted(metrics["failed"], "network")),
        (
            "Test accuracy",
            f"median {quantiles[3]} %, from {quantiles[0]} to {quantiles[6]} %; nine in ten networks have "
            f"{quantiles[1]} to {quantiles[5]} %",
        ),
        ("Training", f"{duration(metrics['seconds_per_training'])} of processor time each"),
    ]
    repeated = counted(metrics["repeated_networks"], "network")
    repeats = {
        "tau_between_seeds": "between two trainings",
        "tau_between_seeds_best_quarter": "within the best quarter",
        "tau_between_means": f"between means of all trainings ({repeated})",
    }
    found = [f"{metrics[name]:.2f} {words}" for name, words in repeats.items() if _is_known(metrics[name])]
    if found:
        rows.append(("Repeatability", f"Kendall's tau {', '.join(found)}"))
    headline = f"{counted(metrics['networks'], 'network')} trained for a table"
    return Ending(headline, rows, [("Table", "benchmark_table")])


def describe_comparator(metrics: Metrics) -> Ending:
    """Return how well a comparator ranks networks that it has not learned from.

    Args:
        metrics: of :func:`contrastive_nas.ranking.comparator.report.comparator_quality`; with pseudo-labels
            also ``pseudo_labels``, ``pseudo_label_accuracy`` and ``kendall_tau_before_augmentation``.
    """
    tau, ranked = metrics["kendall_tau"], counted(metrics["ranked"], "network")
    learned = counted(metrics["labels"], "labelled network")
    rows = [
        ("Learned from", learned),
        ("Comparator", _correlations(metrics, "")),
        ("Multiply-accumulates", f"{_correlations(metrics, 'macs_')}, ranking by these alone"),
        ("Parameters", f"{_correlations(metrics, 'parameters_')}, ranking by these alone"),
        (
            "Win probabilities",
            f"calibration error {_number(metrics['calibration_error'])}, Brier score "
            f"{_number(metrics['brier_score'])} (0 is perfect)",
        ),
    ]
    files, who = [("Figure", "comparator_figure")], "The comparator"
    if "pseudo_labels" in metrics:
        files, who = [("Figure", "calibration_figure")], "The comparator with pseudo-labels"
        right = metrics["pseudo_label_accuracy"]
        truth = "" if right is None else f", {100 * right:.1f} % of them right"
        rows.append(("Pseudo-labels", f"{counted(metrics['pseudo_labels'], 'pair')}{truth}"))
        rows.append(("Without these", f"Kendall's tau {_number(metrics['kendall_tau_before_augmentation'])}"))
    headline = f"{who} ranks {ranked} with Kendall's tau {_number(tau)}"
    return Ending(headline, rows, files, [("search", "searches for the best network")])


def _correlations(metrics: Metrics, prefix: str) -> str:
    tau, rho = metrics[f"{prefix}kendall_tau"], metrics[f"{prefix}spearman_rho"]
    return f"Kendall's tau {_number(tau)}, Spearman's rho {_number(rho)}"


def describe_pretraining(losses: Any) -> Ending:
    """Return an encoder that was trained or taken over.

    Args:
        losses: a table with the columns ``step`` and ``loss``; empty where nothing was trained.
    """
    files, further = [("Encoder", "encoder")], [("search", "searches for the best network")]
    steps = len(losses)
    if not steps:
        return Ending(
            "The encoder that comes with the package is used; nothing was trained", [], files, further
        )
    edge = max(1, round(steps * _EDGE))
    values = losses["loss"]
    first, last = values.head(edge).mean(), values.tail(edge).mean()
    rows = [("Loss", f"{first:.3f} at the start, {last:.3f} at the end (means of {counted(edge, 'step')})")]
    return Ending(
        f"Encoder trained for {counted(steps, 'step')}",
        rows,
        [*files, ("Figure", "pretrain_figure")],
        further,
    )


def describe_graphs(summary: Metrics) -> Ending:
    """Return computation graphs of a table's architectures.

    Args:
        summary: ``architectures``, ``functions`` and ``smallest_median_largest`` by statistic; logarithms are
            of the value plus 1.
    """
    ranges = summary["smallest_median_largest"]
    rows = [("Different functions", f"{summary['functions']:,}")]
    for label, name in (
        ("Nodes", "log_nodes"),
        ("Multiply-accumulates", "log_macs"),
        ("Parameters", "log_parameters"),
    ):
        low, middle, high = (large(math.expm1(value)) for value in ranges[name])
        rows.append((label, f"{low} to {high}, median {middle}"))
    low, middle, high = (f"{value:,.0f}" for value in ranges["depth"])
    rows.append(("Depth", f"{low} to {high} nodes on the longest path, median {middle}"))
    headline = f"{counted(summary['architectures'], 'architecture')} converted to computation graphs"
    return Ending(headline, rows, [("Graphs", "graphs")])


def describe_ingestion(report: Metrics) -> Ending:
    """Return a table that was read, from :meth:`contrastive_nas.tables.reading.SourceTable.summary`."""
    rows = [
        ("Format", report["source"]),
        ("Rows", f"{report['rows_read']:,} read, {report['problems']:,} left out as unusable"),
        ("Columns", ", ".join(report["metrics"]) or "no accuracies"),
    ]
    rows += [("Left out", problem) for problem in report["first_problems"][:1]]
    read = counted(report["architectures"], "architecture")
    return Ending(f"{read} of {report['space']} read from {report['file']}", rows, [("Table", "table")])


def _number(value: float | None) -> str:
    return f"{value:.2f}" if _is_known(value) else "unknown"


def _is_known(value: float | None) -> bool:
    return value is not None and not math.isnan(value)


# The stage that came last in the flow first: of several that a run has, it is described.
STAGES = (
    StageEnding("retrain", "retrain_metrics", describe_retraining),
    StageEnding("retrain", "retrain_plan", describe_retraining_plan),
    StageEnding("tune", "tune_summary", describe_tuning),
    StageEnding("benchmark", "benchmark_metrics", describe_benchmark),
    StageEnding("search", "search_summary", describe_search),
    StageEnding("augment", "comparator_metrics", describe_comparator),
    StageEnding("compare", "first_comparator_metrics", describe_comparator),
    StageEnding("pretrain", "pretrain_losses", describe_pretraining),
    StageEnding("convert", "graph_summary", describe_graphs),
    StageEnding("ingest", "ingest_report", describe_ingestion),
)
