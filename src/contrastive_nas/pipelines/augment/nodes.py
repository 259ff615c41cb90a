"""Pseudo-labels: the comparator learns from its own most confident comparisons."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from contrastive_nas.pipelines.experiment import Device, ExperimentSeed, SpaceParameters, TargetParameters
from contrastive_nas.ranking.parameters import AugmentParameters

if TYPE_CHECKING:
    import pandas as pd
    import plotly.graph_objects as go


def augment_comparator(
    comparator: Path,
    graphs: Path,
    first_labels: "pd.DataFrame",
    parameters: AugmentParameters,
    space: SpaceParameters,
    seed: ExperimentSeed,
    device: Device,
) -> tuple[Callable[[Path], Any], "pd.DataFrame"]:
    """Train the comparator on with pseudo-labels; return it and the last round's pseudo-labels."""
    import numpy as np
    import pandas as pd

    from contrastive_nas.devices import pick_device
    from contrastive_nas.graphs.storage.store import open_store
    from contrastive_nas.ranking.comparator.comparator import load_comparator, save_comparator
    from contrastive_nas.ranking.comparator.self_training import augment
    from contrastive_nas.ranking.encoder.features import EncoderFeatures
    from contrastive_nas.ranking.graph_source import with_architectures
    from contrastive_nas.spaces import load_space

    store = open_store(graphs)
    labels = first_labels.dropna(subset="accuracy")
    known = load_space(space.name, **space.options)
    source, labelled = with_architectures(store, known, labels["architecture"].tolist())
    first = load_comparator(comparator).to(pick_device(device))
    improved, pairs = augment(
        first,
        EncoderFeatures(first.encoder),
        source,
        labelled,
        labels["accuracy"].to_numpy(),
        np.setdiff1d(np.arange(len(store)), labelled),
        parameters,
        seed=seed,
    )
    table = pd.DataFrame({"better": pairs.better, "worse": pairs.worse, "confidence": pairs.confidence})
    return partial(save_comparator, improved), table


def measure_augmentation(
    augmented_comparator: Path,
    graphs: Path,
    table: "pd.DataFrame",
    first_labels: "pd.DataFrame",
    pseudo_labels: "pd.DataFrame",
    before: dict[str, Any],
    space: SpaceParameters,
    target: TargetParameters,
) -> dict[str, Any]:
    """Measure the comparator with pseudo-labels, and what they changed."""
    import math

    from contrastive_nas.graphs.storage.store import open_store
    from contrastive_nas.ranking.comparator.comparator import load_comparator
    from contrastive_nas.ranking.comparator.report import comparator_quality
    from contrastive_nas.ranking.comparator.self_training import pseudo_label_accuracy
    from contrastive_nas.ranking.comparator.training import Pairs

    store = open_store(graphs)
    truth = table[target.test].to_numpy(dtype=float)
    names = first_labels["architecture"].tolist()
    after = comparator_quality(load_comparator(augmented_comparator), store, names, truth)
    pairs = Pairs(pseudo_labels["better"].to_numpy(), pseudo_labels["worse"].to_numpy())
    accuracy = pseudo_label_accuracy(pairs, truth)
    confidence = pseudo_labels["confidence"].mean()
    return {
        "space": space.name,
        **after,
        "pseudo_labels": len(pairs),
        "pseudo_label_accuracy": None if math.isnan(accuracy) else accuracy,
        "pseudo_label_confidence": None if math.isnan(confidence) else float(confidence),
        "kendall_tau_before_augmentation": before["kendall_tau"],
        "kendall_tau_after_augmentation": after["kendall_tau"],
    }


def draw_calibration(
    augmented_comparator: Path,
    graphs: Path,
    table: "pd.DataFrame",
    first_labels: "pd.DataFrame",
    target: TargetParameters,
) -> "go.Figure":
    """Draw the comparator's win probabilities against how often unlabelled networks win."""
    import numpy as np

    from contrastive_nas.graphs.storage.store import open_store
    from contrastive_nas.ranking.calibration import reliability
    from contrastive_nas.ranking.comparator.comparator import load_comparator
    from contrastive_nas.ranking.comparator.training import comparator_scores
    from contrastive_nas.reporting.ranking_figures import draw_reliability

    store = open_store(graphs)
    rest = np.setdiff1d(np.arange(len(store)), store.find(first_labels["architecture"].tolist()))
    scores = comparator_scores(load_comparator(augmented_comparator), store, rest)
    truth = table[target.test].to_numpy(dtype=float)[rest]
    return draw_reliability(reliability(scores, truth))
