"""The one training loop of the graph models."""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from contrastive_nas.checkpoints import Checkpoints
from contrastive_nas.progress import progress
from contrastive_nas.ranking.parameters import Optimisation


def fit(
    model: nn.Module,
    loss: Callable[[int], Tensor],
    optimisation: Optimisation,
    *,
    seed: int,
    description: str,
    checkpoints: Checkpoints | None = None,
) -> list[float]:
    """Minimise ``loss``, a function of the step's number, over the weights of ``model``.

    Every step seeds torch's random numbers anew, so that a run continued from a checkpoint gives the bits of
    an uninterrupted one; the caller's random numbers are not touched.

    Returns:
        The loss of each step.
    """
    optimizer = torch.optim.AdamW(model.parameters(), lr=optimisation.rate, weight_decay=optimisation.decay)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, _warm_cosine(optimisation.steps))
    losses: list[float] = []
    parts: Sequence[Any] = (model, optimizer, schedule)
    state = checkpoints.load() if checkpoints else None
    if state is not None:
        losses = list(state["losses"])
        for part, values in zip(parts, state["parts"], strict=True):
            part.load_state_dict(values)

    model.train()
    with torch.random.fork_rng():
        for step in progress(range(len(losses), optimisation.steps), description):
            torch.manual_seed((seed << 32) + step)
            optimizer.zero_grad(set_to_none=True)
            value = loss(step)
            value.backward()
            nn.utils.clip_grad_norm_(model.parameters(), optimisation.clip)
            optimizer.step()
            schedule.step()
            losses.append(value.item())
            if checkpoints:
                checkpoints.save_if_due(
                    lambda: {"losses": losses, "parts": [part.state_dict() for part in parts]}
                )
    model.eval()
    return losses


def _warm_cosine(steps: int) -> Callable[[int], float]:
    warm = max(1, steps // 10)

    def factor(step: int) -> float:
        cosine = 0.5 * (1 + torch.cos(torch.tensor(torch.pi * step / max(1, steps))).item())
        return min(1.0, (step + 1) / warm) * cosine

    return factor
