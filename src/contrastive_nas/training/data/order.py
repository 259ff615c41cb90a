"""Which images an update sees: every one once per epoch, over any number of processes and workers."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from contrastive_nas.training.plan import TrainingPlan
from contrastive_nas.training.seeding import derive_seed

# Images that are mixed with each other where blocks are read together.
_WINDOW = 8192


@dataclass(frozen=True)
class Order:
    """The order of training, a function of the seed, the epoch and the place alone.

    An epoch is cut into ``updates x accumulation x devices`` parts whose sizes differ by at most one image.
    Where any order is equally fast, neighbouring parts go to different devices, so that a whole batch has the
    same images for any number of devices. Where images lie in blocks on the disk, every device gets a run of
    its own.

    Attributes:
        plan: number of images, devices, updates.
        seed: of the run.
        blocks: as :attr:`ImageSource.blocks`.
    """

    plan: TrainingPlan
    seed: int
    blocks: np.ndarray | None = None

    def epoch(self, epoch: int) -> np.ndarray:
        """Return numbers of all images in the order of that epoch, int64, (images,)."""
        rng = np.random.default_rng(derive_seed("order", self.seed, epoch))
        if self.blocks is None:
            return rng.permutation(self.plan.samples)
        return _mixed_blocks(self.blocks, self.plan.samples, rng)

    def parts(self, epoch: int, device: int, first_update: int = 0) -> Iterator[list[np.ndarray]]:
        """Per update from ``first_update`` on, the images of each of its forward passes on one device."""
        plan, order = self.plan, self.epoch(epoch)
        updates, passes, devices = plan.updates_per_epoch, plan.accumulation, plan.devices
        number = updates * passes * devices
        bounds = np.arange(number + 1) * plan.samples // number
        for update in range(first_update, updates):
            if self.blocks is None:
                chosen = [(update * passes + part) * devices + device for part in range(passes)]
            else:
                chosen = [(device * updates + update) * passes + part for part in range(passes)]
            yield [order[bounds[part] : bounds[part + 1]] for part in chosen]


def _mixed_blocks(blocks: np.ndarray, samples: int, rng: np.random.Generator) -> np.ndarray:
    """Blocks in random order, then images in random order within windows of whole blocks."""
    sizes = np.diff(blocks, append=samples)
    place = np.empty(len(blocks), dtype=np.int64)
    shuffled = rng.permutation(len(blocks))
    place[shuffled] = np.cumsum(sizes[shuffled]) // _WINDOW
    return np.lexsort((rng.random(samples), np.repeat(place, sizes)))
