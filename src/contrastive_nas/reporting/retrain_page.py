"""The page of a training in earnest: accuracy, curves, what is confused, and how to do it again."""

from collections.abc import Iterator, Mapping
from typing import Any

import pandas as pd

from contrastive_nas.graphs.drawing import draw_graph
from contrastive_nas.quantities import counted, duration, percent
from contrastive_nas.reporting.endings import retraining_facts
from contrastive_nas.reporting.making import Making, making_section
from contrastive_nas.reporting.page import Section, drawings, facts_table, plots, write_page
from contrastive_nas.reporting.training_figures import (
    draw_confusion,
    draw_training_accuracies,
    draw_training_losses,
)
from contrastive_nas.spaces.base import SearchSpace

Metrics = Mapping[str, Any]
# With more classes nobody finds one in the picture.
_CLASSES_SHOWN = 40


def retrain_page(
    metrics: Metrics, history: pd.DataFrame, confusion: pd.DataFrame, space: SearchSpace, making: Making
) -> str:
    """Return the page of a training, as HTML.

    Args:
        metrics: ``retrain_metrics``.
        history: a row per epoch.
        confusion: a row per true class.
        space: of the network.
        making: parameters, versions and the run.
    """
    lead = (
        f"Trained on {metrics['dataset']} for {metrics['epochs']} epochs, the network reaches "
        f"{percent(metrics['test_top1_accuracy'])} accuracy on the test images, in one training with seed "
        f"{metrics['seed']}."
    )
    picture = draw_graph(space.graph(metrics["architecture"]), f"Network of {metrics['architecture']}")
    sections = [
        Section("In short", [facts_table(retraining_facts(metrics), _measured(metrics))]),
        Section("The network", [drawings([(picture, metrics["architecture"])])]),
        Section("Course of the training", [*_curves(history, confusion)]),
        making_section(making),
    ]
    return write_page(f"Training of a network of {metrics['space']}", lead, sections)


def _measured(metrics: Metrics) -> list[tuple[str, str]]:
    speed = f"{metrics['images_per_second']:,.0f} images/s on {counted(metrics['devices'], 'device')}"
    return [
        ("Time", f"{duration(metrics['seconds'])}, {speed}"),
        ("Latency", f"{metrics['latency_milliseconds']:.1f} ms for one image on the CPU"),
    ]


def _curves(history: pd.DataFrame, confusion: pd.DataFrame) -> Iterator[str]:
    shown = [
        (
            "loss",
            draw_training_losses(history),
            "Training loss is measured during training, with the weights of each step.",
        ),
        ("accuracy", draw_training_accuracies(history), "After each epoch that was tested."),
    ]
    if len(confusion) <= _CLASSES_SHOWN:
        caption = (
            "For each true class, the percentage of its test images in each predicted class. Right answers "
            "are on the diagonal."
        )
        shown.append(("confusion", draw_confusion(confusion), caption))
    yield plots(*shown)
