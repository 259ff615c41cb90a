"""A policy over the categorical choices of a space."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from contrastive_nas.spaces.base import SearchSpace


class Policy(nn.Module):
    """Autoregressive distribution over decision vectors.

    An LSTM reads the decisions made so far, one linear head a choice gives the logits of the next.

    Starts exactly uniform (the heads are zero). Whole batches are sampled at once.

    Source: Chen et al., Contrastive Neural Architecture Search with Neural Architecture Comparators, CVPR
    2021, section 3.3, where one architecture is sampled at a time.

    Args:
        widths: number of options of every choice.
        hidden: width of the LSTM.
        seed: of the initial weights.
    """

    starts: Tensor
    mask: Tensor

    def __init__(self, widths: Sequence[int], hidden: int = 64, seed: int = 0) -> None:
        super().__init__()
        width = max(widths)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.embedding = nn.Embedding(sum(widths) + 1, hidden)
            self.recurrent = nn.LSTM(hidden, hidden, batch_first=True)
        self.heads = nn.Parameter(torch.zeros(len(widths), hidden, width))
        self.biases = nn.Parameter(torch.zeros(len(widths), width))
        impossible = torch.arange(width) >= torch.tensor(widths)[:, None]
        mask = torch.zeros(impossible.shape).masked_fill(impossible, -torch.inf)
        self.register_buffer("starts", torch.tensor([0, *widths[:-1]]).cumsum(0), persistent=False)
        self.register_buffer("mask", mask, persistent=False)
        self.choices = len(widths)
        self.begin = sum(widths)

    @classmethod
    def of_space(cls, space: SearchSpace, hidden: int = 64, seed: int = 0) -> "Policy":
        """Return a policy over ``space.choices``."""
        return cls([len(choice.options) for choice in space.choices], hidden, seed)

    @torch.no_grad()
    def sample(self, count: int, generator: torch.Generator) -> Tensor:
        """Return independent decision vectors, int64, count x choices."""
        device = self.heads.device
        token = torch.full((count, 1), self.begin, device=device)
        state: tuple[Tensor, Tensor] | None = None
        picked: list[Tensor] = []
        for position in range(self.choices):
            output, state = self.recurrent(self.embedding(token), state)
            logits = output[:, 0] @ self.heads[position] + self.biases[position] + self.mask[position]
            # Gumbel's trick: faster than multinomial and drawn on the generator's own device.
            uniform = torch.rand(logits.shape, generator=generator, device=generator.device).to(device)
            choice = (logits - torch.log(-torch.log(uniform.clamp_min(1e-20)))).argmax(1, keepdim=True)
            picked.append(choice)
            token = choice + self.starts[position]
        return torch.cat(picked, 1)

    def forward(self, decisions: Tensor) -> tuple[Tensor, Tensor]:
        """Return log-probability and entropy of decision vectors.

        Args:
            decisions: int64, count x choices.

        Returns:
            two float tensors of length count; the entropy is the sum over choices of that of each
            conditional.
        """
        tokens = decisions + self.starts
        begin = torch.full_like(tokens[:, :1], self.begin)
        output, _ = self.recurrent(self.embedding(torch.cat([begin, tokens[:, :-1]], 1)))
        logits = torch.einsum("ncd,cdw->ncw", output, self.heads) + self.biases + self.mask
        logs = torch.log_softmax(logits, dim=-1)
        chosen = logs.gather(2, decisions[:, :, None])[:, :, 0].sum(1)
        entropy = -(logs.exp() * logs.clamp_min(-1e4)).sum((1, 2))
        return chosen, entropy
