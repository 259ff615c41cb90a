"""Parameters of tuning; free of heavy imports, because pipelines check them before anything runs."""

from collections.abc import Iterable, Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Discriminator, Field, Tag, model_validator

from contrastive_nas.errors import InputError, instead
from contrastive_nas.execution.nested import flat
from contrastive_nas.typed import Seed, Typed


class Range(Typed):
    """Numbers from ``low`` to ``high``; whole ones where both are.

    Attributes:
        low: Smallest value.
        high: Largest value.
        log: Whether values are spread evenly on a logarithmic scale.
    """

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


Choice = Annotated[
    Annotated[Range, Tag("range")] | Annotated[tuple[bool | int | float | str | None, ...], Tag("list")],
    Discriminator(lambda given: "range" if isinstance(given, Range | Mapping) else "list"),
]


class TuneParameters(Typed):
    """Which hyper-parameters are tuned, and how long.

    Attributes:
        stage: Stage to tune. ``search``: its strategy, on the experiment's table or surrogate, judged by the
            mean over the queries of the best label so far. ``compare``: the comparator, judged by Kendall's
            tau over the rows without a label.
        values: What to try, by the name of a parameter within the stage, such as
            ``curriculum.learning_rate``: a list of values, or a range with ``low``, ``high`` and ``log``. The
            value in use must be among them.
        trials: Number of settings to try.
        seeds: Seeds on which every setting is judged. Use other ones than for reported results.
        workers: Number of processes. Only one is sure to try the same settings again.
    """

    stage: Literal["search", "compare"] = "search"
    values: dict[str, Choice] = Field(
        default={"batch": (1, 5, 10), "evolution.generations": Range(low=2, high=20)}, min_length=1
    )
    trials: int = Field(default=20, ge=1)
    seeds: tuple[Seed, ...] = Field(default=(100, 101, 102, 103, 104, 105, 106, 107), min_length=1)
    workers: int = Field(default=1, ge=1, le=256)


def with_values(parameters: BaseModel, values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the content of parameters with some values, named by dotted paths, replaced; not checked yet.

    Raises:
        InputError: an unknown name.
    """
    content = parameters.model_dump()
    for name, value in values.items():
        block, last = _place(content, name)
        block[last] = value
    return content


def values_of(parameters: BaseModel, names: Iterable[str]) -> dict[str, Any]:
    """Return the values at dotted paths.

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
        known = [parameter for parameter, _ in flat(content)]
        raise InputError(f"tune.values: the stage has no parameter {name!r}{instead(name, known)}")
    return block, last
