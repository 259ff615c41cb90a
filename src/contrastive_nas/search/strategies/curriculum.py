"""Curriculum search: a policy learns to beat a baseline that rises with it."""

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from contrastive_nas.search.strategies.base import RankerStrategy, Setting
from contrastive_nas.search.strategies.policy import Policy
from contrastive_nas.spaces.base import Architecture

FloatArray = NDArray[np.float64]
IMPOSSIBLE = 0.0
CHALLENGERS = 64


class Curriculum(RankerStrategy):
    """Policy gradient on the probability that a sample beats the baseline.

    Each round starts a new policy, as the refitted ranker sees the space differently, and takes some
    steps of REINFORCE: reward p(sample beats baseline), batch mean as control variate, entropy bonus. Every
    few steps the baseline becomes the best of the recent samples and itself by mean winning probability
    among them. The round's labels are bought for the samples with most to gain.

    Decision vectors that stand for no architecture get reward 0 and are never proposed. Where costs count
    too, every round draws a budget, samples beyond it get reward 0, and the baseline is the best within it:
    over the rounds the policies cover the front.

    Source: Chen et al., CVPR 2021, section 3.3 and algorithm 1; batched sampling, the control variate and
    buying labels in rounds are additions.
    """

    def __init__(self, setting: Setting) -> None:
        super().__init__(setting)
        self.parameters = setting.parameters.curriculum
        self._generator = torch.Generator().manual_seed(int(self.rng.integers(2**62)))
        self._decoded: dict[bytes, Architecture | None] = {}

    def candidates(self) -> list[Architecture]:
        return self._improve_policy(self._draw_budget())

    def _draw_budget(self) -> FloatArray | None:
        """Costs between those of a labelled architecture and the largest that count; None without costs."""
        if self.costs is None:
            return None
        labelled = self.costs.measure(list(self.labels))
        low = labelled[int(self.rng.integers(len(labelled)))]
        return low + self.rng.random() * np.maximum(self.costs.reference - low, 0)

    def _affordable(self, architectures: list[Architecture], budget: FloatArray | None) -> list[Architecture]:
        if budget is None or self.costs is None:
            return architectures
        within: NDArray[np.bool_] = np.all(self.costs.measure(architectures) <= budget, axis=1)
        return [name for name, fits in zip(architectures, within.tolist(), strict=True) if fits]

    def _improve_policy(self, budget: FloatArray | None) -> list[Architecture]:
        """All distinct architectures within the budget that a new policy sampled while it learned."""
        parameters = self.parameters
        baseline = max(self._affordable(list(self.labels), budget), key=self.labels.__getitem__)
        policy = Policy.of_space(self.space, parameters.hidden, seed=int(self.rng.integers(2**31)))
        optimizer = torch.optim.Adam(policy.parameters(), lr=parameters.learning_rate)
        seen: dict[Architecture, None] = {}
        recent: dict[Architecture, None] = {}
        for step in range(1, parameters.steps + 1):
            decisions = policy.sample(parameters.samples, self._generator)
            architectures, index = self._decode(decisions.numpy())
            possible = self._affordable([name for name in architectures if name is not None], budget)
            rewards = self._rewards(architectures, possible, baseline)[index]
            entropy = _reinforce(policy, optimizer, decisions, rewards, parameters.entropy_bonus)
            recent.update(dict.fromkeys(possible))
            self._record(step, baseline, float(rewards.mean()), entropy)
            if parameters.baseline_every and step % parameters.baseline_every == 0 and recent:
                baseline = self._raise_baseline(baseline, list(recent))
                seen.update(recent)
                recent = {}
        return list(seen | recent)

    def _decode(self, decisions: NDArray[np.int64]) -> tuple[list[Architecture | None], NDArray[np.intp]]:
        """Distinct architectures of a batch, and for every row the number of its own."""
        rows, index = np.unique(decisions, axis=0, return_inverse=True)
        new = [row for row in rows if row.tobytes() not in self._decoded]
        found = self.space.decode_many([row.tolist() for row in new])
        self._decoded.update((row.tobytes(), name) for row, name in zip(new, found, strict=True))
        return [self._decoded[row.tobytes()] for row in rows], index.reshape(-1)

    def _rewards(
        self, architectures: list[Architecture | None], possible: list[Architecture], baseline: Architecture
    ) -> FloatArray:
        """Rewards of the possible ones; all others get the least that there is."""
        if not possible:
            return np.full(len(architectures), IMPOSSIBLE)
        if self.parameters.reward == "score":
            values = self.ranker.scores(possible)
        else:
            values = self.ranker.probability(possible, [baseline])[:, 0]
        least = min(IMPOSSIBLE, float(values.min()))
        known: dict[Architecture | None, float] = dict(zip(possible, values.tolist(), strict=True))
        return np.array([known.get(name, least) for name in architectures])

    def _raise_baseline(self, baseline: Architecture, recent: list[Architecture]) -> Architecture:
        """The candidate that beats the other candidates with the highest mean probability."""
        candidates = list(dict.fromkeys([baseline, *recent]))
        if len(candidates) > CHALLENGERS:
            # All pairs among thousands cost more than they tell: only the strongest can win.
            order = np.argsort(-self.ranker.scores(candidates), kind="stable")[:CHALLENGERS]
            candidates = [candidates[index] for index in order]
        wins = self.ranker.probability(candidates, candidates).mean(1)
        return candidates[int(np.argmax(wins))]

    def _record(self, step: int, baseline: Architecture, reward: float, entropy: float) -> None:
        row: dict[str, Any] = {"queries": len(self.asked), "step": step, "baseline": baseline}
        row |= {"mean_reward": reward, "entropy": entropy}
        self.trace.append(row)


def _reinforce(
    policy: Policy,
    optimizer: torch.optim.Optimizer,
    decisions: torch.Tensor,
    rewards: FloatArray,
    entropy_bonus: float,
) -> float:
    """One step of REINFORCE; returns the mean entropy in nats."""
    advantage = torch.from_numpy(rewards - rewards.mean()).float()
    log_probability, entropy = policy(decisions)
    loss = -(advantage * log_probability).mean() - entropy_bonus * entropy.mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    return float(entropy.mean().detach())
