"""Parameters that say what an experiment is about; most stages take them."""

from typing import Annotated, Any

from pydantic import Field

from contrastive_nas.typed import Seed, Typed

ExperimentSeed = Annotated[
    Seed,
    Field(description="Seed of everything random without a seed of its own. Same seed, same result."),
]
Device = Annotated[
    str,
    Field(
        description="Device of encoders, comparators and retraining: ``cpu``, ``cuda``, or ``auto``, which "
        "takes CUDA where there is one.",
    ),
]


class SpaceParameters(Typed):
    """The search space.

    Attributes:
        name: Name of a space (``contrastive-nas spaces`` lists them), or ``path/to/file.py:Class`` for your
            own.
        options: Options of the space by name, such as ``classes``. Each space has its own.
    """

    name: str = Field(min_length=1)
    options: dict[str, Any] = Field(default_factory=dict)


class TargetParameters(Typed):
    """Columns of the table that hold accuracies.

    Attributes:
        label: Column with the accuracy that the search sees, in percent. Every value read is a query.
        test: Column with the accuracy that is reported, in percent. Nothing is chosen by it.
    """

    label: str = Field(min_length=1)
    test: str = Field(min_length=1)
