"""Parameters of tuning; free of heavy imports, because pipelines check them before anything runs."""

from collections.abc import Iterable, Mapping
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from contrastive_nas.errors import InputError


class Range(BaseModel):
    """Numbers from ``low`` to ``high``; whole ones where both are.

    Attributes:
        low: least value.
        high: largest value.
        log: whether equal ratios count alike.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    low: int | float
    high: int | float
    log: bool = False

    @model_validator(mode="after")
    def _is_a_range(self) -> "Range":
        if self.low >= self.high:
            raise ValueError(f"low {self.low} is not below high {self.high}")
        if self.log and self.low <= 0:
            raise ValueError(f"log needs a low above 0, not {self.low}")
        return self


class TuneParameters(BaseModel):
    """What is tuned, and how long.

    Attributes:
        stage: ``search``: its strategy on the experiment's table, or on its surrogate where it has one; the
            value is the mean over the queries of the best label so far. ``compare``: the comparator; the
            value is Kendall's tau over the rows that are not labelled.
        values: by the name of a hyper-parameter within the stage's parameters
            (``curriculum.learning_rate``): a range, or the values to choose from.
        trials: settings that are judged or given up.
        seeds: on which every setting is judged; not those of reported results.
        workers: processes; only one is sure to try the same settings again.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    stage: Literal["search", "compare"] = "search"
    values: dict[str, Range | tuple[bool | int | float | str | None, ...]] = Field(
        default={"batch": (1, 5, 10), "evolution.generations": Range(low=2, high=20)}, min_length=1
    )
    trials: int = Field(default=20, ge=1)
    seeds: tuple[int, ...] = Field(default=(100, 101, 102, 103, 104, 105, 106, 107), min_length=1)
    workers: int = Field(default=1, ge=1, le=256)


def with_values(parameters: BaseModel, values: Mapping[str, Any]) -> dict[str, Any]:
    """The content of parameters with some values, named by dotted paths, replaced; not checked yet.

    Raises:
        InputError: an unknown name.
    """
    content = parameters.model_dump()
    for name, value in values.items():
        block, last = _place(content, name)
        block[last] = value
    return content


def values_of(parameters: BaseModel, names: Iterable[str]) -> dict[str, Any]:
    """The values at dotted paths.

    Raises:
        InputError: an unknown name.
    """
    places = {name: _place(parameters.model_dump(), name) for name in names}
    return {name: block[last] for name, (block, last) in places.items()}


def _place(content: dict[str, Any], name: str) -> tuple[dict[str, Any], str]:
    *blocks, last = name.split(".")
    block: Any = content
    for key in blocks:
        block = block.get(key) if isinstance(block, dict) else None
    if not isinstance(block, dict) or last not in block:
        raise InputError(f"tune: {name!r} is no hyper-parameter of the stage")
    return block, last
