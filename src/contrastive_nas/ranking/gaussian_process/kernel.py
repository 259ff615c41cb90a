"""The kernels with which networks are compared, on columns of standardised features."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor


@dataclass(frozen=True)
class View:
    """How two inputs are compared.

    Attributes:
        kernel: ``matern``: Matern 5/2 on root mean square differences of standardised columns; ``linear``:
            mean product of standardised columns; ``hamming``: exp(-differing choices / length) on one-hot
            columns.
        columns: how many columns of the input belong to the view; views stand side by side.
    """

    kernel: Literal["matern", "linear", "hamming"]
    columns: int


def compared(first: Tensor, second: Tensor, views: Sequence[View]) -> list[Tensor]:
    """Per view, points of ``first`` x points of ``second``: distances, or products for a linear kernel.

    They do not depend on variances and lengths.
    """
    widths = [view.columns for view in views]
    parts = []
    for view, a, b in zip(views, first.split(widths, 1), second.split(widths, 1), strict=True):
        product = a @ b.T
        if view.kernel == "linear":
            parts.append(product / view.columns)
        elif view.kernel == "hamming":
            parts.append(a.sum(1, keepdim=True) - product)
        else:
            squared = a.square().sum(1, keepdim=True) + b.square().sum(1) - 2 * product
            parts.append((squared.clamp_min(0) / view.columns).sqrt())
    return parts


def covariance(parts: Sequence[Tensor], views: Sequence[View], variances: Tensor, lengths: Tensor) -> Tensor:
    """Return sum of the views' kernels from what :func:`compared` gives; a linear kernel has no length."""
    total = torch.zeros_like(parts[0])
    for view, part, variance, length in zip(views, parts, variances, lengths, strict=True):
        if view.kernel == "linear":
            total = total + variance * part
        elif view.kernel == "hamming":
            total = total + variance * (-part / length).exp()
        else:
            total = total + variance * matern(part / length)
    return total


def weighted_sums(
    points: Tensor,
    support: Tensor,
    weights: Tensor,
    views: Sequence[View],
    variances: Tensor,
    lengths: Tensor,
) -> Tensor:
    """Return sum over i of weight_i k(x, support_i) for every point x: ``covariance(compared(...)) @
    weights``.

    Linear kernels are summed before they meet the points, and Matern kernels are computed in place: this
    ranks hundreds of thousands of networks.
    """
    widths = [view.columns for view in views]
    total = points.new_zeros(len(points))
    parts = zip(views, points.split(widths, 1), support.split(widths, 1), variances, lengths, strict=True)
    for view, a, b, variance, length in parts:
        if view.kernel == "linear":
            total += a @ (b.T @ weights * (variance / view.columns))
        elif view.kernel == "hamming":
            total += (-compared(a, b, [view])[0] / length).exp_() @ weights * variance
        else:
            scale = 5 / (view.columns * float(length) ** 2)
            squared = torch.addmm(b.square().sum(1) * scale, a, b.T, alpha=-2 * scale)
            squared.add_(a.square().sum(1, keepdim=True), alpha=scale).clamp_min_(0)
            scaled = squared.sqrt()
            # (1 + r + r^2 / 3) exp(-r), see :func:`matern`.
            squared.div_(3).add_(scaled).add_(1).mul_(scaled.neg_().exp_())
            total += squared @ weights * variance
    return total


def prior_variances(points: Tensor, views: Sequence[View], variances: Tensor) -> Tensor:
    """Return the kernel of every point with itself."""
    total = points.new_zeros(len(points))
    parts = points.split([view.columns for view in views], 1)
    for view, part, variance in zip(views, parts, variances, strict=True):
        total = total + variance * (part.square().mean(1) if view.kernel == "linear" else 1.0)
    return total


def matern(distance: Tensor) -> Tensor:
    """Return Matern 5/2 correlation of points at ``distance``, in units of the kernel's length.

    (1 + r + r^2 / 3) exp(-r) with r = sqrt(5) * distance: Rasmussen and Williams, Gaussian Processes for
    Machine Learning, 2006, equation 4.17.
    """
    scaled = math.sqrt(5) * distance
    return (1 + scaled + scaled.square() / 3) * (-scaled).exp()
