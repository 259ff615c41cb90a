"""Accuracies with the weights that networks inherit from one trained supernet."""

import logging
import math
import time
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd

from contrastive_nas.errors import InputError
from contrastive_nas.evaluators.base import Evaluation, Evaluator, is_machine_fault
from contrastive_nas.spaces.base import Architecture, SearchSpace
from contrastive_nas.training.config import DataSettings
from contrastive_nas.training.data.open import data_identity
from contrastive_nas.training.supernet.inherited import InheritedNetworks, supernet_data
from contrastive_nas.training.supernet.weights_file import file_digest, read_supernet_header

logger = logging.getLogger(__name__)
# To be raised by whoever changes what may move an accuracy: statistics, images, parts of weights.
VERSION = 1


class SupernetEvaluator(Evaluator):
    """Measures networks on held-out training images, without training them.

    An accuracy with inherited weights orders networks; it is not what a training of its own would give. So it
    is a prediction to the ledger, accuracies of a table are not on its scale, and a chosen network is
    reported with its test accuracy with inherited weights until it is retrained.

    Args:
        space: of the networks.
        weights: file of the supernet; None where the experiment has none.
        data: images; those that the supernet was trained on by default.
        statistics_images: training images that a network's statistics of batch norm are taken of.
        device: ``auto``, ``cpu`` or ``cuda``.

    Raises:
        InputError: no such file.
    """

    origin = "predicted"

    def __init__(
        self,
        space: SearchSpace,
        weights: Path | None,
        data: DataSettings | None = None,
        statistics_images: int = 2000,
        device: str = "auto",
    ) -> None:
        self._space, self._weights, self._data = space, weights, data
        self._statistics_images, self._device = statistics_images, device
        if weights is not None:
            read_supernet_header(weights)

    @cached_property
    def identity(self) -> dict[str, Any]:
        weights = self._file()
        data = supernet_data(weights, self._data)
        return {
            "kind": "supernet",
            "space": self._space.identity,
            "weights": file_digest(weights),
            "data": data_identity(data),
            "statistics images": self._statistics_images,
            "version": VERSION,
        }

    def evaluate(self, architectures: Sequence[Architecture]) -> list[Evaluation]:
        networks = self._networks  # images or a file that cannot be used are no fault of a network
        return [self._measured(networks, architecture) for architecture in architectures]

    def final_accuracy(self, architecture: Architecture) -> float:
        """Return accuracy on the test images with inherited weights, percent."""
        return self._networks.test_accuracy(architecture)

    def reference(self, table: pd.DataFrame, columns: Sequence[str]) -> pd.DataFrame:
        return table.assign(**dict.fromkeys(columns, math.nan))

    def _measured(self, networks: InheritedNetworks, architecture: Architecture) -> Evaluation:
        start = time.process_time()
        try:
            accuracy = networks.valid_accuracy(architecture)
        except Exception as error:  # whatever a user's network does is recorded; the search goes on
            logger.warning("%s could not be measured", architecture, exc_info=True)
            seconds, reason = time.process_time() - start, f"{type(error).__name__}: {error}"
            return Evaluation(architecture, math.nan, self.origin, seconds, reason, is_machine_fault(error))
        return Evaluation(architecture, accuracy, self.origin, time.process_time() - start)

    @cached_property
    def _networks(self) -> InheritedNetworks:
        return InheritedNetworks(self._file(), self._data, self._statistics_images, self._space, self._device)

    def _file(self) -> Path:
        if self._weights is None:
            raise InputError(
                "the evaluator supernet has no supernet: train one with `kedro run --pipeline supernet`, or "
                "name a file by evaluator.supernet.weights"
            )
        return self._weights
