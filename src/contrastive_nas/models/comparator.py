"""Which of two networks is better: a score per graph, and win probabilities from two scores."""

import torch
from torch import Tensor, nn

from contrastive_nas.models.encoder import Encoder, EncoderInput


class Comparator(nn.Module):
    """p(a beats b) = sigmoid((score(a) - score(b)) / temperature).

    Every antisymmetric comparator that ranks transitively is of this form, and ranking N graphs costs N
    encodings.

    Args:
        encoder: embeds graphs; it is trained together with the head.
    """

    temperature: Tensor

    def __init__(self, encoder: Encoder) -> None:
        super().__init__()
        self.encoder = encoder
        width = encoder.parameters_.embedding
        self.head = nn.Sequential(
            nn.LayerNorm(width), nn.Linear(width, width), nn.ReLU(), nn.Linear(width, 1)
        )
        self.register_buffer("temperature", torch.ones(()))

    def forward(self, graphs: EncoderInput) -> Tensor:
        """Scores, one per graph, on the scale of the logits of the comparison."""
        scores: Tensor = self.head(self.encoder(graphs)).squeeze(1)
        return scores / self.temperature


def win_probability(first: Tensor, second: Tensor) -> Tensor:
    """p(first beats second) from two tensors of scores.

    The larger side is computed and the other taken as 1 minus it, so that both directions add up to exactly
    1.
    """
    difference = first - second
    larger = torch.sigmoid(difference.abs())
    return torch.where(difference >= 0, larger, 1 - larger)


def pairwise_logits(scores: Tensor) -> Tensor:
    """n x n logits, row beats column."""
    return scores[:, None] - scores[None, :]
