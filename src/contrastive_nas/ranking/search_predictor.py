"""The models that guide a search, by name."""

from pathlib import Path
from typing import Literal

from contrastive_nas.devices import pick_device
from contrastive_nas.ranking.comparator.predictor import ComparatorPredictor
from contrastive_nas.ranking.gaussian_process.ranker import GaussianPredictor
from contrastive_nas.ranking.parameters import CompareParameters
from contrastive_nas.ranking.transfer.predictor import TransferPredictor
from contrastive_nas.ranking.transfer.weights import load_transfer
from contrastive_nas.ranking.weights import load_encoder
from contrastive_nas.spaces.base import SearchSpace


def make_predictor(
    kind: Literal["comparator", "gaussian_process", "transfer"],
    space: SearchSpace,
    comparator: Path,
    parameters: CompareParameters,
    *,
    seed: int,
    device: str,
) -> ComparatorPredictor | GaussianPredictor | TransferPredictor:
    """A predictor for a space.

    Args:
        kind: ``transfer`` is the shipped model of other spaces, the searched one left out.
        space: what is searched.
        comparator: weights whose encoder every fit of a comparator starts from.
        parameters: of these fits.
        seed: of these fits, or of the sample that statistics are standardised by.
        device: ``auto``, ``cpu`` or ``cuda``.
    """
    if kind == "gaussian_process":
        return GaussianPredictor(space, seed=seed)
    encoder = load_encoder(comparator).to(pick_device(device))
    if kind == "transfer":
        return TransferPredictor(space, load_transfer().without(space.name), encoder, seed=seed)
    return ComparatorPredictor(space, encoder, parameters, seed=seed)
