"""What a supernet will cost, before there are images or devices."""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from contrastive_nas.graphs.costs import graph_multiply_accumulates, graph_output_elements
from contrastive_nas.spaces.registry import load_space
from contrastive_nas.training.data.open import open_source
from contrastive_nas.training.forecast import (
    FLOPS_PER_MAC,
    SECONDS_PER_DAY,
    USEFUL_FLOPS,
    gpu_days,
    memory_gigabytes,
)
from contrastive_nas.training.recipe import load_recipe
from contrastive_nas.training.supernet.config import SupernetSettings
from contrastive_nas.training.supernet.run import check_recipe, check_schedule, phase_plans
from contrastive_nas.training.supernet.shared_weights import Supernet

# Networks whose mean is taken for the costs of a random one.
_DRAWN = 200


@dataclass(frozen=True)
class Phase:
    """One phase of a training.

    Attributes:
        epochs: in all.
        updates: in all.
        batch: images per update over all devices.
        learning_rate: largest.
        macs: multiply-accumulates for one image, forward, of all networks of an update.
        gpu_days: of one GPU with :data:`contrastive_nas.training.forecast.USEFUL_FLOPS`.
    """

    epochs: int
    updates: int
    batch: int
    learning_rate: float
    macs: float
    gpu_days: float


@dataclass(frozen=True)
class SupernetForecast:
    """The plan of a supernet's training and its price.

    Attributes:
        space: name of the space.
        schedule: which networks an update trains.
        devices: processes.
        samples: training images, without those held out.
        params: shared weights.
        largest_macs: multiply-accumulates of the largest network.
        mean_macs: mean over random networks.
        images_per_second: that the price assumes, over all devices, in the last phase.
        gigabytes: of memory on every device, with the outputs of the largest network; sub-networks go
            backward one after another. See :func:`contrastive_nas.training.forecast.memory_gigabytes`.
        gpu_days: of all phases.
        phases: in their order.
    """

    space: str
    schedule: str
    devices: int
    samples: int
    params: int
    largest_macs: int
    mean_macs: float
    images_per_second: float
    gigabytes: float
    gpu_days: float
    phases: tuple[Phase, ...]

    def describe(self) -> str:
        """Return the plan in a few lines."""
        lines = [
            f"supernet of {self.space}, {self.schedule}: {self.params:,} shared weights",
            f"largest network {self.largest_macs / 1e6:.1f} M multiply-accumulates, random ones "
            f"{self.mean_macs / 1e6:.1f} M on average; {self.samples} images",
        ]
        lines += [
            f"phase {number}: {phase.epochs} epochs, {phase.updates} updates of {phase.batch} images, rate "
            f"{phase.learning_rate:.4g}, {phase.macs / 1e6:.0f} M multiply-accumulates an image, "
            f"{phase.gpu_days:.2g} GPU days"
            for number, phase in enumerate(self.phases, start=1)
        ]
        return "\n".join(
            [
                *lines,
                f"expected: {self.gpu_days:.3g} GPU days at {USEFUL_FLOPS / 1e12:g} TFLOP/s, "
                f"{self.gpu_days / self.devices:.2g} days on {self.devices} devices, "
                f"{self.images_per_second:.0f} images a second in the last phase, "
                f"{self.gigabytes:.2g} GB a device",
            ]
        )

    def as_dict(self) -> dict[str, Any]:
        """Return all attributes."""
        return asdict(self)


def forecast_supernet(settings: SupernetSettings, devices: int) -> SupernetForecast:
    """Plan a training without starting it.

    Args:
        settings: of the run; ``data.images`` spares counting the images.
        devices: processes.

    Raises:
        InputError: space, recipe, schedule or images cannot be used.
    """
    recipe = load_recipe(settings.recipe, settings.overrides)
    check_recipe(recipe)
    space = load_space(settings.space, **settings.space_options)
    supernet = Supernet(space)
    check_schedule(settings, supernet)
    drawn, rng = supernet.subnetworks, np.random.default_rng(0)
    random_ones = [drawn.sample(rng) for _ in range(_DRAWN)]
    graphs = space.graphs([supernet.active, drawn.smallest(supernet.active), *random_ones])
    largest, smallest, *others = graph_multiply_accumulates(graphs).tolist()
    mean = float(np.mean(others))
    images = settings.data.images or len(open_source(settings.data, "train"))
    samples = settings.train_images or images - settings.valid_images
    phases = []
    for number, plan in enumerate(phase_plans(settings, recipe, samples, devices, supernet)):
        forward = _forward_macs(settings, number, largest, smallest, mean)
        # A teacher goes forward only, once for every path.
        taught = settings.random_networks if drawn.has_paths else 1
        teaching = taught * largest if settings.schedule == "progressive" and number else 0
        operations = (FLOPS_PER_MAC * forward + 2 * teaching) * samples * plan.epochs
        phases.append(
            Phase(
                plan.epochs,
                plan.updates,
                plan.batch,
                plan.learning_rate,
                forward + teaching,
                gpu_days(operations),
            )
        )
    params = sum(weight.numel() for weight in supernet.parameters())
    last, final = phases[-1], samples * phases[-1].epochs
    return SupernetForecast(
        space=settings.space,
        schedule=settings.schedule,
        devices=devices,
        samples=samples,
        params=params,
        largest_macs=largest,
        mean_macs=mean,
        images_per_second=devices * final / (last.gpu_days * SECONDS_PER_DAY),
        gigabytes=memory_gigabytes(
            params, int(graph_output_elements(graphs)[0]), recipe.batch_size, settings.precision
        ),
        gpu_days=sum(phase.gpu_days for phase in phases),
        phases=tuple(phases),
    )


def _forward_macs(
    settings: SupernetSettings, phase: int, largest: float, smallest: float, mean: float
) -> float:
    """Multiply-accumulates of an update for one image, of all networks that it trains."""
    if settings.schedule == "sandwich":
        return largest + smallest + settings.random_networks * mean
    if settings.schedule == "progressive" and phase == 0:
        return largest
    return settings.random_networks * mean
