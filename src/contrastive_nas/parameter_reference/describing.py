"""Parameters as their classes describe them: name, type, default, bounds and meaning."""

import inspect
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from enum import Enum
from typing import Annotated, Any, get_args, get_origin

from pydantic import BaseModel, PydanticInvalidForJsonSchema, PydanticUserError, TypeAdapter
from pydantic.fields import FieldInfo

from contrastive_nas.ranking.registry import option_types
from contrastive_nas.typed import is_model

_ENTRY = re.compile(r"^ {4}(\w+): (.*(?:\n {5,}.*)*)", re.MULTILINE)
_ROLE = re.compile(r":\w+:`~?([^`]*)`")
_TYPES = {"integer": "whole number", "number": "number", "string": "text", "boolean": "true or false"}
# Keywords of JSON Schema for bounds, with what they say.
_BOUNDS = {
    "minimum": "at least {}",
    "exclusiveMinimum": "above {}",
    "maximum": "at most {}",
    "exclusiveMaximum": "below {}",
}


class Missing(Enum):
    """No default: a value has to be given."""

    REQUIRED = "required"


@dataclass(frozen=True)
class Parameter:
    """One parameter, or a block of them.

    Attributes:
        name: Dotted name.
        type: Its type in words; empty for a block.
        default: Plain data, or that there is none.
        bounds: Bounds or choices in words; may be empty.
        meaning: One or a few sentences, code between backticks.
    """

    name: str
    type: str
    default: Any
    bounds: str
    meaning: str

    @property
    def is_block(self) -> bool:
        """Whether it only holds other parameters."""
        return not self.type


def describe(name: str, annotation: Any) -> Iterator[Parameter]:
    """Yield a parameter and everything within it, blocks before what they hold.

    Args:
        name: of the parameter.
        annotation: its type: a model, or one with a description.
    """
    if is_model(annotation):
        yield Parameter(name, "", Missing.REQUIRED, "", summary(annotation))
        yield from _fields(name, annotation, None)
    else:
        field = FieldInfo.from_annotation(annotation)
        schema = TypeAdapter(annotation).json_schema()
        yield _leaf(name, schema, {}, Missing.REQUIRED, _clean(field.description or ""))


def describe_options(make: Callable[..., Any]) -> Iterator[Parameter]:
    """Yield the options of a class or function that can be given as plain data, and everything within them.

    What the program itself hands over (a space, an encoder) is left out.
    """
    meanings = entries(inspect.getdoc(make), "Args")
    types, bound = option_types(make), getattr(make, "keywords", {})
    for option, parameter in inspect.signature(make).parameters.items():
        annotation, meaning = types[option], meanings.get(option, "")
        default = Missing.REQUIRED if parameter.default is parameter.empty else parameter.default
        model: type[BaseModel] | None = next(filter(is_model, get_args(annotation)), None)
        if model is not None:
            yield Parameter(option, "", _plain(default), "", meaning or summary(model))
            yield from _fields(option, model, None)
        elif option not in bound and (schema := _schema(annotation)):
            yield _leaf(option, schema, {}, default, meaning)


def _schema(annotation: Any) -> dict[str, Any]:
    """JSON Schema of a type; empty for objects that no plain data describes."""
    try:
        return TypeAdapter(annotation).json_schema()
    except (PydanticUserError, PydanticInvalidForJsonSchema):
        return {}


def _fields(name: str, model: type[BaseModel], default: Any) -> Iterator[Parameter]:
    """What a block holds; ``default`` is the block that is used where none is given, if there is one."""
    schema = model.model_json_schema()
    meanings = attributes(model)
    for key, field in model.model_fields.items():
        place = f"{name}.{key}"
        value = _default(key, field, default)
        meaning = meanings.get(key, "")
        if is_model(field.annotation):
            yield Parameter(place, "", _plain(value), "", meaning)
            yield from _fields(place, field.annotation, None if value is Missing.REQUIRED else value)
            continue
        leaf = _leaf(place, schema["properties"][key], schema.get("$defs", {}), value, meaning)
        if default is not None and field.is_required():
            leaf = replace(
                leaf, bounds=", ".join(filter(None, [leaf.bounds, "has to be given with its block"]))
            )
        yield leaf
        for inner, suffix in _inner_models(field.annotation):
            yield from _fields(f"{place}{suffix}", inner, None)


def _default(key: str, field: FieldInfo, block: Any) -> Any:
    if block is not None:
        return getattr(block, key)
    return Missing.REQUIRED if field.is_required() else field.get_default(call_default_factory=True)


def _leaf(
    name: str, schema: Mapping[str, Any], definitions: Mapping[str, Any], value: Any, meaning: str
) -> Parameter:
    kind, bounds = _words(schema, definitions)
    return Parameter(name, kind, _plain(value), bounds, meaning)


def _plain(value: Any) -> Any:
    return value if isinstance(value, Missing) else TypeAdapter(Any).dump_python(value, mode="json")


def _inner_models(annotation: Any) -> Iterator[tuple[type[BaseModel], str]]:
    """Models that a parameter may be, or may hold under names of the user's choice."""
    for member in get_args(annotation):
        if is_model(member):
            kind = member.model_fields["kind"].default if "kind" in member.model_fields else ""
            yield member, ".NAME" if get_origin(annotation) is dict or not kind else f" ({kind})"
        elif get_origin(member) is Annotated or get_args(member):
            yield from _inner_models(member)


def _words(schema: Mapping[str, Any], definitions: Mapping[str, Any]) -> tuple[str, str]:
    """Type and bounds of a JSON Schema."""
    if "$ref" in schema:
        return _words(definitions[schema["$ref"].rpartition("/")[2]], definitions)
    members = [member for member in schema.get("anyOf", ()) if member.get("type") != "null"]
    if members:
        found = [_words(member, definitions) for member in members]
        types = [kind for kind, _ in found]
        types += ["null"] if len(members) < len(schema["anyOf"]) else []
        bounds = [bound for _, bound in found if bound]
        return _alternatives(list(dict.fromkeys(types))), "; ".join(
            [*dict.fromkeys(bounds), *_examples(schema)]
        )
    if "const" in schema:
        return "text", f"`{schema['const']}`"
    if "enum" in schema:
        return "text", "one of " + ", ".join(f"`{choice}`" for choice in schema["enum"])
    if schema.get("type") == "array":
        return _list_words(schema, definitions)
    if schema.get("type") == "object" or "oneOf" in schema:
        values = schema.get("additionalProperties")
        bound = _words(values, definitions)[1] if isinstance(values, Mapping) else ""
        return "block", f"values {bound}" if bound else ""
    bounds = [words.format(f"{schema[key]:,}") for key, words in _BOUNDS.items() if key in schema]
    if {"minimum", "maximum"} <= schema.keys():
        bounds = [f"{schema['minimum']:,} to {schema['maximum']:,}"]
    return _TYPES.get(schema.get("type", ""), "any value"), ", ".join([*bounds, *_examples(schema)])


def _list_words(schema: Mapping[str, Any], definitions: Mapping[str, Any]) -> tuple[str, str]:
    items = schema.get("items") or schema["prefixItems"][0]
    kind, bounds = _words(items, definitions)
    each = [f"each {bounds}"] if bounds else []
    if "prefixItems" in schema:
        return f"list of {len(schema['prefixItems'])} {_plural(kind)}", "".join(each)
    least = [f"{schema['minItems']} or more"] if schema.get("minItems") else []
    return f"list of {_plural(kind)}", ", ".join([*least, *each])


def _examples(schema: Mapping[str, Any]) -> list[str]:
    examples = schema.get("examples", ())
    return ["among others " + ", ".join(f"`{example}`" for example in examples)] if examples else []


def _plural(kind: str) -> str:
    return {"text": "texts", "block": "blocks"}.get(kind, f"{kind}s" if kind.endswith("number") else kind)


def _alternatives(words: list[str]) -> str:
    *first, last = words
    return f"{', '.join(first)} or {last}" if first else last


def summary(described: Any) -> str:
    """Return the first line of a docstring."""
    return _clean((inspect.getdoc(described) or "").partition("\n\n")[0])


def attributes(model: type) -> dict[str, str]:
    """Return what the docstrings of a class and of those that it inherits from say of each attribute."""
    found: dict[str, str] = {}
    for kind in reversed(model.__mro__):
        found |= entries(vars(kind).get("__doc__"), "Attributes")
    return found


def entries(docstring: str | None, section: str) -> dict[str, str]:
    """Return the texts of a section of a docstring, by name."""
    _, _, rest = inspect.cleandoc(docstring or "").partition(f"\n{section}:\n")
    return {name: _clean(text) for name, text in _ENTRY.findall(rest.partition("\n\n")[0])}


def _clean(text: str) -> str:
    """One line in Markdown."""
    return _ROLE.sub(r"`\1`", " ".join(text.split())).replace("``", "`")
