import numpy as np
import pytest
import torch

from contrastive_nas.ranking.encoder.contrastive import contrastive_loss


def by_the_formula(embeddings, spectra, positives, temperature, spectral_temperature):
    """METHODS word by word, with loops and double precision."""
    z = embeddings / np.linalg.norm(embeddings, axis=1, keepdims=True)
    total, counted = 0.0, 0
    for i in range(len(z)):
        others = [j for j in range(len(z)) if j != i]
        partners = [j for j in others if positives[i, j]]
        if not partners:
            continue
        denominator = sum(np.exp(z[i] @ z[r] / temperature) for r in others)
        closeness = [
            np.exp(-np.linalg.norm(spectra[i] - spectra[j]) / spectral_temperature) for j in partners
        ]
        for weight, j in zip(closeness, partners, strict=True):
            chi = np.log(np.exp(z[i] @ z[j] / temperature) / denominator)
            total -= weight / sum(closeness) * chi
        counted += 1
    return total / max(counted, 1)


@pytest.mark.parametrize("families", [[0, 0, 1, 1, 1, 2], [0, 0, 0, 0, 0, 0], [0, 1, 2, 3, 4, 5]])
def test_loss_is_the_formula(families):
    rng = np.random.default_rng(0)
    embeddings, spectra = rng.normal(size=(6, 4)), rng.uniform(0, 0.3, size=(6, 5))
    positives = np.equal.outer(families, families)
    found = contrastive_loss(
        torch.tensor(embeddings), torch.tensor(spectra), torch.tensor(positives), temperature=0.3
    )
    assert found.item() == pytest.approx(by_the_formula(embeddings, spectra, positives, 0.3, 0.05), abs=1e-9)


def test_similar_spectra_attract():
    """The loss falls when a graph moves to its spectral neighbour, and rises when it moves to the other."""
    spectra = torch.tensor([[0.0], [0.01], [1.0]])
    positives = torch.ones(3, 3, dtype=torch.bool)
    near = torch.tensor([[1.0, 0.0], [1.0, 0.1], [0.0, 1.0]])
    far = torch.tensor([[1.0, 0.0], [0.0, 1.0], [1.0, 0.1]])
    assert contrastive_loss(near, spectra, positives, temperature=0.5) < contrastive_loss(
        far, spectra, positives, temperature=0.5
    )


def test_gradient_is_finite_where_spectra_are_equal_or_partners_missing():
    embeddings = torch.randn(4, 3, requires_grad=True)
    positives = torch.tensor(np.equal.outer([0, 0, 0, 1], [0, 0, 0, 1]))
    contrastive_loss(embeddings, torch.zeros(4, 2), positives, temperature=0.1).backward()
    assert torch.isfinite(embeddings.grad).all()
