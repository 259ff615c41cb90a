"""What a sub-network is worth with the weights that it inherits from a trained supernet.

The moving statistics of a supernet's batch norms are those of a mixture of networks, so every network takes
its own of some training images before it is asked (Once-for-All, appendix; Yu and Huang, Universally
Slimmable Networks, ICCV 2019, section 3.2).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from contrastive_nas.devices import pick_device
from contrastive_nas.errors import InputError
from contrastive_nas.spaces.base import Architecture, SearchSpace
from contrastive_nas.training.config import DataSettings, ShortSettings
from contrastive_nas.training.data.base import ImageSource, Subset
from contrastive_nas.training.data.feed import CorruptLog
from contrastive_nas.training.data.open import open_sources
from contrastive_nas.training.data.prepare import TestFeed
from contrastive_nas.training.data.transforms import Preparation, test_transform
from contrastive_nas.training.export import Header, save_network
from contrastive_nas.training.network import NetworkName
from contrastive_nas.training.scoring import Score, score
from contrastive_nas.training.short import split_training_images
from contrastive_nas.training.supernet.weights_file import load_supernet, read_supernet_header
from contrastive_nas.training.trainer import settle_statistics

# Decoded images of one size take at most this much memory; larger sets are decoded for every network.
_LARGEST_KEPT = 2**30


@dataclass(frozen=True)
class _SizedImages:
    """Images of one size: those that statistics are taken of, those held out, those for the report."""

    statistics: TestFeed
    valid: TestFeed
    test: TestFeed


class InheritedNetworks:
    """The networks of a supernet, each with statistics of its own.

    Args:
        weights: file of the supernet.
        data: images; those that it was trained on by default.
        statistics_images: number of training images that statistics are taken of.
        space: what its networks must be of; the file's own by default.
        device: ``auto``, ``cpu`` or ``cuda``.

    Raises:
        InputError: no such file, of another space, or images of other classes.
    """

    def __init__(
        self,
        weights: Path,
        data: DataSettings | None = None,
        statistics_images: int = 2000,
        space: SearchSpace | None = None,
        device: str = "auto",
    ) -> None:
        self.supernet, self.header = load_supernet(weights, space)
        data = supernet_data(weights, data)
        self._dataset = data.name
        self._device = pick_device(device)
        self.supernet.to(self._device).eval()
        settings = ShortSettings(
            data=data, valid_images=self.header.valid_images, train_images=self.header.train_images
        )
        train, self._test = open_sources(data, len(self.header.classes))
        chosen, self._valid = split_training_images(train, settings)
        # A fixed part, with the classes as they come.
        rows = np.random.default_rng(0).permutation(len(chosen))[:statistics_images]
        self._statistics = Subset(chosen, np.sort(rows))
        self._workers = data.workers
        self._corrupt = CorruptLog(max(1, int(data.max_corrupt_share * (len(train) + len(self._test)))))
        self._sized: dict[int, _SizedImages] = {}
        preprocessing = self.header.preprocessing
        self._preparation = Preparation(preprocessing.mean, preprocessing.std, self._device)

    def network(self, architecture: Architecture, *, own_statistics: bool = True) -> nn.Module:
        """Return the extracted network in evaluation mode, on the device.

        Args:
            architecture: of the supernet's space.
            own_statistics: whether statistics of batch norm are taken anew; else they are the mixture's.

        Raises:
            InputError: no architecture of the space.
        """
        network = self.supernet.extract(architecture).to(self._device)
        if own_statistics:
            settle_statistics(network, self._statistics_batches(architecture))
        return network.eval()

    def valid_accuracy(self, architecture: Architecture, *, own_statistics: bool = True) -> float:
        """Return accuracy on the held-out training images, percent; arguments as those of :meth:`network`."""
        network = self.network(architecture, own_statistics=own_statistics)
        return self._score(network, self._images(architecture).valid).top1_accuracy

    def test_accuracy(self, architecture: Architecture) -> float:
        """Return accuracy on the test images, percent: for reports, not for choosing."""
        return self._score(self.network(architecture), self._images(architecture).test).top1_accuracy

    def export(self, architecture: Architecture, path: Path) -> Score:
        """Write the network as a retrained one is written; gives its score on the test images."""
        network = self.network(architecture)
        result = self._score(network, self._images(architecture).test)
        channels, size, _ = self.supernet.space.image_shape(architecture)
        preprocessing = self.header.preprocessing
        header = Header(
            name=NetworkName(self.header.space, self.header.space_options, architecture),
            preprocessing=type(preprocessing)(
                channels, size, preprocessing.mean, preprocessing.std, preprocessing.crop_fraction
            ),
            classes=self.header.classes,
            dataset=self._dataset,
            recipe=f"inherited: {self.header.recipe}",
            test_top1_accuracy=result.top1_accuracy,
            test_top5_accuracy=result.top5_accuracy,
        )
        save_network(network, header, path)
        return result

    def _score(self, network: nn.Module, images: TestFeed) -> Score:
        return score(network, images, self._preparation, self._device)

    def _statistics_batches(self, architecture: Architecture) -> Iterator[Tensor]:
        for batch in self._images(architecture).statistics:
            yield self._preparation(batch.images.to(self._device))

    def _images(self, architecture: Architecture) -> _SizedImages:
        size = self.supernet.space.image_shape(architecture)[1]
        if size not in self._sized:
            self._sized[size] = _SizedImages(
                *(self._feed(source, size) for source in (self._statistics, self._valid, self._test))
            )
        return self._sized[size]

    def _feed(self, source: ImageSource, size: int) -> TestFeed:
        preprocessing = self.header.preprocessing
        keep = len(source) * preprocessing.channels * size**2 <= _LARGEST_KEPT
        return TestFeed(
            source,
            test_transform(size, preprocessing.crop_fraction),
            preprocessing.channels,
            self._corrupt,
            0 if keep else self._workers,
            range(len(source)),
            keep=keep,
        )


def supernet_data(weights: Path, data: DataSettings | None = None) -> DataSettings:
    """Return images of a supernet's file, unless others are given.

    Raises:
        InputError: the file does not say which.
    """
    own = read_supernet_header(weights).data if data is None else None
    if data is None and own is None:
        raise InputError(f"supernet {weights} does not say where its images are: set evaluator.supernet.data")
    return data or DataSettings.model_validate(own)


def inherited_weights(weights: Path, space: SearchSpace, architecture: Architecture) -> dict[str, Tensor]:
    """Return the weights that a network inherits, by the names of the space's module, to be trained further.

    Raises:
        InputError: no such file, of another space, or no architecture of it.
    """
    supernet, _ = load_supernet(weights, space)
    with torch.no_grad():
        return {name: part.clone() for name, part in supernet.parts(architecture).items()}
