"""Randomness that depends on the seed and the place in the run alone: a resumed run repeats itself."""

import hashlib
import random

import numpy as np
import torch


def derive_seed(*parts: int | str) -> int:
    """Return a 64-bit seed from any numbers and words, e.g. the run's seed, the rank and the update."""
    digest = hashlib.blake2b(repr(parts).encode(), digest_size=8).digest()
    return int.from_bytes(digest, "little") >> 1


def seed_generators(*parts: int | str) -> None:
    """Seeds the global generators of torch, numpy and Python, from which augmentation and dropout draw."""
    seed = derive_seed(*parts)
    # torch.manual_seed asks every kind of device in turn, which takes 0.1 ms: too long for each image.
    torch.default_generator.manual_seed(seed)
    if torch.cuda.is_initialized():
        torch.cuda.manual_seed(seed)
    random.seed(seed)
    np.random.seed(seed % 2**32)  # noqa: NPY002  timm draws from numpy's global generator
