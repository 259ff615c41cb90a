"""The contrastive loss in which spectrally similar graphs attract.

Source: Han et al., A General-Purpose Transferable Predictor for Neural Architecture Search, SDM 2023, section
    4;
Mills et al., GENNAPE, AAAI 2023, section 4.
"""

import torch
from torch import Tensor


def spectral_distances(spectra: Tensor) -> Tensor:
    """Return n x n Euclidean distances between rows of eigenvalues (n x k)."""
    # The direct differences keep equal spectra at distance 0 exactly; a product of matrices does not.
    return torch.cdist(spectra, spectra, compute_mode="donot_use_mm_for_euclid_dist")


def contrastive_loss(
    embeddings: Tensor,
    spectra: Tensor,
    positives: Tensor,
    *,
    temperature: float,
    spectral_temperature: float = 0.05,
) -> Tensor:
    """Return L = - mean over i of sum over j in P(i) of a_ij chi(i, j).

    chi(i, j) = log( exp(z_i.z_j / t) / sum over r != i of exp(z_i.z_r / t) ) with z = h / |h|;
    a_i. = softmax over P(i) of - s(i, .) / ``spectral_temperature``, s the distance of the spectra. The paper
    prints the softmax without the minus sign; its text asks for similar graphs. The paper's sum over i is a
    mean here, so that the size of a batch does not change the learning rate.

    Args:
        embeddings: n x width, of any length.
        spectra: n x k smallest eigenvalues of the normalised Laplacians.
        positives: n x n booleans, j in P(i); the diagonal is ignored.
        temperature: t.
        spectral_temperature: the papers' 0.05.

    Returns:
        The loss over those i that have a positive; 0 where none has one.
    """
    unit = torch.nn.functional.normalize(embeddings, dim=1)
    itself = torch.eye(len(unit), dtype=torch.bool, device=unit.device)
    logits = (unit @ unit.T / temperature).masked_fill(itself, -torch.inf)
    chi = torch.log_softmax(logits, dim=1).masked_fill(itself, 0.0)

    allowed = positives & ~itself
    usable = allowed.any(1)
    closeness = (-spectral_distances(spectra) / spectral_temperature).masked_fill(~allowed, -torch.inf)
    # Rows without a positive would be 0 / 0.
    closeness = closeness.masked_fill(~usable[:, None], 0.0)
    attraction = torch.softmax(closeness, dim=1) * allowed
    losses = -(attraction * chi).sum(1)
    return losses[usable].sum() / usable.sum().clamp_min(1)
