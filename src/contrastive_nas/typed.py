"""Typed parameters, and what is told where values do not fit them."""

from collections.abc import Iterator, Mapping, Sequence
from types import UnionType
from typing import Annotated, Any, TypeGuard, TypeVar, Union, get_args, get_origin

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from contrastive_nas.errors import InputError, instead
from contrastive_nas.quantities import LARGEST_SEED

Seed = Annotated[int, Field(ge=0, le=LARGEST_SEED)]


class Typed(BaseModel):
    """Parameters that refuse unknown names; an empty block within them has its defaults.

    The section ``Attributes`` of a class describes its parameters to their users: the comments in
    ``conf/base`` and ``docs/parameters.md`` are made from it.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    @model_validator(mode="before")
    @classmethod
    def _empty_blocks_have_defaults(cls, given: Any) -> Any:
        if not isinstance(given, Mapping):
            return given
        blocks = {name for name, field in cls.model_fields.items() if isinstance(field.default, BaseModel)}
        return {name: value for name, value in given.items() if value is not None or name not in blocks}


Model = TypeVar("Model", bound=BaseModel)


def read_typed(model: type[Model], values: Any, place: str = "") -> Model:
    """Read values into a model.

    Args:
        model: class of the parameters.
        values: plain data, by the names of the parameters.
        place: where they stand, for messages.

    Raises:
        InputError: every value that does not fit, in one line.
    """
    try:
        return model.model_validate(values)
    except ValidationError as error:
        reasons = "; ".join(describe_validation(error, model))
        raise InputError(f"{place}: {reasons}" if place else reasons) from None


def describe_validation(error: ValidationError, annotation: Any, name: str = "") -> list[str]:
    """Return every value that does not fit, each in one line.

    Args:
        error: what pydantic found.
        annotation: the type that was asked for.
        name: where the values are, for messages; nothing for values that stand alone.
    """
    lines = (_describe(detail, annotation, name) for detail in error.errors(include_url=False))
    return list(dict.fromkeys(lines))


def _describe(detail: Any, annotation: Any, name: str) -> str:
    keys, kinds = _place(annotation, detail["loc"])
    if detail["type"] == "extra_forbidden":
        keys, kinds = _place(annotation, detail["loc"][:-1])
        last = str(detail["loc"][-1])
        known = [field for kind in kinds for field in kind.model_fields]
        return f"{_named(name, [*keys, last])} is unknown{instead(last, known) if known else ''}"
    place = _named(name, keys)
    if detail["type"] == "missing":
        return f"{place} is missing"
    if detail["type"] == "value_error":
        return f"{place}: {detail['ctx']['error']}"
    if detail["type"] == "model_type":
        fields = ", ".join(field for kind in kinds for field in kind.model_fields)
        return f"{place} is {detail['input']!r}: it takes a block of values for {fields}"
    return f"{place} is {detail['input']!r}: {detail['msg']}"


def _named(name: str, keys: Sequence[str]) -> str:
    place = ".".join([name, *keys] if name else keys)
    return f"parameter {place!r}" if name else place or "the values"


def _place(annotation: Any, path: Sequence[Any]) -> tuple[list[str], list[type[BaseModel]]]:
    """Names on the way to a place, without those that pydantic gives to members of a union; its models."""
    found = list(_ways(annotation, path))
    if not found:
        return [str(key) for key in path], []
    shortest = min((keys for keys, _ in found), key=len)
    return shortest, [kind for keys, kind in found if keys == shortest and kind is not None]


def _ways(annotation: Any, path: Sequence[Any]) -> Iterator[tuple[list[str], type[BaseModel] | None]]:
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        yield from _ways(arguments[0], path)
    elif origin in (Union, UnionType):
        for member in arguments:
            yield from _ways(member, path)
            # The key after the union's own is the member's name.
            if path:
                yield from _ways(member, path[1:])
    elif not path:
        yield [], annotation if is_model(annotation) else None
    elif is_model(annotation) and path[0] in annotation.model_fields:
        yield from _below(annotation.model_fields[path[0]].annotation, path)
    elif origin in (dict, list, tuple, Mapping) and arguments:
        item = arguments[-1] if arguments[-1] is not Ellipsis else arguments[0]
        yield from _below(item, path)


def _below(annotation: Any, path: Sequence[Any]) -> Iterator[tuple[list[str], type[BaseModel] | None]]:
    for keys, kind in _ways(annotation, path[1:]):
        yield [str(path[0]), *keys], kind


def is_model(annotation: Any) -> TypeGuard[type[BaseModel]]:
    """Return whether a type is a block of parameters."""
    return isinstance(annotation, type) and issubclass(annotation, BaseModel)
