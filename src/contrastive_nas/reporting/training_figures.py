"""Figures of trainings: an encoder's loss, a network's loss and accuracy, what it confuses."""

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from contrastive_nas.reporting.figures import OTHER, OURS, titled


def draw_losses(losses: pd.DataFrame) -> go.Figure:
    """Draw the pretraining loss (``loss``) over the steps (``step``); without steps, a word that says why."""
    figure = go.Figure(go.Scatter(x=losses["step"], y=losses["loss"], mode="lines", line={"color": OURS}))
    title = "Contrastive pretraining" if len(losses) else "Encoder: the released one, not pretrained here"
    return titled(figure, title, "step", "contrastive loss")


def draw_training_losses(history: pd.DataFrame) -> go.Figure:
    """Draw cross-entropy over the epochs, of training and of test images.

    Args:
        history: a row per epoch: ``epoch``, ``train_loss``, ``test_loss`` (NaN where not tested).
    """
    tested = history.dropna(subset="test_loss")
    figure = _two_curves(
        ("training images", history["epoch"], history["train_loss"]),
        ("test images", tested["epoch"], tested["test_loss"]),
    )
    return titled(figure, "Loss", "epoch", "mean cross-entropy (nats)")


def draw_training_accuracies(history: pd.DataFrame) -> go.Figure:
    """Draw test accuracy over the epochs.

    Args:
        history: a row per epoch: ``epoch``, ``test_top1_accuracy``, ``test_top5_accuracy`` in percent.
    """
    tested = history.dropna(subset="test_top1_accuracy")
    figure = _two_curves(
        ("the class ranked first", tested["epoch"], tested["test_top1_accuracy"]),
        ("one of the five ranked first", tested["epoch"], tested["test_top5_accuracy"]),
    )
    return titled(figure, "Accuracy on test images", "epoch", "accuracy (%)")


def _two_curves(*curves: tuple[str, pd.Series, pd.Series]) -> go.Figure:
    """A solid and a dashed line with a point an epoch, each with its name, x and y."""
    figure = go.Figure()
    for (name, x, y), color, dash in zip(curves, (OURS, OTHER), ("solid", "dash"), strict=True):
        figure.add_scatter(x=x, y=y, mode="lines+markers", line={"color": color, "dash": dash}, name=name)
    return figure


def draw_confusion(confusion: pd.DataFrame) -> go.Figure:
    """Draw which classes are taken for which, as shares of each true class.

    Args:
        confusion: a row per true class: ``class``, then test images by predicted class.
    """
    counts = confusion.drop(columns="class").to_numpy(dtype=float)
    shares = 100 * counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    classes = confusion["class"].astype(str).tolist()
    figure = go.Figure(
        go.Heatmap(
            x=classes,
            y=classes,
            z=shares,
            colorscale="Cividis",
            zmin=0,
            zmax=100,
            colorbar={"title": {"text": "% of the true class", "side": "right"}, "thickness": 12},
        )
    )
    titled(figure, "Confusion of the classes", "predicted class", "true class")
    figure.update_xaxes(type="category")
    return figure.update_yaxes(type="category", autorange="reversed")
