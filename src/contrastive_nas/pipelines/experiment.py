"""Parameters that say what an experiment is about; most stages take them."""

from typing import Any

from pydantic import BaseModel, ConfigDict, Field


class SpaceParameters(BaseModel):
    """The search space.

    Attributes:
        name: as :func:`contrastive_nas.spaces.load_space` takes it: a name or ``file.py:Class``.
        options: of the space's class.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(min_length=1)
    options: dict[str, Any] = Field(default_factory=dict)


class TargetParameters(BaseModel):
    """Columns of the table.

    Attributes:
        label: the accuracy that may be asked for, query by query.
        test: the accuracy that results are reported with; nothing is chosen by it.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    label: str = Field(min_length=1)
    test: str = Field(min_length=1)
